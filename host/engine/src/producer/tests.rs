//! A producer on the in-memory Kinesis, with paused time.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;

use super::*;
use crate::{
    kinesis::{
        EntryError, ErrorKind, Fetch, KinesisError, Position, ShardFilter, ShardIterator, ShardPage,
        StreamMode, StreamPage, StreamSummary, list_all_shards, memory,
    },
    native::NativeProcessor,
    record::{Entry, Record, ShardId},
    time::{Clock, UnixMillis},
};

/// Kinesis, except that PutRecords does as it is told first.
#[derive(Debug)]
struct Unruly {
    inner: memory::MemoryKinesis,
    random: Mutex<fastrand::Rng>,
    /// Of a hundred entries, so many fail one by one.
    percent: u8,
    /// So many calls fail as a whole, in this way.
    failing: (AtomicU32, ErrorKind),
    /// The sizes of all requests.
    requests: Mutex<Vec<usize>>,
}

impl Unruly {
    async fn new(percent: u8, failing: (u32, ErrorKind)) -> Arc<Self> {
        let clock = Clock::paced(UnixMillis(1_700_000_000_000));
        let inner = memory::MemoryKinesis::new(clock, memory::Settings::default());
        inner.create_stream(&out(), StreamMode::Provisioned { shards: 4 }).await.unwrap();
        Arc::new(Self {
            inner,
            random: Mutex::new(fastrand::Rng::with_seed(7)),
            percent,
            failing: (AtomicU32::new(failing.0), failing.1),
            requests: Mutex::default(),
        })
    }

    async fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for shard in list_all_shards(&self.inner, &out(), ShardFilter::All).await.unwrap() {
            let start =
                self.inner.get_shard_iterator(&out(), &shard.id, &Position::TrimHorizon).await.unwrap();
            let mut next = Some(start);
            while let Some(iterator) = next {
                let fetch = self.inner.get_records(&out(), &iterator, 10_000).await.unwrap();
                next = fetch.next.filter(|_| !fetch.records.is_empty());
                records.extend(fetch.records);
            }
        }
        records
    }
}

#[async_trait]
impl Kinesis for Unruly {
    async fn create_stream(&self, stream: &StreamRef, mode: StreamMode) -> Result<(), KinesisError> {
        self.inner.create_stream(stream, mode).await
    }

    async fn delete_stream(&self, stream: &StreamRef) -> Result<(), KinesisError> {
        self.inner.delete_stream(stream).await
    }

    async fn list_streams(&self, after: Option<&str>) -> Result<StreamPage, KinesisError> {
        self.inner.list_streams(after).await
    }

    async fn describe_stream_summary(&self, stream: &StreamRef) -> Result<StreamSummary, KinesisError> {
        self.inner.describe_stream_summary(stream).await
    }

    async fn list_shards(
        &self,
        stream: &StreamRef,
        filter: ShardFilter,
        token: Option<&str>,
    ) -> Result<ShardPage, KinesisError> {
        self.inner.list_shards(stream, filter, token).await
    }

    async fn get_shard_iterator(
        &self,
        stream: &StreamRef,
        shard: &ShardId,
        position: &Position,
    ) -> Result<ShardIterator, KinesisError> {
        self.inner.get_shard_iterator(stream, shard, position).await
    }

    async fn get_records(
        &self,
        stream: &StreamRef,
        iterator: &ShardIterator,
        limit: usize,
    ) -> Result<Fetch, KinesisError> {
        self.inner.get_records(stream, iterator, limit).await
    }

    async fn put_records(
        &self,
        stream: &StreamRef,
        entries: &[Entry],
    ) -> Result<Vec<Result<Placed, EntryError>>, KinesisError> {
        self.requests.lock().unwrap().push(entries.len());
        tokio::time::sleep(Duration::from_millis(5)).await;
        let (left, kind) = &self.failing;
        if left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Err(KinesisError { kind: *kind, operation: "PutRecords", message: "as told".to_owned() });
        }
        let mut results = Vec::new();
        for entry in entries {
            let luck = self.random.lock().unwrap().u8(0..100);
            results.push(match luck {
                _ if luck < self.percent / 2 => Err(EntryError::Throttled("as told".to_owned())),
                _ if luck < self.percent => Err(EntryError::Failed("as told".to_owned())),
                _ => self.inner.put_records(stream, std::slice::from_ref(entry)).await?.remove(0),
            });
        }
        Ok(results)
    }
}

fn out() -> StreamRef {
    "out".parse().unwrap()
}

fn start(kinesis: &Arc<Unruly>, preset: &str, settings: ProducerSettings) -> Producer {
    let processor = Arc::new(NativeProcessor::preset(preset).unwrap());
    Producer::start(settings, out(), Arc::clone(kinesis) as Arc<dyn Kinesis>, processor)
}

fn document(data: impl Into<String>, key: Option<usize>) -> Document {
    let partition_key = key.map(|key| key.to_string().into());
    Document { data: data.into().into(), partition_key, explicit_hash_key: None }
}

#[tokio::test(start_paused = true)]
async fn with_a_third_of_all_entries_failing_nothing_is_lost_doubled_or_reordered() {
    let kinesis = Unruly::new(33, (0, ErrorKind::Throttled)).await;
    let producer = start(&kinesis, "string", ProducerSettings::default());
    let mut tickets = Vec::new();
    for number in 0..200 {
        let documents = (0..50).map(|key| document(number.to_string(), Some(key))).collect();
        tickets.push(producer.put_all(documents).await.unwrap());
    }
    producer.flush().await;
    let flushed = tokio::time::Instant::now();
    for ticket in tickets {
        assert!(ticket.await.iter().all(Result::is_ok));
    }
    assert_eq!(flushed.elapsed(), Duration::ZERO, "a flush settles everything before it");
    let mut by_key: HashMap<String, Vec<u32>> = HashMap::new();
    for record in kinesis.records().await {
        let number = std::str::from_utf8(&record.data).unwrap().parse().unwrap();
        by_key.entry(record.partition_key.to_string()).or_default().push(number);
    }
    assert_eq!(by_key.len(), 50);
    assert!(by_key.values().all(|numbers| *numbers == (0..200).collect::<Vec<_>>()));
    let counters = producer.counters();
    assert!(counters.throttled.load(Relaxed) > 1_000 && counters.retried.load(Relaxed) > 1_000);
    assert_eq!((counters.entries.load(Relaxed), counters.failed.load(Relaxed)), (10_000, 0));
}

#[tokio::test(start_paused = true)]
async fn a_ticket_says_where_its_document_is() {
    let kinesis = Unruly::new(0, (0, ErrorKind::Throttled)).await;
    let producer = start(&kinesis, "json-line", ProducerSettings::default());
    let first = producer.put(document("1", Some(1))).await.unwrap();
    let second = producer.put(document("2", Some(1))).await.unwrap();
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    let records = kinesis.records().await;
    assert_eq!(records.len(), 1, "one partition key, one record");
    assert_eq!(records[0].data, "1\n2\n");
    assert_eq!((&first.sequence, &second.sequence), (&records[0].sequence, &records[0].sequence));
}

#[tokio::test(start_paused = true)]
async fn full_requests_go_at_once_and_the_rest_after_the_linger() {
    let kinesis = Unruly::new(0, (0, ErrorKind::Throttled)).await;
    let producer = start(&kinesis, "string", ProducerSettings::default());
    let begun = tokio::time::Instant::now();
    let documents = (0..1_200).map(|at| document(at.to_string(), None)).collect();
    let ticket = producer.put_all(documents).await.unwrap();
    assert!(ticket.await.iter().all(Result::is_ok));
    assert_eq!(*kinesis.requests.lock().unwrap(), [500, 500, 200]);
    let alone = producer.put(document("x", None)).await.unwrap();
    let waiting_from = tokio::time::Instant::now();
    alone.await.unwrap();
    assert!(waiting_from.duration_since(begun) < limits::LINGER);
    assert!(waiting_from.elapsed() >= limits::LINGER);
}

#[tokio::test(start_paused = true)]
async fn put_waits_while_the_producer_is_full_and_takes_nothing_when_dropped() {
    let kinesis = Unruly::new(0, (0, ErrorKind::Throttled)).await;
    let settings = ProducerSettings { documents: 2, ..ProducerSettings::default() };
    let producer = start(&kinesis, "string", settings);
    let _first = producer.put_all(vec![document("1", None), document("2", None)]).await.unwrap();
    let waiting = producer.put(document("dropped", None));
    assert!(tokio::time::timeout(Duration::from_millis(100), waiting).await.is_err(), "it is full");
    let third = producer.put(document("3", None)).await.unwrap();
    third.await.unwrap();
    producer.close().await;
    let mut data: Vec<_> = kinesis.records().await.into_iter().map(|record| record.data).collect();
    data.sort();
    assert_eq!(data, ["1", "2", "3"]);
    assert_eq!(producer.put(document("4", None)).await.unwrap_err(), Closed);
}

#[tokio::test(start_paused = true)]
async fn calls_that_fail_as_a_whole_are_sent_again_until_the_attempts_are_used_up() {
    for (failures, kind) in [(3, ErrorKind::Unavailable), (9, ErrorKind::Throttled)] {
        let kinesis = Unruly::new(0, (failures, kind)).await;
        let settings = ProducerSettings { attempts: 10, ..ProducerSettings::default() };
        let producer = start(&kinesis, "string", settings);
        let ticket = producer.put(document("x", None)).await.unwrap();
        assert!(ticket.await.is_ok(), "{kind}");
        assert_eq!(kinesis.records().await.len(), 1);
    }
    let kinesis = Unruly::new(0, (10, ErrorKind::Unavailable)).await;
    let settings = ProducerSettings { attempts: 10, ..ProducerSettings::default() };
    let producer = start(&kinesis, "string", settings);
    let ticket = producer.put(document("x", None)).await.unwrap();
    assert!(matches!(ticket.await, Err(PutError::GaveUp { attempts: 10, .. })));
    let later = producer.put(document("y", None)).await.unwrap();
    assert!(later.await.is_ok(), "one document's failure is not another's");
}

#[tokio::test(start_paused = true)]
async fn one_bad_entry_fails_alone() {
    let kinesis = Unruly::new(0, (1, ErrorKind::Invalid)).await;
    let producer = start(&kinesis, "string", ProducerSettings::default());
    let documents =
        vec![document("good", Some(1)), document("good", Some(2)), document("bad", Some(usize::MAX))];
    let settled = producer.put_all(documents).await.unwrap().await;
    assert!(settled.iter().all(Result::is_ok), "refused together, they went one by one");
    assert_eq!(*kinesis.requests.lock().unwrap(), [3, 1, 1, 1]);

    let too_large = document("x".repeat(limits::RECORD_BYTES + 1), None);
    let settled = producer.put_all(vec![too_large, document("good", Some(3))]).await.unwrap().await;
    assert!(
        matches!(&settled[0], Err(PutError::Refused(reason)) if reason.contains("1048576")),
        "{settled:?}"
    );
    assert!(settled[1].is_ok());
    let long_key = Document { partition_key: Some("k".repeat(257).into()), ..document("x", None) };
    let settled = producer.put(long_key).await.unwrap().await;
    assert!(matches!(&settled, Err(PutError::Refused(reason)) if reason.contains("256 characters")));
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_goes_fails_the_tickets_it_leaves() {
    let kinesis = Unruly::new(0, (0, ErrorKind::Throttled)).await;
    let settings = ProducerSettings { requests: NonZeroUsize::MIN, ..ProducerSettings::default() };
    let producer = start(&kinesis, "string", settings);
    let ticket = producer.put(document("x", None)).await.unwrap();
    drop(producer);
    assert_eq!(ticket.await, Err(PutError::Closed));
    assert!(kinesis.records().await.is_empty());
}
