//! The batching window: reads gathered until they fill a batch, or the first of them waited long enough.

use std::{
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::world::{Running, World, complete, echo};
use crate::{
    batch::Batch,
    consumer::{Pipeline, PipelineError, ReadMemory},
    handler::AsyncHandlerFn,
    lease::{Checkpoint, plan::Start},
};

const WINDOW: Duration = Duration::from_secs(60);

/// How many records each call had, and when it was.
type Calls = Arc<Mutex<Vec<(usize, Duration)>>>;

fn gathering(world: &World) -> (Pipeline, Calls) {
    let (calls, begun, inner) = (Calls::default(), Instant::now(), echo(|_| false));
    let noted = Arc::clone(&calls);
    let mut pipeline = world.pipeline(Arc::new(AsyncHandlerFn(move |batch: Batch| {
        noted.lock().unwrap().push((batch.documents().len(), begun.elapsed()));
        let inner = Arc::clone(&inner);
        async move { inner.handle(&batch).await }
    })));
    pipeline.settings.batch_window = WINDOW;
    pipeline.settings.batch_records = 20;
    (pipeline, calls)
}

/// Puts one record a second.
async fn trickle(world: &World, numbers: std::ops::Range<usize>) {
    for number in numbers {
        world.put(1, number..number + 1).await;
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_handed_over_when_it_is_full_or_its_window_is_over() {
    let world = World::of(1).await;
    let (pipeline, calls) = gathering(&world);
    let running = Running::start(pipeline);
    trickle(&world, 0..25).await;
    assert_eq!(running.progress.done.load(Relaxed), 20);
    running.until("all is done", |progress| progress.done.load(Relaxed) == 25).await;
    running.stop().await;
    let calls = calls.lock().unwrap().clone();
    let [(20, full), (5, over)] = calls[..] else { panic!("there are two calls: {calls:?}") };
    assert!(full < Duration::from_secs(25), "the first was full: {full:?}");
    assert!(over >= full + WINDOW && over < full + WINDOW + Duration::from_secs(5), "{full:?} {over:?}");
    assert_eq!(world.output().await, complete(1, 25));
}

#[tokio::test(start_paused = true)]
async fn i7_bytes_and_the_memory_that_shards_share_bound_what_is_gathered() {
    let world = World::of(1).await;
    let (mut pipeline, calls) = gathering(&world);
    pipeline.settings.batch_records = 1_000;
    // Ten of the records `0:N`, with their key.
    pipeline.settings.batch_bytes = 40;
    // Room for one read under way beside what is gathered.
    pipeline.memory = ReadMemory::of(crate::limits::GET_RECORDS_BYTES + 40);
    let running = Running::start(pipeline);
    trickle(&world, 0..10).await;
    running.until("all is done", |progress| progress.done.load(Relaxed) == 10).await;
    assert_eq!(*calls.lock().unwrap().iter().map(|(count, _)| *count).collect::<Vec<_>>(), [10]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_shard_hands_over_what_was_gathered() {
    let world = World::of(1).await;
    world.put(1, 0..3).await;
    world.reshard(2).await;
    let (pipeline, calls) = gathering(&world);
    let running = Running::start(pipeline);
    running.until("the shard ended", |progress| progress.ended_shards.load(Relaxed) == 1).await;
    let (count, at) = calls.lock().unwrap()[0];
    assert!(count == 3 && at < WINDOW, "{count} {at:?}");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn i1_a_stop_forgets_what_was_gathered_and_the_next_run_reads_it() {
    for start in [Start::TrimHorizon, Start::Latest] {
        let world = World::of(1).await;
        let (mut pipeline, calls) = gathering(&world);
        pipeline.settings.start = start;
        let running = Running::start(pipeline);
        running.until("it reads", |progress| progress.reads.load(Relaxed) > 0).await;
        trickle(&world, 0..5).await;
        let summary = running.stop().await;
        assert_eq!((summary.records, summary.done, calls.lock().unwrap().len()), (5, 0, 0), "{start:?}");
        let (mut pipeline, _calls) = gathering(&world);
        pipeline.settings.start = start;
        pipeline.settings.batch_window = Duration::ZERO;
        let running = Running::start(pipeline);
        running.until("all is done", |progress| progress.done.load(Relaxed) == 5).await;
        running.stop().await;
        assert!(world.checkpoints().await.values().all(|at| matches!(at, Checkpoint::At { .. })));
        assert_eq!(world.output().await, complete(1, 5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_gathers_is_not_idle() {
    let world = World::of(1).await;
    world.put(1, 0..3).await;
    let (mut pipeline, _calls) = gathering(&world);
    pipeline.settings.idle_timeout = Some(WINDOW / 4);
    let summary = pipeline.run(Default::default()).await.unwrap();
    assert_eq!(summary.done, 3);
}

#[tokio::test(start_paused = true)]
async fn a_window_longer_than_five_minutes_is_refused() {
    let world = World::of(1).await;
    let (mut pipeline, _calls) = gathering(&world);
    pipeline.settings.batch_window = Duration::from_secs(301);
    let error = pipeline.run(Default::default()).await.unwrap_err();
    assert!(matches!(error, PipelineError::Settings(_)), "{error}");
}
