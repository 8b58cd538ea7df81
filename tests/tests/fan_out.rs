//! Enhanced fan-out over the wire: our consumer and boto3 on the embedded Kinesis, our consumer on another one, and
//! a host that is told to subscribe.

use std::sync::{Arc, Mutex, atomic::Ordering::Relaxed};

use tidemill_backends::kinesis::{AwsKinesis, AwsSettings};
use tidemill_engine::{
    Consumer,
    batch::Batch,
    consumer::{PipelineError, Progress, Retrieval, Summary},
    handler::{HandlerFn, Outcome},
    kinesis::Kinesis,
    record::Entry,
    stream::StreamRef,
    task::{self, Task},
};
use tokio_util::sync::CancellationToken;

use crate::harness::{
    numbered::{CameOut, Numbered, Numbers},
    place::Place,
    python,
    servers::Ferrokinesis,
    streams::Streams,
    until,
};

/// Partition keys: enough that every shard has some of them.
const KEYS: u32 = 24;
/// Documents under each key before and after each change of the shards.
const ROUNDS: u32 = 10;

/// A consumer that subscribes, in a task of its own.
struct Reading {
    documents: Arc<Mutex<Vec<Numbered>>>,
    progress: Arc<Progress>,
    stop: CancellationToken,
    task: Task<Result<Summary, PipelineError>>,
}

impl Reading {
    fn start(kinesis: Arc<dyn Kinesis>) -> Self {
        let documents = Arc::new(Mutex::new(Vec::new()));
        let found = Arc::clone(&documents);
        let handler = HandlerFn(move |batch: &Batch| {
            let all = batch.documents();
            let read = |at| Numbered::read(std::str::from_utf8(all.data(at)).expect("it is text"));
            found.lock().expect("nobody panicked").extend((0..all.len()).map(read));
            Ok(Outcome::default())
        });
        let consumer = Consumer::new(stream(), kinesis)
            .with(|settings| settings.retrieval = Retrieval::FanOut("tidemill".to_owned()));
        let (progress, stop) = (consumer.progress(), CancellationToken::new());
        let task = task::spawn("reading", consumer.run(handler, stop.clone()));
        Self { documents, progress, stop, task }
    }

    /// Waits for so many documents, then stops, and answers what came.
    async fn end(self, count: usize) -> CameOut {
        self.has(count).await;
        self.stop.cancel();
        let summary = self.task.await.expect("no panic").expect("the stream is there");
        assert_eq!(summary.stopped, []);
        assert!(self.progress.subscriptions.load(Relaxed) > 0, "nothing was pushed");
        self.documents.lock().expect("nobody panicked").iter().copied().collect()
    }

    async fn has(&self, count: usize) {
        until("the documents were pushed", async || {
            (self.documents.lock().expect("nobody panicked").len() >= count).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_stream_that_is_split_and_merged_is_pushed_once_and_in_order() {
    let streams = Streams::start().await;
    streams.create("numbers", 2).await;
    let reading = Reading::start(Arc::new(client(streams.url()).await));
    let mut numbers = Numbers::of(KEYS);
    for round in 0..3 {
        put(&streams, &mut numbers).await;
        reading.has(numbers.count() - KEYS as usize).await;
        reshard(&streams, round).await;
        put(&streams, &mut numbers).await;
    }
    let came_out = reading.end(numbers.count()).await;
    assert_eq!((came_out.count(), came_out.doubled().count()), (numbers.count(), 0));
}

#[tokio::test]
async fn boto3_follows_subscriptions_through_splits_and_merges() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("numbers", 2).await;
    let mut numbers = Numbers::of(KEYS);
    put(&streams, &mut numbers).await;
    for round in 0..3 {
        reshard(&streams, round).await;
        put(&streams, &mut numbers).await;
    }
    let count = numbers.count().to_string();
    let read = python::script(&place, "fan_out_client.py", &["read", streams.url(), "numbers", &count]).await;
    let Some(read) = read else { return };
    let came_out: CameOut = read.lines().map(Numbered::read).collect();
    assert_eq!((came_out.count(), came_out.doubled().count()), (numbers.count(), 0));
}

#[tokio::test]
async fn another_emulator_pushes_to_our_consumer() {
    let Some(server) = Ferrokinesis::start().await else { return };
    server.create(&stream(), 4).await;
    let kinesis: Arc<dyn Kinesis> = Arc::new(server.kinesis().await);
    let reading = Reading::start(Arc::clone(&kinesis));
    let mut numbers = Numbers::of(KEYS);
    for _ in 0..ROUNDS {
        let entries: Vec<Entry> = numbers.next_round().into_iter().map(entry).collect();
        let placed = kinesis.put_records(&stream(), &entries).await.expect("the stream takes records");
        assert!(placed.iter().all(Result::is_ok), "the stream refused some entries");
        reading.has(numbers.count() / 2).await;
    }
    let came_out = reading.end(numbers.count()).await;
    assert_eq!((came_out.count(), came_out.doubled().count()), (numbers.count(), 0));
}

#[tokio::test]
async fn a_host_subscribes_where_its_settings_say_so() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("numbers", 2).await;
    let component = crate::harness::binaries::guest("pass_through");
    let settings = place.write(
        "tidemill.toml",
        format!(
            "application = \"test\"\n[kinesis]\nendpoint = \"{}\"\n\
             [pipelines.numbers]\nsource = {{ stream = \"numbers\", retrieval = \"fan-out\" }}\n\
             sink = {{ stream = \"numbers-out\", create = {{ shards = 1 }} }}\n\
             [pipelines.numbers.handler]\ncomponent = \"{}\"\n",
            streams.url(),
            component.display()
        ),
    );
    let host = place.run(&settings).await;
    let mut numbers = Numbers::of(KEYS);
    put(&streams, &mut numbers).await;
    let count = numbers.count();
    until("every document came out", async || {
        (streams.documents("numbers-out").await.len() >= count).then_some(())
    })
    .await;
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("consumer=test.numbers"), "{}", ended.stderr);
    let came_out: CameOut =
        streams.documents("numbers-out").await.iter().map(|line| Numbered::read(line)).collect();
    assert_eq!((came_out.count(), came_out.doubled().count()), (count, 0));
}

/// A split and a merge, which are not of siblings.
async fn reshard(streams: &Streams, round: usize) {
    streams.split("numbers", round).await;
    streams.merge("numbers", round + 1).await;
}

async fn put(streams: &Streams, numbers: &mut Numbers) {
    for _ in 0..ROUNDS {
        let round = numbers.next_round();
        streams.put("numbers", round.into_iter().map(|document| (document.partition_key(), document))).await;
    }
}

fn entry(document: Numbered) -> Entry {
    Entry {
        data: document.to_string().into(),
        partition_key: document.partition_key().into(),
        explicit_hash_key: None,
    }
}

async fn client(url: &str) -> AwsKinesis {
    let settings = AwsSettings { endpoint_url: Some(url.to_owned()), ..AwsSettings::default() };
    AwsKinesis::connect(&settings).await.expect("an endpoint of this machine needs no more")
}

fn stream() -> StreamRef {
    "numbers".parse().expect("the name is one")
}
