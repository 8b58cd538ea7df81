//! Handlers that fail, records that do not decode, sinks that refuse.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::world::{Notes, Running, World, complete, echo, note, stream};
use crate::{
    batch::Batch,
    consumer::OnFailure,
    handler::{Disposition, Failure, HandlerFn, Outcome},
    kinesis::Kinesis,
    record::Entry,
};

#[tokio::test(start_paused = true)]
async fn i1_a_shard_stops_before_the_batch_that_fails_and_others_go_on() {
    let world = World::new().await;
    world.put(20, 0..50).await;
    let running = Running::start(world.pipeline(echo(|data| data == "7:30")));
    running.until("a shard stopped", |progress| !progress.stopped().is_empty()).await;
    running.until("others are done", |progress| progress.done.load(Relaxed) > 700).await;
    let stopped = running.progress.stopped();
    assert_eq!(stopped.len(), 1);
    assert!(stopped[0].reason.contains("handler=echo@00000000: trapped"), "{}", stopped[0].reason);
    assert!(stopped[0].reason.contains("sequences="), "{}", stopped[0].reason);
    running.stop().await;

    // The next run has a handler that can do it, and goes on where the shard stopped.
    let running = Running::start(world.pipeline(echo(|_| false)));
    world.until_complete(20, 50).await;
    running.stop().await;
    assert_eq!(world.output().await, complete(20, 50));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_is_given_again_and_nothing_is_doubled() {
    let world = World::new().await;
    world.put(4, 0..10).await;
    let seen = Mutex::new(BTreeSet::new());
    // Every batch fails the first time that it is given.
    let handler = echo(move |data| seen.lock().unwrap().insert(data.to_owned()));
    let mut pipeline = world.pipeline(handler);
    pipeline.settings.attempts = 20;
    let running = Running::start(pipeline);
    running.until("all is done", |progress| progress.done.load(Relaxed) == 40).await;
    let summary = running.stop().await;
    assert_eq!(summary.stopped, []);
    assert_eq!(world.output().await, complete(4, 10));
}

#[tokio::test(start_paused = true)]
async fn records_to_be_retried_are_given_again_alone() {
    let world = World::new().await;
    world.put(1, 0..10).await;
    let notes = Notes::default();
    let seen = Arc::clone(&notes);
    let handler = HandlerFn(move |batch: &Batch| {
        note(&seen, batch);
        let failed = Failure { index: 3, disposition: Disposition::Retry(Duration::from_secs(2)) };
        let failures = if batch.info.attempt == 1 { vec![failed] } else { Vec::new() };
        Ok(Outcome { failures, ..Outcome::default() })
    });
    let running = Running::start(world.pipeline(Arc::new(handler)));
    running.until("all is done", |progress| progress.done.load(Relaxed) == 10).await;
    running.stop().await;
    let notes = notes.lock().unwrap();
    assert_eq!(notes.iter().filter(|(attempt, _)| *attempt == 1).count(), 10);
    assert_eq!(notes.last(), Some(&(2, "0:3".to_owned())));
    assert_eq!(notes.len(), 11);
}

#[tokio::test(start_paused = true)]
async fn records_dropped_on_request_are_counted_and_passed_over() {
    let world = World::new().await;
    world.put(4, 0..10).await;
    let mut pipeline = world.pipeline(echo(|data| data.starts_with("2:")));
    pipeline.settings.on_failure = Some(OnFailure::Drop);
    pipeline.settings.batch_records = 1;
    let running = Running::start(pipeline);
    running.until("all is done", |progress| progress.done.load(Relaxed) == 40).await;
    let summary = running.stop().await;
    assert_eq!((summary.dropped, summary.stopped.len()), (10, 0));
    let mut expected = complete(4, 10);
    expected.remove("2");
    assert_eq!(world.output().await, expected);
}

#[tokio::test(start_paused = true)]
async fn i1_bytes_that_do_not_decode_stop_their_shard_and_are_named() {
    let world = World::new().await;
    world.put(1, 0..3).await;
    let broken = Entry { data: vec![0xff].into(), partition_key: "0".into(), explicit_hash_key: None };
    let placed = world.kinesis.put_records(&stream("in"), &[broken]).await.unwrap().remove(0).unwrap();
    world.put(1, 3..5).await;
    let running = Running::start(world.pipeline(echo(|_| false)));
    running.until("the shard stopped", |progress| !progress.stopped().is_empty()).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.rejected), (3, 1));
    assert!(summary.stopped[0].reason.contains(placed.sequence.as_str()), "{}", summary.stopped[0].reason);
    assert_eq!(world.output().await, complete(1, 3));
}

#[tokio::test(start_paused = true)]
async fn i2_a_sink_that_refuses_stops_the_shard_and_the_checkpoint_stays() {
    let world = World::new().await;
    world.put(1, 0..3).await;
    let before = world.checkpoints().await;
    assert!(before.is_empty());
    world.kinesis.delete_stream(&stream("out")).await.unwrap();
    let running = Running::start(world.pipeline(echo(|_| false)));
    running.until("the shard stopped", |progress| !progress.stopped().is_empty()).await;
    let summary = running.stop().await;
    assert_eq!(summary.done, 0);
    assert!(world.checkpoints().await.values().all(|at| *at == crate::lease::Checkpoint::TrimHorizon));
}

#[tokio::test(start_paused = true)]
async fn an_emit_to_an_unknown_sink_stops_the_shard_and_says_which_are_known() {
    let world = World::new().await;
    world.put(1, 0..1).await;
    let handler = HandlerFn(|batch: &Batch| {
        let emit = crate::handler::Emit {
            data: batch.documents().data_bytes(0),
            partition_key: None,
            explicit_hash_key: None,
            sink: Some("audit".into()),
        };
        Ok(Outcome { emits: vec![emit], ..Outcome::default() })
    });
    let running = Running::start(world.pipeline(Arc::new(handler)));
    running.until("the shard stopped", |progress| !progress.stopped().is_empty()).await;
    let reason = running.progress.stopped()[0].reason.clone();
    assert!(reason.contains("sink=audit") && reason.contains("default"), "{reason}");
    running.stop().await;
}
