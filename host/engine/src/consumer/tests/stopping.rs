//! Stopping, crashing, losing a lease, and going on.

use std::sync::atomic::Ordering::Relaxed;

use super::world::{Running, Slow, World, complete, echo};
use crate::lease::{Checkpoint, Update};

const KEYS: usize = 20;

#[tokio::test(start_paused = true)]
async fn everything_put_comes_out_once_and_in_order_of_its_key() {
    let world = World::new().await;
    world.put(KEYS, 0..50).await;
    let running = Running::start(world.pipeline(echo(|_| false)));
    running.until("all is done", |progress| progress.done.load(Relaxed) == 1_000).await;
    let summary = running.stop().await;
    assert_eq!((summary.records, summary.done, summary.emitted), (1_000, 1_000, 1_000));
    assert_eq!(world.output().await, complete(KEYS, 50));
}

#[tokio::test(start_paused = true)]
async fn i1_a_stop_in_the_middle_loses_and_doubles_nothing() {
    let world = World::new().await;
    world.put(KEYS, 0..50).await;
    for _ in 0..4 {
        let running = Running::start(world.pipeline(Slow::echo()));
        running.until("some batches were handled", |progress| progress.batches.load(Relaxed) >= 10).await;
        let summary = running.stop().await;
        assert!((10 * 10..500).contains(&summary.done), "it stopped in the middle: {summary:?}");
    }
    let running = Running::start(world.pipeline(Slow::echo()));
    world.until_complete(KEYS, 50).await;
    running.stop().await;
    assert_eq!(world.output().await, complete(KEYS, 50));
}

#[tokio::test(start_paused = true)]
async fn i1_a_crash_loses_nothing_and_repeats_only_what_no_checkpoint_covered() {
    let world = World::new().await;
    world.put(KEYS, 0..50).await;
    let running = Running::start(world.pipeline(Slow::echo()));
    running.until("some is done", |progress| progress.done.load(Relaxed) >= 300).await;
    let done = running.progress.done.load(Relaxed) as usize;
    let handled = running.progress.documents.load(Relaxed) as usize;
    running.crash();
    assert!(done < 1_000, "it crashed in the middle");
    let running = Running::start(world.pipeline(Slow::echo()));
    world.until_complete(KEYS, 50).await;
    running.stop().await;

    let mut total = 0;
    for (key, mut numbers) in world.output().await {
        total += numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers, (0..50).collect::<Vec<_>>(), "key={key}");
    }
    // A checkpoint is written once a second, in which a shard handles ten batches of ten.
    let unwritten = handled - done + 4 * 100 + 4 * 10;
    assert!(total - 1_000 <= unwritten, "repeated={} unwritten={unwritten}", total - 1_000);
}

#[tokio::test(start_paused = true)]
async fn i5_a_worker_that_lost_its_lease_stops_and_cannot_move_the_checkpoint() {
    let world = World::new().await;
    world.put(KEYS, 0..10).await;
    let running = Running::start(world.pipeline(echo(|_| false)));
    running.until("all is done", |progress| progress.done.load(Relaxed) == 200).await;
    for lease in world.leases.list().await.unwrap() {
        let taken = world.leases.update(&lease, Update::Take("other".into())).await.unwrap();
        let back = Update::Checkpoint { checkpoint: Checkpoint::TrimHorizon, load: 0 };
        world.leases.update(&taken, back).await.unwrap();
    }
    running.until("it noticed", |progress| progress.active_shards.load(Relaxed) == 0).await;
    world.put(KEYS, 10..11).await;
    running.stop().await;
    assert!(world.checkpoints().await.values().all(|checkpoint| *checkpoint == Checkpoint::TrimHorizon));
    assert_eq!(world.output().await, complete(KEYS, 10), "nothing was read after the leases were lost");
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_the_leases_back() {
    let world = World::new().await;
    let running = Running::start(world.pipeline(echo(|_| false)));
    running.until("it reads", |progress| progress.active_shards.load(Relaxed) == 4).await;
    running.stop().await;
    let leases = world.leases.list().await.unwrap();
    assert_eq!(leases.len(), 4);
    assert!(leases.iter().all(|lease| lease.owner.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_missing_stream_is_an_error_at_the_start() {
    let world = World::new().await;
    let mut pipeline = world.pipeline(echo(|_| false));
    pipeline.settings.stream = "nowhere".parse().unwrap();
    let error = pipeline.run(Default::default()).await.unwrap_err();
    assert!(error.to_string().contains("stream=nowhere"), "{error}");
}
