//! Handlers that say themselves how far the work is done.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::world::{Running, World, complete, failure};
use crate::{
    batch::Batch,
    consumer::{Checkpointing, Pipeline},
    dead_letter::MemoryDeadLetters,
    handler::{Emit, Handler, HandlerError, HandlerErrorKind, HandlerFn, Outcome},
    lease::Checkpoint,
    record::ShardId,
};

const KEYS: usize = 8;

/// What a handler keeps of each shard until there is enough of it, as an instance of a component would.
type Kept = Arc<Mutex<HashMap<ShardId, Vec<Emit>>>>;

/// Emits records `many` at a time and checkpoints them. `broken` names a record whose batch fails once, and with it what
/// was kept. `says_so` is whether it checkpoints the rest when it is asked for the last time.
fn gather(many: usize, broken: &'static str, says_so: bool) -> (Kept, Arc<dyn Handler>) {
    let kept = Kept::default();
    let (all, failed) = (Arc::clone(&kept), Mutex::new(false));
    let handler = HandlerFn(move |batch: &Batch| {
        let (mut all, documents) = (all.lock().unwrap(), batch.documents());
        let kept = all.entry(batch.info.shard.clone()).or_default();
        let mut outcome = Outcome::default();
        for (at, handled) in (0..documents.len()).zip(1..) {
            if documents.data(at) == broken.as_bytes()
                && !std::mem::replace(&mut failed.lock().unwrap(), true)
            {
                kept.clear();
                return Err(failure());
            }
            kept.push(Emit {
                data: documents.data_bytes(at),
                partition_key: Some(documents.partition_key(at).into()),
                explicit_hash_key: None,
                sink: None,
            });
            if kept.len() >= many {
                outcome.emits.append(kept);
                outcome.checkpoint = Some(handled);
            }
        }
        if documents.is_empty() && says_so {
            outcome.emits.append(kept);
            outcome.checkpoint = Some(0);
        }
        Ok(outcome)
    });
    (kept, Arc::new(handler))
}

fn manual(world: &World, handler: Arc<dyn Handler>) -> Pipeline {
    let mut pipeline = world.pipeline(handler);
    pipeline.settings.checkpointing = Checkpointing::Manual { most: 1_000 };
    pipeline
}

#[tokio::test(start_paused = true)]
async fn i1_a_checkpoint_follows_what_the_handler_says_and_no_more() {
    let world = World::new().await;
    world.put(KEYS, 0..20).await;
    // No shard has so many.
    let (kept, handler) = gather(1_000, "", false);
    let running = Running::start(manual(&world, handler));
    running.until("all was handled", |progress| progress.documents.load(Relaxed) == 160).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.emitted, summary.stopped.len()), (0, 0, 0));
    assert!(world.checkpoints().await.values().all(|at| *at == Checkpoint::TrimHorizon));
    assert_eq!(kept.lock().unwrap().values().map(Vec::len).sum::<usize>(), 160);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_more_at_a_stop_is_asked_for_and_nothing_is_doubled() {
    let world = World::new().await;
    world.put(KEYS, 0..20).await;
    let running = Running::start(manual(&world, gather(7, "", true).1));
    running.until("all was handled", |progress| progress.documents.load(Relaxed) == 160).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.emitted), (160, 160));
    assert_eq!(world.output().await, complete(KEYS, 20));
    let running = Running::start(manual(&world, gather(7, "", true).1));
    world.put(KEYS, 20..21).await;
    running.until("the rest was handled", |progress| progress.documents.load(Relaxed) >= 8).await;
    assert_eq!(running.stop().await.records, 8, "it went on behind what was checkpointed");
    assert_eq!(world.output().await, complete(KEYS, 21));
}

#[tokio::test(start_paused = true)]
async fn i1_what_a_handler_lost_with_its_memory_is_read_again_from_the_checkpoint() {
    let world = World::new().await;
    world.put(KEYS, 0..20).await;
    let mut pipeline = manual(&world, gather(7, "3:17", true).1);
    pipeline.settings.idle_timeout = Some(Duration::from_secs(30));
    let summary = pipeline.run(CancellationToken::new()).await.unwrap();
    assert_eq!((summary.done, summary.stopped.len()), (160, 0));
    assert_eq!(world.output().await, complete(KEYS, 20), "what was not emitted before is not doubled");
    assert!(summary.records > 160, "some were read twice: {summary:?}");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_loses_its_memory_each_time_stops_its_shard() {
    let world = World::new().await;
    world.put(1, 0..30).await;
    let handler = HandlerFn(|batch: &Batch| match batch.documents().data(0) {
        b"0:10" => Err(failure()),
        _ => Ok(Outcome::default()),
    });
    let running = Running::start(manual(&world, Arc::new(handler)));
    running.until("the shard stopped", |progress| !progress.stopped().is_empty()).await;
    assert_eq!(running.progress.failed_attempts.load(Relaxed), 5);
    let summary = running.stop().await;
    assert!(summary.stopped[0].reason.contains("trapped"), "{}", summary.stopped[0].reason);
    assert_eq!(summary.done, 0);
    assert!(world.checkpoints().await.values().all(|at| *at == Checkpoint::TrimHorizon));
}

/// Fails a batch with 0:13 in it, in this way, and otherwise checkpoints every record but the last of each call.
fn behind_by_one(kind: HandlerErrorKind) -> Arc<dyn Handler> {
    Arc::new(HandlerFn(move |batch: &Batch| {
        let documents = batch.documents();
        if (0..documents.len()).any(|at| documents.data(at) == b"0:13") {
            return Err(HandlerError { kind, ..failure() });
        }
        let claimed = u32::try_from(documents.len().saturating_sub(1)).unwrap();
        Ok(Outcome { checkpoint: Some(claimed), ..Outcome::default() })
    }))
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_a_handler_refuses_is_halved_and_what_it_claims_meanwhile_holds() {
    let world = World::of(1).await;
    world.put(1, 0..30).await;
    let letters = Arc::new(MemoryDeadLetters::default());
    let mut pipeline = manual(&world, behind_by_one(HandlerErrorKind::Refused));
    pipeline.dead_letters = Some(Arc::clone(&letters) as _);
    let running = Running::start(pipeline);
    running.until("all was claimed but the last", |progress| progress.done.load(Relaxed) == 29).await;
    let summary = running.stop().await;
    // The last word, an empty batch, covers the last record.
    assert_eq!((summary.records, summary.done, summary.dead_lettered), (30, 30, 1));
    assert_eq!(letters.all()[0].data, "0:13");
}

#[tokio::test(start_paused = true)]
async fn i1_a_handler_that_traps_while_it_keeps_records_stops_its_shard_whatever_the_policy() {
    let world = World::of(1).await;
    world.put(1, 0..30).await;
    let letters = Arc::new(MemoryDeadLetters::default());
    let mut pipeline = manual(&world, behind_by_one(HandlerErrorKind::Trap));
    pipeline.dead_letters = Some(Arc::clone(&letters) as _);
    let running = Running::start(pipeline);
    running.until("the shard stopped", |progress| !progress.stopped().is_empty()).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, letters.all().len()), (12, 0), "0:12 was in its memory");
}

#[tokio::test(start_paused = true)]
async fn a_swap_sends_a_shard_back_to_its_checkpoint_and_counts_as_no_attempt() {
    let world = World::of(1).await;
    world.put(1, 0..30).await;
    let swaps = Mutex::new(20);
    let handler = HandlerFn(move |batch: &Batch| {
        let mut swaps = swaps.lock().unwrap();
        let documents = batch.documents();
        if *swaps > 0 && (0..documents.len()).any(|at| documents.data(at) == b"0:13") {
            *swaps -= 1;
            return Err(HandlerError { kind: HandlerErrorKind::Swapped, ..failure() });
        }
        let done = u32::try_from(documents.len()).ok();
        Ok(Outcome { checkpoint: done, ..Outcome::default() })
    });
    let running = Running::start(manual(&world, Arc::new(handler)));
    running.until("all is done", |progress| progress.done.load(Relaxed) == 30).await;
    assert_eq!(running.progress.failed_attempts.load(Relaxed), 0);
    let summary = running.stop().await;
    assert!(summary.stopped.is_empty() && summary.records >= 30 + 20 * 20, "{summary:?}");
}

#[tokio::test(start_paused = true)]
async fn a_shard_ends_once_its_handler_has_checkpointed_the_rest() {
    let world = World::new().await;
    world.put(KEYS, 0..20).await;
    world.reshard(8).await;
    world.put(KEYS, 20..40).await;
    let running = Running::start(manual(&world, gather(7, "", true).1));
    running.until("four shards ended", |progress| progress.ended_shards.load(Relaxed) == 4).await;
    running.until("all was handled", |progress| progress.documents.load(Relaxed) == 320).await;
    running.stop().await;
    assert_eq!(world.output().await, complete(KEYS, 40));
}

#[tokio::test(start_paused = true)]
async fn i1_a_shard_does_not_end_before_its_handler_has_checkpointed_the_rest() {
    let world = World::new().await;
    world.put(1, 0..5).await;
    world.reshard(8).await;
    let running = Running::start(manual(&world, gather(7, "", false).1));
    running.until("the shard stopped", |progress| !progress.stopped().is_empty()).await;
    let summary = running.stop().await;
    let reason = &summary.stopped[0].reason;
    assert!(reason.contains("has not checkpointed the last records"), "{reason}");
    assert!(reason.ends_with("records=5"), "{reason}");
    let checkpoints = world.checkpoints().await;
    let unfinished = checkpoints.get(summary.stopped[0].shard.as_str());
    assert_eq!(unfinished, Some(&Checkpoint::TrimHorizon));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_leaves_too_much_without_a_checkpoint_stops_its_shard() {
    let world = World::new().await;
    world.put(1, 0..50).await;
    let mut pipeline = manual(&world, gather(1_000, "", true).1);
    pipeline.settings.checkpointing = Checkpointing::Manual { most: 20 };
    let running = Running::start(pipeline);
    running.until("the shard stopped", |progress| !progress.stopped().is_empty()).await;
    let summary = running.stop().await;
    let reason = &summary.stopped[0].reason;
    assert!(reason.contains("more records without a checkpoint than the settings allow"), "{reason}");
    assert!(reason.ends_with("records=30"), "{reason}");
    assert_eq!(summary.done, 0);
}
