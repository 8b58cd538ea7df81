//! Components that take the place of others while they run.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use tidemill_engine::{
    batch::{Batch, BatchInfo, Documents},
    deploy::{Applied, Artifact, Refused, Slot, Trial, Wanted},
    handler::{Handler, Outcome},
    record::Record,
    time::UnixMillis,
};

use super::support::{batch, batch_of, built, load_with};
use crate::{ComponentHandler, HandlerSettings, RolloutSettings, artifact};

mod canary;
mod going_back;
mod load;
mod memory;
mod processors;
mod refused;
mod shadow;

/// The shard of [`batch`].
const FIRST: &str = "shardId-000000000000";

/// A component for everything.
fn only(component: Arc<Artifact>) -> Wanted {
    Wanted { component, candidate: None, allow: BTreeSet::new() }
}

/// A component, and another on trial.
fn tried(component: &str, candidate: &str, trial: Trial) -> Wanted {
    Wanted { candidate: Some((built(candidate), trial)), ..only(built(component)) }
}

async fn deploy(handler: &ComponentHandler, name: &str) -> Result<Applied, Refused> {
    handler.apply(&only(built(name))).await
}

/// `blue` with these settings of a rollout.
async fn blue(rollout: RolloutSettings) -> ComponentHandler {
    load_with("blue", HandlerSettings { rollout, ..HandlerSettings::new("blue") }).await
}

/// What a component emitted, as text.
fn texts(outcome: &Outcome) -> Vec<String> {
    outcome.emits.iter().map(|emit| String::from_utf8_lossy(&emit.data).into_owned()).collect()
}

async fn said(handler: &ComponentHandler, batch: &Batch) -> Vec<String> {
    texts(&handler.handle(batch).await.unwrap())
}

/// The same component under another digest: a section more that nobody reads.
fn renamed(artifact: &Artifact, number: u32) -> Arc<Artifact> {
    let mut bytes = artifact.bytes.to_vec();
    let text = format!("number {number:08}");
    let name = b"tidemill-test";
    bytes.extend([0, u8::try_from(1 + name.len() + text.len()).unwrap(), u8::try_from(name.len()).unwrap()]);
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(text.as_bytes());
    let digest = artifact::digest_of(&bytes);
    Arc::new(Artifact { from: format!("{} {number}", artifact.from), digest, bytes: bytes.into() })
}

/// A batch of these keys and documents.
fn keyed(shard: &str, documents: impl IntoIterator<Item = (String, String)>) -> Batch {
    let record = |(at, (key, data)): (usize, (String, String))| Record {
        sequence: (100 + at).to_string().try_into().unwrap(),
        partition_key: key.into(),
        data: Bytes::from(data),
        arrival: UnixMillis(0),
    };
    let records: Vec<Record> = documents.into_iter().enumerate().map(record).collect();
    let info = BatchInfo { shard: shard.into(), ..batch(&[]).info };
    Batch::new(info, Documents::of_records(&records))
}
