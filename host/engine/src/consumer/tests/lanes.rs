//! Batches divided among lanes by partition key.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::world::{Running, Slow, World, complete, echo, failure};
use crate::{
    batch::Batch,
    consumer::{Checkpointing, OnFailure, PipelineError},
    handler::{AsyncHandlerFn, Disposition, Failure, HandlerFn, Outcome},
    lease::Checkpoint,
};

const KEYS: usize = 20;

/// In which lane and at which attempt each record was given.
type Tried = Arc<Mutex<BTreeMap<String, Vec<(u32, u32)>>>>;

/// Which keys each lane of each shard was given.
type Seen = Arc<Mutex<BTreeMap<(String, u32), BTreeSet<String>>>>;

#[tokio::test(start_paused = true)]
async fn i4_a_key_meets_one_lane_and_keeps_its_order() {
    let world = World::new().await;
    world.put(KEYS, 0..50).await;
    let seen = Seen::default();
    let (notes, handler) = (Arc::clone(&seen), Slow::echo());
    let mut pipeline = world.pipeline(Arc::new(AsyncHandlerFn(move |batch: Batch| {
        let (notes, handler) = (Arc::clone(&notes), Arc::clone(&handler));
        async move {
            let documents = batch.documents();
            let keys = (0..documents.len()).map(|at| documents.partition_key(at).to_owned());
            let lane = (batch.info.shard.to_string(), batch.info.lane);
            notes.lock().unwrap().entry(lane).or_default().extend(keys);
            handler.handle(&batch).await
        }
    })));
    pipeline.settings.lanes = 4;
    let running = Running::start(pipeline);
    running.until("all is done", |progress| progress.done.load(Relaxed) == 1_000).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.emitted, summary.stopped.len()), (1_000, 1_000, 0));
    assert_eq!(world.output().await, complete(KEYS, 50));
    let seen = seen.lock().unwrap();
    assert_eq!(seen.values().map(BTreeSet::len).sum::<usize>(), KEYS, "each key met one lane of one shard");
    assert!(seen.len() > 4, "there are more lanes than shards: {seen:?}");
    assert!(seen.keys().all(|(_, lane)| *lane < 4));
}

#[tokio::test(start_paused = true)]
async fn lanes_work_at_once_and_the_next_batch_waits_for_all_of_them() {
    let world = World::new().await;
    world.put(KEYS, 0..10).await;
    let at_work: Arc<Mutex<HashMap<String, (u32, u32)>>> = Arc::default();
    let work = Arc::clone(&at_work);
    let mut pipeline = world.pipeline(Arc::new(AsyncHandlerFn(move |batch: Batch| {
        let (work, shard) = (Arc::clone(&work), batch.info.shard.to_string());
        async move {
            let enter = |more: i32| {
                let mut work = work.lock().unwrap();
                let (now, most) = work.entry(shard.clone()).or_default();
                *now = now.checked_add_signed(more).unwrap();
                *most = (*most).max(*now);
            };
            enter(1);
            // The first lanes take longer than the last ones.
            tokio::time::sleep(Duration::from_millis(100 / (1 + u64::from(batch.info.lane)))).await;
            enter(-1);
            Ok(Outcome::default())
        }
    })));
    pipeline.settings.lanes = 3;
    let running = Running::start(pipeline);
    running.until("all is done", |progress| progress.done.load(Relaxed) == 200).await;
    running.stop().await;
    let at_work = at_work.lock().unwrap();
    assert!(at_work.values().all(|(now, most)| *now == 0 && *most <= 3), "{at_work:?}");
    assert!(at_work.values().any(|(_, most)| *most == 3), "{at_work:?}");
}

#[tokio::test(start_paused = true)]
async fn i1_a_lane_that_fails_stops_the_shard_before_its_record_and_nothing_is_lost() {
    let world = World::new().await;
    world.put(KEYS, 0..50).await;
    let mut pipeline = world.pipeline(echo(|data| data == "7:30"));
    pipeline.settings.lanes = 8;
    let running = Running::start(pipeline);
    running.until("a shard stopped", |progress| !progress.stopped().is_empty()).await;
    running.until("others are done", |progress| progress.done.load(Relaxed) > 700).await;
    let reason = running.progress.stopped()[0].reason.clone();
    assert!(reason.contains("handler=echo@00000000: trapped"), "{reason}");
    running.stop().await;

    let mut pipeline = world.pipeline(echo(|_| false));
    pipeline.settings.lanes = 8;
    let running = Running::start(pipeline);
    world.until_complete(KEYS, 50).await;
    running.stop().await;
    // Lanes beside the one that failed had emitted what they were given, and after the restart they did so again.
    for (key, mut numbers) in world.output().await {
        numbers.dedup();
        let first = numbers.iter().position(|&number| number >= 30).unwrap();
        assert_eq!(numbers[..first], (0..30).collect::<Vec<_>>(), "key={key}");
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers, (0..50).collect::<Vec<_>>(), "key={key}");
    }
}

#[tokio::test(start_paused = true)]
async fn records_to_be_retried_keep_their_lane_and_the_others_go_on() {
    let world = World::new().await;
    world.put(KEYS, 0..5).await;
    let tried = Tried::default();
    let notes = Arc::clone(&tried);
    let mut pipeline = world.pipeline(Arc::new(HandlerFn(move |batch: &Batch| {
        let (documents, mut failures) = (batch.documents(), Vec::new());
        for (index, at) in (0..).zip(0..documents.len()) {
            let data = String::from_utf8(documents.data(at).to_vec()).unwrap();
            notes.lock().unwrap().entry(data).or_default().push((batch.info.lane, batch.info.attempt));
            if documents.partition_key(at) == "3" && batch.info.attempt == 1 {
                let disposition = Disposition::Retry(Duration::from_millis(10));
                failures.push(Failure { index, disposition });
            }
        }
        Ok(Outcome { failures, ..Outcome::default() })
    })));
    pipeline.settings.lanes = 4;
    let running = Running::start(pipeline);
    running.until("all is done", |progress| progress.done.load(Relaxed) == 100).await;
    running.stop().await;
    for (data, tries) in &*tried.lock().unwrap() {
        let attempts: Vec<_> = tries.iter().map(|(_, attempt)| *attempt).collect();
        assert_eq!(attempts, if data.starts_with("3:") { vec![1, 2] } else { vec![1] }, "{data}");
        assert!(tries.iter().all(|(lane, _)| *lane == tries[0].0), "{data}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_lane_drops_is_counted_and_the_shard_goes_on() {
    let world = World::new().await;
    world.put(KEYS, 0..10).await;
    let mut pipeline = world.pipeline(Arc::new(HandlerFn(|batch: &Batch| {
        let has = (0..batch.documents().len()).any(|at| batch.documents().partition_key(at) == "5");
        if has { Err(failure()) } else { Ok(Outcome::default()) }
    })));
    pipeline.settings.lanes = 32;
    pipeline.settings.on_failure = Some(OnFailure::Drop);
    let running = Running::start(pipeline);
    running.until("all is done", |progress| progress.done.load(Relaxed) == 200).await;
    let summary = running.stop().await;
    assert!((10..=30).contains(&summary.dropped), "the key has a lane, if not alone: {summary:?}");
    assert!(
        world.checkpoints().await.values().all(|at| matches!(at, Checkpoint::At { sub_sequence: None, .. }))
    );
}

#[tokio::test(start_paused = true)]
async fn lanes_and_manual_checkpoints_refuse_each_other_before_anything_begins() {
    let world = World::new().await;
    let mut pipeline = world.pipeline(echo(|_| false));
    pipeline.settings.lanes = 2;
    pipeline.settings.checkpointing = Checkpointing::Manual { most: 1 };
    let error = pipeline.run(Default::default()).await.unwrap_err();
    assert!(matches!(error, PipelineError::Settings(_)), "{error}");
    assert!(error.to_string().contains("lanes=2"), "{error}");
    assert!(world.checkpoints().await.is_empty());
}
