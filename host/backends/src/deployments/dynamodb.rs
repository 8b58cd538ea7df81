//! Deployments in the table of leases.
//!
//! Their items have the application alone as their hash key, which no lease has. The history of a part is one item,
//! written on the condition of its version. A component is a manifest and its pieces, which are written before it under
//! the name of their upload: a half upload is never seen, and nobody who forgets one upload touches another.

use std::{collections::BTreeSet, error::Error, sync::Arc};

use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
    types::AttributeValue,
};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use tidemill_engine::{
    deploy::{DeployError, Deployment, Deployments, Digest, History, Part},
    limits,
};

use super::{decode, pieces, with_next};
use crate::leases::dynamodb::{
    error::{code, told},
    stored::{APPLICATION, Item, LEASE, number},
};

/// What the range keys of histories begin with; a part follows.
const HISTORY: &str = "deployments/";
/// What the range keys of manifests begin with; a digest follows.
const MANIFEST: &str = "component/";

/// The deployments of one application in a table of leases. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct DynamoDbDeployments {
    client: Client,
    table: Arc<str>,
    application: Arc<str>,
}

/// A component that is whole: under which name its pieces are, and how many.
struct Manifest {
    digest: String,
    upload: String,
    pieces: usize,
}

impl DynamoDbDeployments {
    pub(crate) fn new(client: Client, table: &Arc<str>, application: &str) -> Self {
        Self { client, table: Arc::clone(table), application: application.into() }
    }

    fn key(&self, name: &str) -> Item {
        Item::from([
            (APPLICATION.to_owned(), AttributeValue::S(self.application.to_string())),
            (LEASE.to_owned(), AttributeValue::S(name.to_owned())),
        ])
    }

    fn failed<E>(&self, error: &SdkError<E, HttpResponse>) -> DeployError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        DeployError::Unavailable(told(&self.table, error))
    }

    async fn get(&self, name: &str) -> Result<Option<Item>, DeployError> {
        let call = self.client.get_item().table_name(&*self.table).consistent_read(true);
        let found = call.set_key(Some(self.key(name))).send().await;
        Ok(found.map_err(|error| self.failed(&error))?.item)
    }

    async fn delete(&self, name: &str) -> Result<(), DeployError> {
        let call = self.client.delete_item().table_name(&*self.table);
        let deleted = call.set_key(Some(self.key(name))).send().await;
        deleted.map(drop).map_err(|error| self.failed(&error))
    }

    /// All items whose names begin alike.
    async fn all(&self, begin: &str) -> Result<Vec<Item>, DeployError> {
        let (mut items, mut next) = (Vec::new(), None);
        loop {
            let call = self.client.query().table_name(&*self.table).consistent_read(true);
            let call = call
                .key_condition_expression("#application = :application AND begins_with(#lease, :begin)")
                .expression_attribute_names("#application", APPLICATION)
                .expression_attribute_names("#lease", LEASE)
                .expression_attribute_values(":application", AttributeValue::S(self.application.to_string()))
                .expression_attribute_values(":begin", AttributeValue::S(begin.to_owned()))
                .set_exclusive_start_key(next);
            let page = call.send().await.map_err(|error| self.failed(&error))?;
            items.extend(page.items.unwrap_or_default());
            next = page.last_evaluated_key;
            if next.is_none() {
                return Ok(items);
            }
        }
    }

    async fn kept(&self, part: &Part) -> Result<History, DeployError> {
        let item = self.get(&format!("{HISTORY}{part}")).await?;
        item.map_or_else(|| Ok(History::default()), |item| history(&item))
    }

    async fn manifest(&self, digest: &Digest) -> Result<Option<Manifest>, DeployError> {
        let item = self.get(&format!("{MANIFEST}{digest}")).await?;
        item.map(|item| manifest(&item)).transpose()
    }

    async fn put_piece(&self, name: String, piece: Bytes) -> Result<(), DeployError> {
        let mut item = self.key(&name);
        item.insert("data".to_owned(), AttributeValue::B(Blob::new(piece.to_vec())));
        let put = self.client.put_item().table_name(&*self.table).set_item(Some(item)).send().await;
        put.map(drop).map_err(|error| self.failed(&error))
    }

    async fn forget_pieces(&self, manifest: &Manifest) -> Result<(), DeployError> {
        let deletes = (0..manifest.pieces).map(async |at| self.delete(&manifest.piece(at)).await);
        stream::iter(deletes).buffer_unordered(limits::COMPONENT_PIECES_AT_ONCE).try_collect::<()>().await
    }

    /// Whether this upload is the one that counts.
    async fn put_manifest(&self, manifest: &Manifest) -> Result<bool, DeployError> {
        let mut item = self.key(&format!("{MANIFEST}{}", manifest.digest));
        item.insert("upload".to_owned(), AttributeValue::S(manifest.upload.clone()));
        item.insert("pieces".to_owned(), number(manifest.pieces as u64));
        let call = self.client.put_item().table_name(&*self.table).set_item(Some(item));
        let call = call.condition_expression("attribute_not_exists(#lease)");
        match call.expression_attribute_names("#lease", LEASE).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }
}

#[async_trait]
impl Deployments for DynamoDbDeployments {
    async fn current(&self, part: &Part) -> Result<Option<Deployment>, DeployError> {
        Ok(self.kept(part).await?.current().cloned())
    }

    async fn put(&self, part: &Part, deployment: &Deployment) -> Result<(), DeployError> {
        let (seen, text) = with_next(part, self.kept(part).await?, deployment)?;
        let mut item = self.key(&format!("{HISTORY}{part}"));
        item.insert("version".to_owned(), number(deployment.version));
        item.insert("history".to_owned(), AttributeValue::S(text));
        let call = self.client.put_item().table_name(&*self.table).set_item(Some(item));
        let call = call.expression_attribute_names("#version", "version");
        let call = if seen == 0 {
            call.condition_expression("attribute_not_exists(#version)")
        } else {
            call.condition_expression("#version = :seen").expression_attribute_values(":seen", number(seen))
        };
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Err(DeployError::Conflict(part.to_string())),
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn history(&self, part: &Part) -> Result<Vec<Deployment>, DeployError> {
        Ok(self.kept(part).await?.into())
    }

    async fn upload(&self, digest: &Digest, component: Bytes) -> Result<(), DeployError> {
        if self.manifest(digest).await?.is_some() {
            return Ok(());
        }
        let pieces: Vec<Bytes> = pieces(&component).collect();
        let manifest = Manifest {
            digest: digest.to_string(),
            upload: format!("{:016x}", fastrand::u64(..)),
            pieces: pieces.len(),
        };
        let puts = pieces.into_iter().enumerate();
        let puts = puts.map(async |(at, piece)| self.put_piece(manifest.piece(at), piece).await);
        let puts = stream::iter(puts).buffer_unordered(limits::COMPONENT_PIECES_AT_ONCE);
        puts.try_collect::<()>().await?;
        if !self.put_manifest(&manifest).await? {
            // Somebody else was first with the same bytes.
            self.forget_pieces(&manifest).await?;
        }
        Ok(())
    }

    async fn download(&self, digest: &Digest) -> Result<Option<Bytes>, DeployError> {
        let Some(manifest) = self.manifest(digest).await? else { return Ok(None) };
        let gets = (0..manifest.pieces).map(async |at| self.get(&manifest.piece(at)).await);
        let mut gets = stream::iter(gets).buffered(limits::COMPONENT_PIECES_AT_ONCE);
        let mut whole = BytesMut::new();
        while let Some(item) = gets.next().await {
            // A piece that is missing means that the component is being forgotten.
            let Some(item) = item? else { return Ok(None) };
            let Some(AttributeValue::B(piece)) = item.get("data") else { return Err(unreadable(&item)) };
            whole.extend_from_slice(piece.as_ref());
        }
        Ok(Some(whole.freeze()))
    }

    async fn forget_unused(&self) -> Result<(), DeployError> {
        // First what there is, then what is needed: what comes in between is not looked at.
        let manifests = self.all(MANIFEST).await?;
        let mut named = BTreeSet::new();
        for item in self.all(HISTORY).await? {
            named.extend(history(&item)?.digests().map(Digest::to_string));
        }
        for item in manifests {
            let manifest = manifest(&item)?;
            if !named.contains(&manifest.digest) {
                self.delete(&format!("{MANIFEST}{}", manifest.digest)).await?;
                self.forget_pieces(&manifest).await?;
            }
        }
        Ok(())
    }
}

impl Manifest {
    /// The range key of a piece.
    fn piece(&self, at: usize) -> String {
        format!("piece/{}/{}/{at:05}", self.digest, self.upload)
    }
}

fn history(item: &Item) -> Result<History, DeployError> {
    let text = |name| item.get(name).and_then(|value| value.as_s().ok());
    let (Some(text), Some(name)) = (text("history"), text(LEASE)) else { return Err(unreadable(item)) };
    decode(name, text.as_bytes())
}

fn manifest(item: &Item) -> Result<Manifest, DeployError> {
    let text = |name| item.get(name).and_then(|value| value.as_s().ok());
    let count = item.get("pieces").and_then(|value| value.as_n().ok()?.parse().ok());
    let digest = text(LEASE).and_then(|name| name.strip_prefix(MANIFEST));
    match (digest, text("upload"), count) {
        (Some(digest), Some(upload), Some(pieces)) => {
            Ok(Manifest { digest: digest.to_owned(), upload: upload.clone(), pieces })
        }
        _ => Err(unreadable(item)),
    }
}

fn unreadable(item: &Item) -> DeployError {
    let name = item.get(LEASE).and_then(|value| value.as_s().ok());
    DeployError::Unavailable(format!("an item of deployments is unreadable: item={name:?}"))
}

fn is_condition<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    code(error) == Some("ConditionalCheckFailedException")
}
