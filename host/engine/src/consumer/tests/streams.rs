//! Several streams in one process, with one application's leases.

use std::{
    collections::BTreeSet,
    sync::atomic::Ordering::Relaxed,
    time::Duration,
};

use super::world::{Running, Slow, World, complete, echo, stream};
use crate::{
    consumer::{Prefetch, ReadMemory},
    kinesis::{Kinesis, StreamMode},
    lease::{Checkpoint, Lease},
    record::Entry,
};

/// A world whose second input has the same documents, on two shards.
async fn world(keys: usize, count: usize) -> World {
    let world = World::new().await;
    world.kinesis.create_stream(&stream("in-2"), StreamMode::Provisioned { shards: 2 }).await.unwrap();
    world.put(keys, 0..count).await;
    for number in 0..count {
        let entry = |key: usize| Entry {
            data: format!("second-{key}:{number}").into(),
            partition_key: key.to_string().into(),
            explicit_hash_key: None,
        };
        let entries: Vec<Entry> = (0..keys).map(entry).collect();
        world.kinesis.put_records(&stream("in-2"), &entries).await.unwrap();
    }
    world
}

fn is_of(lease: &Lease, stream: &str) -> bool {
    *lease.key.stream == *stream
}

#[tokio::test(start_paused = true)]
async fn two_streams_of_different_speed_share_a_store_of_leases_and_nothing_else() {
    let world = world(8, 50).await;
    let fast = Running::start(world.pipeline(echo(|_| false)));
    let mut pipeline = world.pipeline(Slow::echo());
    pipeline.settings.stream = stream("in-2");
    let slow = Running::start(pipeline);
    fast.until("the fast one is done", |progress| progress.done.load(Relaxed) == 400).await;
    assert!(slow.progress.done.load(Relaxed) < 400, "the slow one is behind");
    assert_eq!(fast.stop().await.done, 400);
    slow.until("the slow one is done", |progress| progress.done.load(Relaxed) == 400).await;
    assert_eq!(slow.stop().await.done, 400);

    let mut expected = complete(8, 50);
    expected.extend(complete(8, 50).into_iter().map(|(key, numbers)| (format!("second-{key}"), numbers)));
    assert_eq!(world.output().await, expected);
    let leases = world.leases.list().await.unwrap();
    assert_eq!(leases.iter().filter(|lease| is_of(lease, "in")).count(), 4);
    assert_eq!(leases.iter().filter(|lease| is_of(lease, "in-2")).count(), 2);
    let keys: BTreeSet<_> = leases.iter().map(|lease| &lease.key.shard).collect();
    assert_eq!(keys.len(), 4, "both streams have shards of the same ids");
    assert!(leases.iter().all(|lease| lease.owner.is_none()));
}

#[tokio::test(start_paused = true)]
async fn i7_streams_that_share_the_memory_of_their_reads_wait_for_each_other_and_all_is_read() {
    let world = world(8, 200).await;
    // One read at a time is under way, in all shards of both streams.
    let memory = ReadMemory::of(1);
    let both = ["in", "in-2"].map(|name| {
        let mut pipeline = world.pipeline(Slow::echo());
        pipeline.settings.stream = stream(name);
        pipeline.settings.reader.prefetch = Prefetch { reads: 4, bytes: 1 << 20 };
        pipeline.settings.reader.limit = 50;
        pipeline.settings.idle_timeout = Some(Duration::from_secs(600));
        pipeline.memory = memory.clone();
        Running::start(pipeline)
    });
    for running in both {
        running.until("all is done", |progress| progress.done.load(Relaxed) == 1_600).await;
        assert_eq!(running.stop().await.done, 1_600);
    }
    let checkpoints = world.leases.list().await.unwrap().into_iter().map(|lease| lease.checkpoint);
    assert!(checkpoints.into_iter().all(|at| matches!(at, Checkpoint::At { .. })));
}
