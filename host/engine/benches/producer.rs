//! What the producer itself costs: documents of 100 bytes into a sink that takes everything at once, on one thread.
//! No network and no model of the service, so every figure is the producer's own, and the processor's.
//!
//! `cargo bench -p tidemill-engine --bench producer [preset…]`

use std::{
    env,
    error::Error,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use async_trait::async_trait;
use bytestring::ByteString;
use tidemill_engine::{
    hash::{HashKey, HashRange},
    kinesis::{
        EntryError, Fetch, Kinesis, KinesisError, Position, Shard, ShardFilter, ShardIterator, ShardPage,
        StreamConsumer, StreamMode, StreamPage, StreamSummary, Subscription,
    },
    native::NativeProcessor,
    processor::Document,
    producer::{Producer, ProducerCounters, ProducerSettings},
    record::{Entry, Placed, ShardId},
    sequence::SequenceNumber,
    stream::StreamRef,
};
use tokio::time::Instant;

const DOCUMENTS: usize = 2_000_000;
const KEYS: usize = 10_000;
const GROUP: usize = 500;
const SHARDS: u128 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("{DOCUMENTS} documents of 100 bytes, {KEYS} partition keys, put {GROUP} at a time, one thread");
    let asked: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let names = if asked.is_empty() {
        ["kpl+bytes", "json-line", "string"].map(str::to_owned).to_vec()
    } else {
        asked
    };
    for name in names {
        runtime.block_on(measure(&name))?;
    }
    Ok(())
}

async fn measure(name: &str) -> Result<(), Box<dyn Error>> {
    let processor = NativeProcessor::named(name).ok_or("no such processor")?;
    let sink = Arc::new(Sink::new()?);
    let settings = ProducerSettings { shard_rate: None, skip_describe: true, ..ProducerSettings::default() };
    let producer = Producer::open(settings, "sink".parse()?, sink, Arc::new(processor)).await?;
    let groups = documents();
    let begun = Instant::now();
    let mut tickets = Vec::with_capacity(groups.len());
    for group in groups {
        tickets.push(producer.put_all(group).await?);
    }
    producer.flush().await;
    let mut settled = 0;
    for ticket in tickets {
        settled += ticket.await.iter().filter(|result| result.is_ok()).count();
    }
    let elapsed = begun.elapsed();
    if settled != DOCUMENTS {
        return Err(format!("only {settled} documents arrived").into());
    }
    report(name, elapsed, producer.counters());
    Ok(())
}

/// All documents, in groups as they are put: made before the clock runs.
fn documents() -> Vec<Vec<Document>> {
    let keys: Vec<ByteString> = (0..KEYS).map(|key| format!("customer-{key:05}").into()).collect();
    let data = bytes::Bytes::from(format!("{:?}", "x".repeat(98)));
    let document = |number: usize| Document {
        data: data.clone(),
        partition_key: Some(keys[number * 7_919 % KEYS].clone()),
        explicit_hash_key: None,
    };
    let group = |first: usize| (first..first + GROUP).map(document).collect();
    (0..DOCUMENTS).step_by(GROUP).map(group).collect()
}

fn report(name: &str, elapsed: Duration, counters: &ProducerCounters) {
    let seconds = elapsed.as_secs_f64();
    let entries = counters.entries.load(Relaxed);
    let requests = counters.requests.load(Relaxed);
    println!(
        "{name:10} {:>10.0} documents/s  {entries} entries, {requests} requests",
        DOCUMENTS as f64 / seconds
    );
    let stages = [
        ("group", &counters.grouping_nanos),
        ("encode", &counters.encoding_nanos),
        ("queue", &counters.queueing_nanos),
        ("settle", &counters.settling_nanos),
    ];
    let mut rest = seconds;
    for (stage, nanos) in stages {
        let spent = nanos.load(Relaxed) as f64 / 1e9;
        rest -= spent;
        println!("  {stage:20} {:>5.0} ns a document", spent * 1e9 / DOCUMENTS as f64);
    }
    println!("  {:20} {:>5.0} ns a document", "put, take, wake, sink", rest * 1e9 / DOCUMENTS as f64);
}

/// Takes everything at once and keeps nothing.
#[derive(Debug)]
struct Sink {
    ids: Vec<ShardId>,
    number: SequenceNumber,
}

impl Sink {
    fn new() -> Result<Self, Box<dyn Error>> {
        let ids = (0..SHARDS).map(|shard| format!("shardId-{shard:012}").into()).collect();
        Ok(Self {
            ids,
            number: "49600000000000000000000000000000000000000000000000000000".to_owned().try_into()?,
        })
    }
}

fn nothing<T>(operation: &'static str) -> Result<T, KinesisError> {
    Err(KinesisError::from_code(operation, "UnknownOperationException", "a sink only takes records"))
}

#[async_trait]
impl Kinesis for Sink {
    async fn create_stream(&self, _: &StreamRef, _: StreamMode) -> Result<(), KinesisError> {
        nothing("CreateStream")
    }

    async fn delete_stream(&self, _: &StreamRef) -> Result<(), KinesisError> {
        nothing("DeleteStream")
    }

    async fn list_streams(&self, _: Option<&str>) -> Result<StreamPage, KinesisError> {
        nothing("ListStreams")
    }

    async fn describe_stream_summary(&self, _: &StreamRef) -> Result<StreamSummary, KinesisError> {
        nothing("DescribeStreamSummary")
    }

    async fn list_shards(
        &self,
        _: &StreamRef,
        _: ShardFilter,
        _: Option<&str>,
    ) -> Result<ShardPage, KinesisError> {
        let width = u128::MAX / SHARDS + 1;
        let shards = self.ids.iter().zip(0..).map(|(id, at)| Shard {
            id: id.clone(),
            parent: None,
            adjacent_parent: None,
            range: HashRange { start: HashKey(width * at), end: HashKey(width * at + (width - 1)) },
            starting_sequence: self.number.clone(),
            ending_sequence: None,
        });
        Ok(ShardPage { shards: shards.collect(), next: None })
    }

    async fn get_shard_iterator(
        &self,
        _: &StreamRef,
        _: &ShardId,
        _: &Position,
    ) -> Result<ShardIterator, KinesisError> {
        nothing("GetShardIterator")
    }

    async fn get_records(&self, _: &StreamRef, _: &ShardIterator, _: usize) -> Result<Fetch, KinesisError> {
        nothing("GetRecords")
    }

    async fn put_records(
        &self,
        _: &StreamRef,
        entries: &[Entry],
    ) -> Result<Vec<Result<Placed, EntryError>>, KinesisError> {
        let width = u128::MAX / SHARDS + 1;
        let placed = |entry: &Entry| {
            let shard = (entry.hash_key().0 / width) as usize;
            Ok(Placed { shard: self.ids[shard].clone(), sequence: self.number.clone() })
        };
        Ok(entries.iter().map(placed).collect())
    }

    async fn register_stream_consumer(&self, _: &str, _: &str) -> Result<StreamConsumer, KinesisError> {
        nothing("RegisterStreamConsumer")
    }

    async fn describe_stream_consumer(&self, _: &str, _: &str) -> Result<StreamConsumer, KinesisError> {
        nothing("DescribeStreamConsumer")
    }

    async fn deregister_stream_consumer(&self, _: &str, _: &str) -> Result<(), KinesisError> {
        nothing("DeregisterStreamConsumer")
    }

    async fn subscribe_to_shard(
        &self,
        _: &str,
        _: &ShardId,
        _: &Position,
    ) -> Result<Box<dyn Subscription>, KinesisError> {
        nothing("SubscribeToShard")
    }
}
