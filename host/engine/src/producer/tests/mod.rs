//! A producer on the in-memory Kinesis, with paused time and faults to order.

mod faults;
mod opening;
mod putting;
mod resharding;
mod spool;

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::*;
use crate::{
    kinesis::{
        Position, Shard, ShardFilter, StreamMode,
        faults::FaultyKinesis,
        list_all_shards,
        memory::{MemoryKinesis, Settings},
    },
    native::NativeProcessor,
    processor::{HashCheck, HashRangePolicy},
    record::Record,
    time::{Clock, UnixMillis},
};

/// A stream in memory, and the faulty way to it.
struct World {
    model: Arc<MemoryKinesis>,
    kinesis: Arc<FaultyKinesis>,
}

impl World {
    /// The stream `out` with four shards.
    async fn new() -> Self {
        Self::with(Settings::default(), 4).await
    }

    async fn with(settings: Settings, shards: u32) -> Self {
        let clock = Clock::paced(UnixMillis(1_700_000_000_000));
        let model = Arc::new(MemoryKinesis::new(clock, settings));
        model.create_stream(&out(), StreamMode::Provisioned { shards }).await.unwrap();
        let kinesis = Arc::new(FaultyKinesis::new(Arc::clone(&model) as Arc<dyn Kinesis>, 7));
        Self { model, kinesis }
    }

    fn start(&self, preset: &str, settings: ProducerSettings) -> Producer {
        Producer::start(settings, out(), self.endpoint(), processor(preset))
    }

    async fn open(&self, preset: &str, settings: ProducerSettings) -> Result<Producer, OpenError> {
        Producer::open(settings, out(), self.endpoint(), processor(preset)).await
    }

    fn endpoint(&self) -> Arc<dyn Kinesis> {
        Arc::clone(&self.kinesis) as Arc<dyn Kinesis>
    }

    async fn shards(&self) -> Vec<Shard> {
        list_all_shards(&*self.model, &out(), ShardFilter::All).await.unwrap()
    }

    /// Everything in a shard, in order.
    async fn in_shard(&self, shard: &Shard) -> Vec<Record> {
        let start = self.model.get_shard_iterator(&out(), &shard.id, &Position::TrimHorizon).await.unwrap();
        let (mut next, mut records) = (Some(start), Vec::new());
        while let Some(iterator) = next {
            let fetch = self.model.get_records(&out(), &iterator, 10_000).await.unwrap();
            next = fetch.next.filter(|_| !fetch.records.is_empty());
            records.extend(fetch.records);
        }
        records
    }

    /// Everything on the stream, shard by shard.
    async fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for shard in self.shards().await {
            records.extend(self.in_shard(&shard).await);
        }
        records
    }

    /// The numbers in the documents of each key, as a reader meets them that goes from parents to children and drops
    /// what the KCL drops.
    async fn numbers(&self, preset: &str) -> BTreeMap<String, Vec<u32>> {
        let mut by_key: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for shard in self.shards().await {
            let records = self.in_shard(&shard).await;
            let check = HashCheck { range: Some(shard.range), policy: HashRangePolicy::StrictKcl };
            let decoded = processor(preset).decode(&records, check).await.unwrap();
            assert!(decoded.rejections.is_empty());
            for at in 0..decoded.documents.len() {
                let number = std::str::from_utf8(decoded.documents.data(at)).unwrap().parse().unwrap();
                by_key.entry(decoded.documents.partition_key(at).to_owned()).or_default().push(number);
            }
        }
        by_key
    }
}

fn processor(preset: &str) -> Arc<dyn Processor> {
    Arc::new(NativeProcessor::named(preset).unwrap())
}

fn out() -> StreamRef {
    "out".parse().unwrap()
}

fn document(data: impl Into<String>, key: Option<usize>) -> Document {
    let partition_key = key.map(|key| key.to_string().into());
    Document { data: data.into().into(), partition_key, explicit_hash_key: None }
}
