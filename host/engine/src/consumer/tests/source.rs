//! Every way to read a shard, on a Kinesis in memory that fails to order, while virtual time passes.

use std::{ops::Range, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::world::{Running, World, complete, echo, stream};
use crate::{
    consumer::{Pipeline, Progress, Reader, Retrieval, source},
    kinesis::{
        ErrorKind, Kinesis, Position, StreamMode,
        faults::{FaultyKinesis, SubscriptionFault},
        memory::{MemoryKinesis, Settings},
    },
    limits,
    record::Entry,
    time::{Clock, UnixMillis},
};

const SHARD: &str = "shardId-000000000000";

/// One shard, and what reads it.
struct Shard {
    kinesis: Arc<FaultyKinesis>,
    memory: Arc<MemoryKinesis>,
    pipeline: Pipeline,
}

impl Shard {
    async fn new(retrieval: Retrieval, settings: Settings) -> Self {
        let clock = Clock::paced(UnixMillis(1_700_000_000_000));
        let memory = Arc::new(MemoryKinesis::new(clock, settings));
        memory.create_stream(&stream("in"), StreamMode::Provisioned { shards: 1 }).await.unwrap();
        let kinesis = Arc::new(FaultyKinesis::new(Arc::clone(&memory) as Arc<dyn Kinesis>, 1));
        let mut pipeline = World::new().await.pipeline(echo(|_| false));
        pipeline.kinesis = Arc::clone(&kinesis) as Arc<dyn Kinesis>;
        pipeline.clock = clock;
        pipeline.settings.retrieval = retrieval;
        Self { kinesis, memory, pipeline }
    }

    async fn fan_out() -> Self {
        Self::new(Retrieval::FanOut("app".to_owned()), Settings::default()).await
    }

    async fn auto() -> Self {
        Self::new(Retrieval::Auto("app".to_owned()), Settings::default()).await
    }

    fn open(&self, position: Position) -> Box<dyn Reader> {
        source::of(&self.pipeline).open(SHARD.into(), position)
    }

    async fn put(&self, numbers: Range<usize>) {
        let entries: Vec<Entry> = numbers
            .map(|n| Entry { data: n.to_string().into(), partition_key: "k".into(), explicit_hash_key: None })
            .collect();
        self.memory.put_records(&stream("in"), &entries).await.unwrap();
    }

    fn progress(&self) -> &Progress {
        &self.pipeline.progress
    }

    /// Subscriptions begun, switches to polling, switches back.
    fn counted(&self) -> (u64, u64, u64) {
        let Progress { subscriptions, polled_instead, subscribed_again, .. } = self.progress();
        let read =
            |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
        (read(subscriptions), read(polled_instead), read(subscribed_again))
    }
}

/// Reads until so many records came.
async fn read(reader: &mut dyn Reader, count: usize) -> Vec<String> {
    let mut read = Vec::new();
    while read.len() < count {
        let fetch = reader.next().await.expect("the shard goes on").unwrap();
        assert!(fetch.end.is_none());
        read.extend(fetch.records.iter().map(|record| String::from_utf8(record.data.to_vec()).unwrap()));
    }
    read
}

fn numbers(range: Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn records_come_as_they_are_put() {
    let shard = Shard::fan_out().await;
    let mut reader = shard.open(Position::TrimHorizon);
    shard.put(0..3).await;
    assert_eq!(read(&mut *reader, 3).await, numbers(0..3));
    let start = Instant::now();
    shard.put(3..5).await;
    assert_eq!(read(&mut *reader, 2).await, numbers(3..5));
    assert_eq!(start.elapsed(), Duration::ZERO, "nobody waits for a poll");
    assert_eq!(shard.counted(), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_consumer_is_registered_once_and_waited_for() {
    let settings = Settings { transition: Duration::from_secs(20), ..Settings::default() };
    let shard = Shard::new(Retrieval::FanOut("app".to_owned()), settings).await;
    sleep(Duration::from_secs(20)).await;
    shard.put(0..1).await;
    let source = source::of(&shard.pipeline);
    let mut first = source.open(SHARD.into(), Position::TrimHorizon);
    assert_eq!(read(&mut *first, 1).await, numbers(0..1));
    drop(first);
    let mut second = source.open(SHARD.into(), Position::TrimHorizon);
    assert_eq!(read(&mut *second, 1).await, numbers(0..1));
    assert_eq!(shard.memory.model().describe_stream_summary("in").unwrap().consumers, 1);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_is_renewed_before_its_end_without_a_gap_or_a_double() {
    let shard = Shard::fan_out().await;
    let mut reader = shard.open(Position::TrimHorizon);
    for n in 0..1_000 {
        shard.put(n..n + 1).await;
        assert_eq!(read(&mut *reader, 1).await, numbers(n..n + 1));
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(shard.counted(), (4, 0, 0), "a subscription lasts 285 seconds");
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_the_first_event_of_latest_is_not_lost() {
    let shard = Shard::fan_out().await;
    shard.put(0..2).await;
    // How far the service's clock is from the one here is not known: what came shortly before comes again.
    sleep(limits::CLOCK_SKEW + Duration::from_millis(1)).await;
    shard.kinesis.fail_subscriptions(2, 0, SubscriptionFault::Cut);
    let mut reader = shard.open(Position::Latest);
    sleep(Duration::from_secs(1)).await;
    shard.put(2..4).await;
    assert_eq!(read(&mut *reader, 2).await, numbers(2..4));
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_a_subscription_is_passed_over_in_every_place() {
    let faults = [
        SubscriptionFault::Silence,
        SubscriptionFault::Cut,
        SubscriptionFault::End,
        SubscriptionFault::Error("ResourceInUseException"),
        SubscriptionFault::Error("InternalFailureException"),
    ];
    for fault in faults {
        for events in 0..4 {
            for automatic in [false, true] {
                let shard = if automatic { Shard::auto().await } else { Shard::fan_out().await };
                shard.kinesis.fail_subscriptions(5, events, fault);
                let mut reader = shard.open(Position::TrimHorizon);
                let mut found = Vec::new();
                for n in 0..40 {
                    shard.put(2 * n..2 * n + 2).await;
                    found.extend(read(&mut *reader, 2).await);
                    sleep(Duration::from_millis(700)).await;
                }
                assert_eq!(found, numbers(0..80), "{fault:?} after {events} events, auto={automatic}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_shard_is_polled_after_three_failures_and_subscribed_to_again_after_a_while() {
    let shard = Shard::auto().await;
    shard.kinesis.fail_subscriptions(3, 1, SubscriptionFault::Silence);
    let mut reader = shard.open(Position::TrimHorizon);
    let mut found = Vec::new();
    for n in 0..600 {
        shard.put(n..n + 1).await;
        found.extend(read(&mut *reader, 1).await);
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(found, numbers(0..600));
    let (subscriptions, polled_instead, again) = shard.counted();
    assert_eq!((polled_instead, again), (1, 1));
    assert!((5..=6).contains(&subscriptions), "three failed, then they were renewed: {subscriptions}");
}

#[tokio::test(start_paused = true)]
async fn what_denies_fan_out_stops_a_shard_or_has_it_polled() {
    let denied = |shard: &Shard| {
        shard.kinesis.fail_calls("RegisterStreamConsumer", 1_000, "AccessDeniedException");
    };
    let shard = Shard::fan_out().await;
    denied(&shard);
    let error = shard.open(Position::TrimHorizon).next().await.unwrap().unwrap_err();
    assert_eq!(error.0.kind, ErrorKind::Denied);
    let shard = Shard::auto().await;
    denied(&shard);
    shard.put(0..3).await;
    let mut reader = shard.open(Position::TrimHorizon);
    assert_eq!(read(&mut *reader, 3).await, numbers(0..3));
    assert_eq!(shard.counted(), (0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_somebody_deleted_is_registered_again() {
    let shard = Shard::fan_out().await;
    let mut reader = shard.open(Position::TrimHorizon);
    shard.put(0..1).await;
    assert_eq!(read(&mut *reader, 1).await, numbers(0..1));
    shard.memory.model().deregister_stream_consumer("in", "app").unwrap();
    shard.put(1..2).await;
    assert_eq!(read(&mut *reader, 1).await, numbers(1..2));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_shard_comes_with_its_last_records_and_its_children() {
    let shard = Shard::fan_out().await;
    shard.put(0..2).await;
    shard.memory.model().update_shard_count("in", 2).unwrap();
    let mut reader = shard.open(Position::TrimHorizon);
    let fetch = reader.next().await.unwrap().unwrap();
    assert_eq!((fetch.records.len(), fetch.end.map(|children| children.len())), (2, Some(2)));
    assert!(reader.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn i3_a_pipeline_that_subscribes_follows_splits_and_merges_while_subscriptions_fail() {
    const KEYS: usize = 12;
    for retrieval in [Retrieval::FanOut("app".to_owned()), Retrieval::Auto("app".to_owned())] {
        for fault in [SubscriptionFault::Cut, SubscriptionFault::Silence] {
            let world = World::new().await;
            let kinesis = Arc::new(FaultyKinesis::new(Arc::clone(&world.kinesis) as Arc<dyn Kinesis>, 1));
            let mut pipeline = world.pipeline(echo(|_| false));
            pipeline.kinesis = Arc::clone(&kinesis) as Arc<dyn Kinesis>;
            pipeline.settings.retrieval = retrieval.clone();
            let running = Running::start(pipeline);
            for (round, target) in [8, 4, 2, 4].into_iter().enumerate() {
                kinesis.fail_subscriptions(4, 1, fault);
                world.put(KEYS, round * 20..round * 20 + 10).await;
                sleep(Duration::from_secs(2)).await;
                world.put(KEYS, round * 20 + 10..round * 20 + 20).await;
                world.reshard(target).await;
            }
            world.until_complete(KEYS, 80).await;
            assert_eq!(world.output().await, complete(KEYS, 80), "{retrieval:?} {fault:?}");
            let summary = running.stop().await;
            assert_eq!((summary.done, summary.stopped), (KEYS as u64 * 80, vec![]));
        }
    }
}
