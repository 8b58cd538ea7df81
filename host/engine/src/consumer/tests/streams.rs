//! Several streams in one process, with one application's leases.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::world::{Running, Slow, World, complete, echo, stream};
use crate::{
    batch::Batch,
    consumer::{Prefetch, ReadMemory},
    handler::{AsyncHandlerFn, Outcome},
    kinesis::{Kinesis, StreamMode},
    lease::Lease,
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
    let world = world(8, 100).await;
    // There is room for one read with records at a time, in all shards of both streams.
    let memory = ReadMemory::of(1);
    let at_work = Arc::new(Mutex::new((0_u32, 0_u32)));
    let both = ["in", "in-2"].map(|name| {
        let at_work = Arc::clone(&at_work);
        let mut pipeline = world.pipeline(Arc::new(AsyncHandlerFn(move |_: Batch| {
            let at_work = Arc::clone(&at_work);
            async move {
                let enter = |more: i32| {
                    let (now, most) = &mut *at_work.lock().unwrap();
                    *now = now.checked_add_signed(more).unwrap();
                    *most = (*most).max(*now);
                };
                enter(1);
                tokio::time::sleep(Duration::from_millis(10)).await;
                enter(-1);
                Ok(Outcome::default())
            }
        })));
        pipeline.settings.stream = stream(name);
        pipeline.settings.reader.prefetch = Prefetch { reads: 4, bytes: 1 << 20 };
        pipeline.settings.reader.limit = 50;
        pipeline.memory = memory.clone();
        Running::start(pipeline)
    });
    for running in both {
        running.until("all is done", |progress| progress.done.load(Relaxed) == 800).await;
        assert_eq!(running.stop().await.done, 800);
    }
    assert_eq!(*at_work.lock().unwrap(), (0, 1));
}
