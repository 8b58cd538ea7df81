//! Streams that a test looks into from inside, while hosts and clients of others reach them by URL.

use std::{collections::BTreeMap, fmt::Display, sync::Arc};

use tidemill_engine::{
    hash::HashKey,
    kinesis::{
        Kinesis, Position, Shard, ShardFilter, StreamMode, StreamStatus, list_all_shards,
        memory::MemoryKinesis,
    },
    limits,
    record::{Entry, Record, ShardId},
    stream::StreamRef,
};
use tidemill_local_kinesis::{LocalKinesis, Settings};

use super::until;

/// An embedded Kinesis in the process of the test: it outlives the hosts that the test starts and kills.
pub struct Streams {
    local: LocalKinesis,
    kinesis: Arc<MemoryKinesis>,
}

impl Streams {
    /// Starts on a free port, without streams.
    pub async fn start() -> Self {
        let local = LocalKinesis::start(Settings::default()).await.expect("a free port is to be had");
        let kinesis = local.kinesis();
        Self { local, kinesis }
    }

    /// The streams themselves, for what puts onto them from inside.
    pub fn kinesis(&self) -> Arc<dyn Kinesis> {
        Arc::clone(&self.kinesis) as _
    }

    /// Where clients reach it.
    pub fn url(&self) -> &str {
        self.local.url()
    }

    /// Creates a stream and waits until it takes records.
    pub async fn create(&self, name: &str, shards: u32) {
        let stream = stream(name);
        self.kinesis.create_stream(&stream, StreamMode::Provisioned { shards }).await.expect("it is new");
        self.active(&stream).await;
    }

    /// All shards of a stream, closed ones too.
    pub async fn shards(&self, name: &str) -> Vec<Shard> {
        let shards = list_all_shards(&*self.kinesis, &stream(name), ShardFilter::All).await;
        shards.expect("the stream exists")
    }

    /// Splits an open shard in halves, the one in this place, counted round and round.
    pub async fn split(&self, name: &str, place: usize) {
        self.active(&stream(name)).await;
        let open = self.open_shards(name).await;
        let Shard { id, range, .. } = &open[place % open.len()];
        let middle = HashKey(range.start.0 + (range.end.0 - range.start.0) / 2);
        self.kinesis.model().split_shard(name, id.as_str(), middle).expect("the shard is open and wide");
    }

    /// Merges an open shard, the one in this place, with the next one.
    pub async fn merge(&self, name: &str, place: usize) {
        self.active(&stream(name)).await;
        let open = self.open_shards(name).await;
        let at = place % (open.len() - 1);
        let (one, next) = (open[at].id.as_str(), open[at + 1].id.as_str());
        self.kinesis.model().merge_shards(name, one, next).expect("the shards lie side by side");
    }

    /// Puts documents, each a record of its own with a line end, under the keys given.
    pub async fn put<K: Into<String>>(
        &self,
        name: &str,
        documents: impl IntoIterator<Item = (K, impl Display)>,
    ) {
        let entry = |(key, document): (K, _)| Entry {
            data: format!("{document}\n").into(),
            partition_key: key.into().into(),
            explicit_hash_key: None,
        };
        let entries: Vec<Entry> = documents.into_iter().map(entry).collect();
        for request in entries.chunks(limits::PUT_RECORDS_ENTRIES) {
            let placed =
                self.kinesis.put_records(&stream(name), request).await.expect("the stream takes records");
            assert!(placed.iter().all(Result::is_ok), "the stream refused some entries");
        }
    }

    /// Puts a record of these bytes.
    pub async fn put_bytes(&self, name: &str, key: &'static str, bytes: &'static [u8]) {
        let entry = Entry { data: bytes.into(), partition_key: key.into(), explicit_hash_key: None };
        let placed =
            self.kinesis.put_records(&stream(name), &[entry]).await.expect("the stream takes records");
        assert!(placed.iter().all(Result::is_ok), "the stream refused the record");
    }

    /// Every record of a stream by its shard, in order.
    pub async fn records(&self, name: &str) -> BTreeMap<ShardId, Vec<Record>> {
        records(&*self.kinesis, &stream(name)).await
    }

    /// Every document of a stream: the lines of its records, shard by shard.
    pub async fn documents(&self, name: &str) -> Vec<String> {
        let by_shard = self.records(name).await;
        by_shard.values().flatten().flat_map(lines).collect()
    }

    /// By their hash keys.
    async fn open_shards(&self, name: &str) -> Vec<Shard> {
        let mut shards = self.shards(name).await;
        shards.retain(|shard| shard.ending_sequence.is_none());
        shards.sort_by_key(|shard| shard.range.start);
        shards
    }

    async fn active(&self, stream: &StreamRef) {
        until("the stream is active", async || {
            let summary = self.kinesis.describe_stream_summary(stream).await.expect("it exists");
            (summary.status == StreamStatus::Active).then_some(())
        })
        .await;
    }
}

/// Every record of a stream by its shard, in order.
pub async fn records(kinesis: &dyn Kinesis, stream: &StreamRef) -> BTreeMap<ShardId, Vec<Record>> {
    let shards = list_all_shards(kinesis, stream, ShardFilter::All).await.expect("the stream exists");
    let mut by_shard = BTreeMap::new();
    for shard in shards {
        by_shard.insert(shard.id.clone(), records_of_shard(kinesis, stream, &shard.id).await);
    }
    by_shard
}

async fn records_of_shard(kinesis: &dyn Kinesis, stream: &StreamRef, shard: &ShardId) -> Vec<Record> {
    let iterator = kinesis.get_shard_iterator(stream, shard, &Position::TrimHorizon).await;
    let mut iterator = iterator.expect("the shard exists");
    let mut records = Vec::new();
    loop {
        let fetch = kinesis.get_records(stream, &iterator, limits::GET_RECORDS_RECORDS).await;
        let fetch = fetch.expect("the iterator is fresh");
        let at_the_tip = fetch.records.is_empty() && fetch.millis_behind_latest == 0;
        records.extend(fetch.records);
        match fetch.next {
            Some(next) if !at_the_tip => iterator = next,
            _ => return records,
        }
    }
}

/// The documents in a record.
pub fn lines(record: &Record) -> Vec<String> {
    let text = std::str::from_utf8(&record.data).expect("the tests put text");
    text.lines().map(str::to_owned).collect()
}

fn stream(name: &str) -> StreamRef {
    name.parse().expect("the name is one")
}
