//! Deployments in Redis, one node or a cluster.
//!
//! The histories of an application's parts are the fields of one hash, which people read with
//! `HGETALL 'tidemill:{orders}:deployments'`. A component is a hash of pieces that is filled under another name and
//! then renamed, so that nobody sees half of one; what is never renamed expires.

use std::{collections::HashMap, sync::Arc, sync::LazyLock};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use redis::{Cmd, FromRedisValue, RedisError};
use tidemill_engine::{
    deploy::{DeployError, Deployment, Deployments, Digest, History, Part},
    limits,
};

use super::{decode, pieces, with_next};
use crate::{
    leases::redis::{error::told, script::Stored},
    redis::Redis,
};

static PUT: LazyLock<Stored> = LazyLock::new(|| Stored::new(include_str!("put.lua")));

/// The deployments of one application in Redis. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct RedisDeployments {
    redis: Redis,
    /// What all its keys begin with, so that a cluster keeps them on one node.
    begin: Arc<str>,
}

impl RedisDeployments {
    /// The deployments of an application, such as `orders`, under keys with a prefix. Nothing is asked of Redis yet.
    pub fn new(redis: Redis, prefix: &str, application: &str) -> Self {
        Self { redis, begin: format!("{prefix}:{{{application}}}").into() }
    }

    /// The key of the hash of histories.
    pub fn key(&self) -> String {
        format!("{}:deployments", self.begin)
    }

    /// The key of the set of all components.
    fn components(&self) -> String {
        format!("{}:components", self.begin)
    }

    fn component(&self, digest: &str) -> String {
        format!("{}:component:{digest}", self.begin)
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, DeployError> {
        self.redis.query(command).await.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &RedisError) -> DeployError {
        DeployError::Unavailable(told(&self.redis, &self.key(), error))
    }

    async fn kept(&self, part: &Part) -> Result<History, DeployError> {
        let part = part.to_string();
        let text: Option<Vec<u8>> = self.ask(redis::cmd("HGET").arg(self.key()).arg(&part)).await?;
        text.map_or_else(|| Ok(History::default()), |text| decode(&part, &text))
    }
}

#[async_trait]
impl Deployments for RedisDeployments {
    async fn current(&self, part: &Part) -> Result<Option<Deployment>, DeployError> {
        Ok(self.kept(part).await?.current().cloned())
    }

    async fn put(&self, part: &Part, deployment: &Deployment) -> Result<(), DeployError> {
        let (seen, text) = with_next(part, self.kept(part).await?, deployment)?;
        let arguments = [&*part.to_string(), &seen.to_string(), &text];
        let stands: Result<bool, _> = PUT.run(&self.redis, &self.key(), &arguments).await;
        if stands.map_err(|error| self.failed(&error))? {
            Ok(())
        } else {
            Err(DeployError::Conflict(part.to_string()))
        }
    }

    async fn history(&self, part: &Part) -> Result<Vec<Deployment>, DeployError> {
        Ok(self.kept(part).await?.into())
    }

    async fn upload(&self, digest: &Digest, component: Bytes) -> Result<(), DeployError> {
        let key = self.component(digest.as_str());
        if self.ask(redis::cmd("EXISTS").arg(&key)).await? {
            return Ok(());
        }
        let half = format!("{key}:{:016x}", fastrand::u64(..));
        let set = async |(number, piece): (usize, Bytes)| {
            self.ask::<()>(redis::cmd("HSET").arg(&half).arg(number).arg(&*piece)).await?;
            let life = limits::REDIS_HALF_UPLOAD_LIFE.as_secs();
            self.ask::<()>(redis::cmd("EXPIRE").arg(&half).arg(life)).await
        };
        let sets = stream::iter(pieces(&component).enumerate().map(set));
        sets.buffer_unordered(limits::COMPONENT_PIECES_AT_ONCE).try_collect::<()>().await?;
        self.ask::<()>(redis::cmd("PERSIST").arg(&half)).await?;
        self.ask::<()>(redis::cmd("RENAME").arg(&half).arg(&key)).await?;
        self.ask(redis::cmd("SADD").arg(self.components()).arg(digest.as_str())).await
    }

    async fn download(&self, digest: &Digest) -> Result<Option<Bytes>, DeployError> {
        let key = self.component(digest.as_str());
        let count: usize = self.ask(redis::cmd("HLEN").arg(&key)).await?;
        let get = async |number: usize| -> Result<Option<Vec<u8>>, DeployError> {
            self.ask(redis::cmd("HGET").arg(&key).arg(number)).await
        };
        let gets = stream::iter((0..count).map(get)).buffered(limits::COMPONENT_PIECES_AT_ONCE);
        let found: Option<BytesMut> = gets
            .try_fold(Some(BytesMut::new()), async |whole, piece| {
                Ok(whole.zip(piece).map(|(mut whole, piece)| {
                    whole.extend_from_slice(&piece);
                    whole
                }))
            })
            .await?;
        Ok(found.filter(|whole| !whole.is_empty()).map(BytesMut::freeze))
    }

    async fn forget_unused(&self) -> Result<(), DeployError> {
        // First what there is, then what is needed: what comes in between is not looked at.
        let kept: Vec<String> = self.ask(redis::cmd("SMEMBERS").arg(self.components())).await?;
        let histories: HashMap<String, String> = self.ask(redis::cmd("HGETALL").arg(self.key())).await?;
        let histories = histories.iter().map(|(part, text)| decode(part, text.as_bytes()));
        let histories = histories.collect::<Result<Vec<_>, _>>()?;
        for text in kept {
            if text.parse().is_ok_and(|digest| histories.iter().any(|history| history.names(&digest))) {
                continue;
            }
            self.ask::<()>(redis::cmd("DEL").arg(self.component(&text))).await?;
            self.ask::<()>(redis::cmd("SREM").arg(self.components()).arg(&text)).await?;
        }
        Ok(())
    }
}
