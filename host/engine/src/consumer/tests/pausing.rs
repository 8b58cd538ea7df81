//! Shards that wait: behind an open breaker, or stopped until they are told to go on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use super::world::{Running, World, complete, echo};
use crate::{
    consumer::{BreakerSettings, Control, Pipeline},
    dead_letter::MemoryDeadLetters,
};

const PAUSE: Duration = Duration::from_secs(30);

/// A pipeline whose handler fails while it is told to, and how often it was called.
fn failing(world: &World) -> (Pipeline, Arc<AtomicBool>, Arc<AtomicU64>) {
    let (fails, calls) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
    let (is_failing, called) = (Arc::clone(&fails), Arc::clone(&calls));
    let inner = echo(move |_| is_failing.load(Relaxed));
    let handler = crate::handler::AsyncHandlerFn(move |batch: crate::batch::Batch| {
        let inner = Arc::clone(&inner);
        called.fetch_add(1, Relaxed);
        async move { inner.handle(&batch).await }
    });
    (world.pipeline(Arc::new(handler)), fails, calls)
}

async fn until_paused(control: &Control) {
    for _ in 0..10_000 {
        if !control.paused().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no shard pauses");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_keeps_failing_is_left_alone_and_its_shard_goes_on_by_itself() {
    let world = World::of(1).await;
    world.put(1, 0..20).await;
    let (mut pipeline, fails, calls) = failing(&world);
    pipeline.settings.attempts = 1_000;
    pipeline.settings.breaker = Some(BreakerSettings { failures: 3, pause: PAUSE, longest_pause: PAUSE * 2 });
    let control = Arc::clone(&pipeline.control);
    let running = Running::start(pipeline);
    until_paused(&control).await;
    let paused = control.paused().remove(0);
    assert_eq!((paused.failures, calls.load(Relaxed)), (3, 3));
    assert_eq!(paused.until, paused.since.plus(PAUSE));
    assert!(paused.reason.contains("trapped"), "{}", paused.reason);
    tokio::time::sleep(PAUSE * 10).await;
    let tried = calls.load(Relaxed);
    assert!((7..=9).contains(&tried), "one call after each pause: calls={tried}");
    fails.store(false, Relaxed);
    running.until("all is done", |progress| progress.done.load(Relaxed) == 20).await;
    assert_eq!(control.paused(), []);
    assert_eq!(running.stop().await.stopped, []);
    assert_eq!(world.output().await, complete(1, 20));
}

#[tokio::test(start_paused = true)]
async fn a_command_ends_a_pause_and_a_stop_does_not_wait_for_it() {
    let world = World::of(1).await;
    world.put(1, 0..20).await;
    let (mut pipeline, fails, calls) = failing(&world);
    let day = Duration::from_secs(24 * 3_600);
    pipeline.settings.breaker = Some(BreakerSettings { failures: 3, pause: day, longest_pause: day });
    let control = Arc::clone(&pipeline.control);
    let begun = tokio::time::Instant::now();
    let running = Running::start(pipeline.clone());
    until_paused(&control).await;
    assert_eq!(control.resume(None), 1);
    running.until("it is called", |_| calls.load(Relaxed) == 4).await;
    until_paused(&control).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.stopped.len()), (0, 0));

    let running = Running::start(pipeline);
    until_paused(&control).await;
    fails.store(false, Relaxed);
    let shard = control.paused().remove(0).shard;
    assert_eq!(control.resume(Some(&shard)), 1);
    running.until("all is done", |progress| progress.done.load(Relaxed) == 20).await;
    running.stop().await;
    assert!(begun.elapsed() < day);
    assert_eq!(world.output().await, complete(1, 20));
}

#[tokio::test(start_paused = true)]
async fn halving_waits_for_the_breaker_too_and_gives_up_no_more_than_one_record_a_pause() {
    let world = World::of(1).await;
    world.put(1, 0..10).await;
    let (mut pipeline, _fails, calls) = failing(&world);
    let letters = Arc::new(MemoryDeadLetters::default());
    pipeline.dead_letters = Some(Arc::clone(&letters) as _);
    pipeline.settings.attempts = 1;
    pipeline.settings.breaker = Some(BreakerSettings { failures: 5, pause: PAUSE, longest_pause: PAUSE });
    let control = Arc::clone(&pipeline.control);
    let running = Running::start(pipeline);
    until_paused(&control).await;
    // Ten records, five, three, two and one.
    assert_eq!((calls.load(Relaxed), letters.all().len()), (5, 1));
    tokio::time::sleep(PAUSE * 2 + PAUSE / 2).await;
    assert_eq!((calls.load(Relaxed), letters.all().len()), (7, 3));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_stopped_goes_on_from_its_checkpoint_when_it_is_told_to() {
    let world = World::of(1).await;
    world.put(1, 0..30).await;
    let (mut pipeline, fails, _calls) = failing(&world);
    pipeline.settings.breaker = None;
    let control = Arc::clone(&pipeline.control);
    let running = Running::start(pipeline);
    for _ in 0..2 {
        running.until("the shard stopped", |_| !control.stopped().is_empty()).await;
        assert_eq!(running.progress.stopped(), control.stopped());
        assert_eq!((control.paused(), control.resume(None)), (Vec::new(), 1));
    }
    running.until("the shard stopped", |_| !control.stopped().is_empty()).await;
    fails.store(false, Relaxed);
    let shard = control.stopped().remove(0).shard;
    assert_eq!(control.resume(Some(&"shardId-000000000009".into())), 0);
    assert_eq!(control.resume(Some(&shard)), 1);
    running.until("all is done", |progress| progress.done.load(Relaxed) == 30).await;
    assert_eq!(running.stop().await.stopped, [], "what goes on is not reported as stopped");
    assert_eq!(world.output().await, complete(1, 30));
}
