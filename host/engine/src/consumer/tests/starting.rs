//! Where reading starts without a checkpoint, also when the first iterators expire before they gave anything.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::world::{Running, World, echo, stream};
use crate::{
    consumer::Pipeline,
    kinesis::{Kinesis, Position, faults::FaultyKinesis},
    lease::plan::Start,
    sequence::SequenceNumber,
};

/// Runs a pipeline whose first reads find their iterators expired, until it is done with `count` records.
async fn run(world: &World, count: u64, change: impl FnOnce(&mut Pipeline)) -> Vec<usize> {
    let faulty = FaultyKinesis::new(Arc::clone(&world.kinesis) as Arc<dyn Kinesis>, 1);
    faulty.fail_calls("GetRecords", 10, "ExpiredIteratorException");
    let mut pipeline = world.pipeline(echo(|_| false));
    pipeline.kinesis = Arc::new(faulty);
    change(&mut pipeline);
    let running = Running::start(pipeline);
    running.until("all is done", |progress| progress.done.load(Relaxed) == count).await;
    assert_eq!(running.stop().await.records, count);
    world.output().await.remove("0").unwrap()
}

/// The sequence number of the record with this number, of those with key 0.
async fn sequence(world: &World, number: usize) -> SequenceNumber {
    let shard = "shardId-000000000003".into();
    let iterator =
        world.kinesis.get_shard_iterator(&stream("in"), &shard, &Position::TrimHorizon).await.unwrap();
    let fetch = world.kinesis.get_records(&stream("in"), &iterator, 100).await.unwrap();
    let data = format!("0:{number}");
    fetch.records.into_iter().find(|record| record.data == data).expect("the key is in this shard").sequence
}

#[tokio::test(start_paused = true)]
async fn a_start_at_a_moment_survives_expired_iterators() {
    let world = World::new().await;
    world.put(1, 0..5).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let moment = world.clock.now();
    world.put(1, 5..10).await;
    let start = |pipeline: &mut Pipeline| pipeline.settings.start = Start::AtTimestamp(moment);
    assert_eq!(run(&world, 5, start).await, (5..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_start_at_a_record_survives_expired_iterators_and_gives_that_record_too() {
    let world = World::new().await;
    world.put(1, 0..10).await;
    let third = sequence(&world, 3).await;
    let start = |pipeline: &mut Pipeline| {
        pipeline.settings.start = Start::Latest;
        pipeline.settings.start_at = [("shardId-000000000003".into(), third)].into();
    };
    assert_eq!(run(&world, 7, start).await, (3..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_is_read_again_and_again_in_vain_stops_where_attempts_are_bounded() {
    let world = World::new().await;
    world.put(1, 0..5).await;
    let faulty = FaultyKinesis::new(Arc::clone(&world.kinesis) as Arc<dyn Kinesis>, 1);
    faulty.fail_calls("GetRecords", 1_000, "InternalFailure");
    let mut pipeline = world.pipeline(echo(|_| false));
    pipeline.kinesis = Arc::new(faulty);
    pipeline.settings.reader.attempts = 3.try_into().ok();
    let running = Running::start(pipeline);
    running.until("all shards stopped", |progress| progress.stopped().len() == 4).await;
    let summary = running.stop().await;
    assert!(summary.stopped[0].reason.contains("InternalFailure"), "{}", summary.stopped[0].reason);
}
