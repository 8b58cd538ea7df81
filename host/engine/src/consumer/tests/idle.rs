//! Pipelines that end by themselves when nothing comes any more.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use tokio_util::sync::CancellationToken;

use super::world::{Running, Slow, World, complete, echo};

const TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn a_pipeline_ends_after_its_idle_timeout_with_all_done_and_its_leases_given_back() {
    let world = World::new().await;
    world.put(8, 0..50).await;
    let mut pipeline = world.pipeline(Slow::echo());
    pipeline.settings.idle_timeout = Some(TIMEOUT);
    let begun = tokio::time::Instant::now();
    let summary = pipeline.run(CancellationToken::new()).await.unwrap();
    assert_eq!((summary.done, summary.stopped.len()), (400, 0));
    assert!(begun.elapsed() >= TIMEOUT);
    assert_eq!(world.output().await, complete(8, 50));
    assert!(world.leases.list().await.unwrap().iter().all(|lease| lease.owner.is_none()));
}

#[tokio::test(start_paused = true)]
async fn records_that_keep_coming_keep_a_pipeline_awake() {
    let world = World::new().await;
    let mut pipeline = world.pipeline(echo(|_| false));
    pipeline.settings.idle_timeout = Some(TIMEOUT);
    let running = Running::start(pipeline);
    for number in 0..20 {
        world.put(1, number..number + 1).await;
        tokio::time::sleep(TIMEOUT / 2).await;
    }
    running.until("all is done", |progress| progress.done.load(Relaxed) == 20).await;
    assert_eq!(world.output().await, complete(1, 20));
    assert_eq!(running.stop().await.done, 20);
}
