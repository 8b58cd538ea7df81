//! What the tests of the pipeline run in: two streams, leases, and a look at what came out.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{
    batch::Batch,
    consumer::{Pipeline, PipelineError, PipelineSettings, Progress, ReadMemory, Summary},
    handler::{Emit, Handler, HandlerError, HandlerFn, Outcome},
    kinesis::{Kinesis, Position, ShardFilter, StreamMode, list_all_shards, memory},
    lease::{Checkpoint, LeaseStore, memory::MemoryLeases},
    native::NativeProcessor,
    processor::Processor,
    producer::{Producer, ProducerSettings},
    record::Entry,
    stream::StreamRef,
    task::{self, Task},
    time::{Clock, UnixMillis},
};

pub(super) const SHARDS: u32 = 4;

/// An account with the streams `in` and `out`, and the leases of one pipeline.
pub(super) struct World {
    pub kinesis: Arc<memory::MemoryKinesis>,
    pub leases: Arc<dyn LeaseStore>,
    pub clock: Clock,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::of(SHARDS).await
    }

    /// With this many shards in the input.
    pub(super) async fn of(shards: u32) -> Self {
        let clock = Clock::paced(UnixMillis(1_700_000_000_000));
        let kinesis = Arc::new(memory::MemoryKinesis::new(clock, memory::Settings::default()));
        for (name, shards) in [("in", shards), ("out", SHARDS)] {
            kinesis.create_stream(&stream(name), StreamMode::Provisioned { shards }).await.unwrap();
        }
        Self { kinesis, leases: Arc::new(MemoryLeases::default()), clock }
    }

    /// Puts documents `<key>:<n>` on the input, `count` for each of `keys` keys, in turn.
    pub(super) async fn put(&self, keys: usize, numbers: std::ops::Range<usize>) {
        for number in numbers {
            let entries: Vec<Entry> = (0..keys)
                .map(|key| Entry {
                    data: format!("{key}:{number}").into(),
                    partition_key: key.to_string().into(),
                    explicit_hash_key: None,
                })
                .collect();
            for result in self.kinesis.put_records(&stream("in"), &entries).await.unwrap() {
                result.unwrap();
            }
        }
    }

    /// A pipeline from `in` to `out` through a handler, putting through `sink_kinesis`.
    pub(super) fn pipeline_into(
        &self,
        handler: Arc<dyn Handler>,
        sink_kinesis: Arc<dyn Kinesis>,
    ) -> Pipeline {
        let processor: Arc<dyn Processor> = Arc::new(NativeProcessor::named("string").unwrap());
        let settings = ProducerSettings::default();
        let sink = Producer::start(settings, stream("out"), sink_kinesis, Arc::clone(&processor));
        let mut settings = PipelineSettings::new("test", stream("in"));
        settings.batch_records = 10;
        Pipeline {
            settings,
            kinesis: Arc::clone(&self.kinesis) as Arc<dyn Kinesis>,
            leases: Arc::clone(&self.leases),
            processor,
            handler,
            sinks: Arc::new(BTreeMap::from([("default".to_owned(), sink)])),
            worker: "worker-1".into(),
            clock: self.clock,
            progress: Arc::new(Progress::default()),
            memory: ReadMemory::default(),
            dead_letters: None,
            control: Arc::default(),
        }
    }

    pub(super) fn pipeline(&self, handler: Arc<dyn Handler>) -> Pipeline {
        self.pipeline_into(handler, Arc::clone(&self.kinesis) as Arc<dyn Kinesis>)
    }

    /// What is on the output, by partition key, in the order of the shards.
    pub(super) async fn output(&self) -> HashMap<String, Vec<usize>> {
        let mut found: HashMap<String, Vec<usize>> = HashMap::new();
        let out = stream("out");
        for shard in list_all_shards(&*self.kinesis, &out, ShardFilter::All).await.unwrap() {
            let start =
                self.kinesis.get_shard_iterator(&out, &shard.id, &Position::TrimHorizon).await.unwrap();
            let mut next = Some(start);
            while let Some(iterator) = next {
                let fetch = self.kinesis.get_records(&out, &iterator, 10_000).await.unwrap();
                for record in &fetch.records {
                    let (key, number) = split(&record.data);
                    found.entry(key).or_default().push(number);
                }
                next = fetch.next.filter(|_| !fetch.records.is_empty());
            }
        }
        found
    }

    /// Lets virtual time pass until the output holds everything that it should, perhaps more than once.
    pub(super) async fn until_complete(&self, keys: usize, count: usize) {
        for _ in 0..1_000 {
            let mut output = self.output().await;
            for numbers in output.values_mut() {
                numbers.sort_unstable();
                numbers.dedup();
            }
            if output == complete(keys, count) {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("the output never was complete");
    }

    /// Changes how many shards the input has, while it is in use.
    pub(super) async fn reshard(&self, target: u32) {
        self.kinesis.model().update_shard_count("in", target).unwrap();
    }

    pub(super) async fn checkpoints(&self) -> BTreeMap<String, Checkpoint> {
        let leases = self.leases.list().await.unwrap();
        leases.into_iter().map(|lease| (lease.key.shard.to_string(), lease.checkpoint)).collect()
    }
}

/// A pipeline that runs in a task of its own.
pub(super) struct Running {
    pub progress: Arc<Progress>,
    stop: CancellationToken,
    task: Task<Result<Summary, PipelineError>>,
}

impl Running {
    pub(super) fn start(pipeline: Pipeline) -> Self {
        let (progress, stop) = (Arc::clone(&pipeline.progress), CancellationToken::new());
        let task = task::spawn("pipeline", pipeline.run(stop.clone()));
        Self { progress, stop, task }
    }

    /// Lets virtual time pass until a condition holds.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Progress) -> bool) {
        for _ in 0..10_000 {
            if holds(&self.progress) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never happened: {what}, progress={:?}", self.progress);
    }

    pub(super) async fn stop(self) -> Summary {
        self.stop.cancel();
        self.task.await.unwrap().unwrap()
    }

    /// Ends everything at once, as a crash would.
    pub(super) fn crash(self) {
        self.task.abort();
    }
}

/// A handler that emits every record with its key, unless `broken` says what is wrong with it.
pub(super) fn echo(broken: impl Fn(&str) -> bool + Send + Sync + 'static) -> Arc<dyn Handler> {
    Arc::new(HandlerFn(move |batch: &Batch| {
        let documents = batch.documents();
        let mut emits = Vec::new();
        for at in 0..documents.len() {
            if broken(std::str::from_utf8(documents.data(at)).unwrap()) {
                return Err(failure());
            }
            emits.push(Emit {
                data: documents.data_bytes(at),
                partition_key: Some(documents.partition_key(at).into()),
                explicit_hash_key: None,
                sink: None,
            });
        }
        Ok(Outcome { emits, ..Outcome::default() })
    }))
}

/// A handler that takes a tenth of a second for every batch.
#[derive(Debug)]
pub(super) struct Slow(Arc<dyn Handler>);

impl Slow {
    pub(super) fn echo() -> Arc<dyn Handler> {
        Arc::new(Self(echo(|_| false)))
    }
}

#[async_trait]
impl Handler for Slow {
    async fn handle(&self, batch: &Batch) -> Result<Outcome, HandlerError> {
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.0.handle(batch).await
    }
}

pub(super) fn failure() -> HandlerError {
    HandlerError {
        handler: "echo@00000000".to_owned(),
        kind: crate::handler::HandlerErrorKind::Trap,
        message: "unreachable".to_owned(),
        by: None,
    }
}

/// A handler that notes the attempt and data of every record that it is given.
pub(super) type Notes = Arc<Mutex<Vec<(u32, String)>>>;

pub(super) fn note(notes: &Notes, batch: &Batch) {
    let documents = batch.documents();
    let text = |at| String::from_utf8(documents.data(at).to_vec()).unwrap();
    notes.lock().unwrap().extend((0..documents.len()).map(|at| (batch.info.attempt, text(at))));
}

pub(super) fn stream(name: &str) -> StreamRef {
    name.parse().unwrap()
}

/// What each of `keys` keys should have on the output.
pub(super) fn complete(keys: usize, count: usize) -> HashMap<String, Vec<usize>> {
    (0..keys).map(|key| (key.to_string(), (0..count).collect())).collect()
}

fn split(data: &[u8]) -> (String, usize) {
    let text = std::str::from_utf8(data).unwrap();
    let (key, number) = text.split_once(':').unwrap();
    (key.to_owned(), number.parse().unwrap())
}
