//! The model by itself, at a pace that the tests decide.

mod journal;
mod limits;
mod listing;
mod reading;
mod resharding;
mod subscribing;

use std::{collections::BTreeMap, time::Duration};

use super::{CreateStream, Fetched, MemoryKinesis, Model, Place, Read, ServiceError, Settings};
use crate::{
    hash::HashKey,
    kinesis::{Position, StreamMode},
    record::Entry,
    time::{Clock, UnixMillis},
};

const START: UnixMillis = UnixMillis(1_800_000_000_000);
const FIRST: &str = "shardId-000000000000";

/// A model in which the stream "s" has so many shards.
fn with_stream(shards: u32, settings: Settings) -> MemoryKinesis {
    let kinesis = MemoryKinesis::new(Clock::paced(START), settings);
    create(kinesis.model(), "s", shards).unwrap();
    kinesis
}

fn create(model: &Model, name: &str, shards: u32) -> Result<(), ServiceError> {
    let mode = StreamMode::Provisioned { shards };
    model.create_stream(CreateStream {
        name: name.to_owned(),
        mode,
        max_record_kib: None,
        tags: BTreeMap::new(),
    })
}

fn entry(data: impl Into<bytes::Bytes>, key: &str) -> Entry {
    Entry { data: data.into(), partition_key: key.into(), explicit_hash_key: None }
}

/// Puts one record at a hash key.
fn put_at(model: &Model, data: &str, key: u128) -> Place {
    let entry = Entry { explicit_hash_key: Some(HashKey(key)), ..entry(data.to_owned(), "k") };
    model.put_record("s", entry).unwrap()
}

fn read_from(model: &Model, shard: &str, position: &Position) -> Result<Fetched, ServiceError> {
    let iterator = model.get_shard_iterator("s", shard, position)?;
    model.get_records(None, &iterator, None)
}

fn texts(read: &Read) -> Vec<String> {
    read.records.iter().map(|held| String::from_utf8(held.data.to_vec()).unwrap()).collect()
}

async fn pass(millis: u64) {
    tokio::time::advance(Duration::from_millis(millis)).await;
}
