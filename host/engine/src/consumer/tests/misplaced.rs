//! Aggregated records with user records that belong to another shard than the one they came in.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use super::world::{Notes, Running, World, note, stream};
use crate::{
    batch::Batch,
    consumer::{Pipeline, Summary},
    handler::{HandlerFn, Outcome},
    hash::HashKey,
    kinesis::Kinesis,
    lease::Checkpoint,
    native::NativeProcessor,
    processor::{Document, Encoded, HashRangePolicy, Processor},
    record::Entry,
};

fn kpl() -> Arc<dyn Processor> {
    Arc::new(NativeProcessor::named("kpl-string").unwrap())
}

/// Puts one aggregated record of these documents into the shard that takes a hash key.
async fn put_into(world: &World, hash_key: HashKey, keys: &[&str]) {
    let documents: Vec<Document> =
        keys.iter().map(|&key| Document::keyed(key, format!("of {key}"))).collect();
    for encoded in kpl().encode(&documents, 10_000).await.unwrap() {
        let Encoded::Entry { data, .. } = encoded else { panic!("the documents are text") };
        let entry = Entry { data, partition_key: "a".into(), explicit_hash_key: Some(hash_key) };
        world.kinesis.put_records(&stream("in"), &[entry]).await.unwrap().remove(0).unwrap();
    }
}

/// Three keys in order of their hash keys: the first two in the shard that has the lowest, the last in the highest.
fn keys() -> [&'static str; 3] {
    let quarter = u128::MAX / 4;
    let mut low =
        ["k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9", "k10", "k11", "k12", "k13", "k14"].into_iter();
    let mut high = low.clone().filter(|key| HashKey::of(key).0 > 3 * quarter + 3);
    let mut next_low = || low.find(|key| HashKey::of(key).0 < quarter).unwrap();
    [next_low(), next_low(), high.next().unwrap()]
}

/// A pipeline that notes what its handler is given.
fn pipeline(world: &World, policy: HashRangePolicy) -> (Pipeline, Notes) {
    let notes = Notes::default();
    let seen = Arc::clone(&notes);
    let mut pipeline = world.pipeline(Arc::new(HandlerFn(move |batch: &Batch| {
        note(&seen, batch);
        Ok(Outcome::default())
    })));
    pipeline.processor = kpl();
    pipeline.settings.hash_range = policy;
    (pipeline, notes)
}

/// Runs on a record that is all right, one with a misplaced user record, and another that is all right.
async fn run(policy: HashRangePolicy, handled: u64) -> (World, Vec<String>, Summary) {
    let world = World::new().await;
    let [first, second, elsewhere] = keys();
    for keys in [vec![first, second], vec![first, elsewhere], vec![second]] {
        put_into(&world, HashKey(0), &keys).await;
    }
    let (pipeline, notes) = pipeline(&world, policy);
    let running = Running::start(pipeline);
    running.until("all is done", |progress| progress.done.load(Relaxed) == handled).await;
    let summary = running.stop().await;
    let seen = notes.lock().unwrap().iter().map(|(_, text)| text.clone()).collect();
    (world, seen, summary)
}

fn of(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| format!("of {key}")).collect()
}

#[tokio::test(start_paused = true)]
async fn misplaced_user_records_are_counted_and_handled_where_the_policy_is_lenient() {
    let (_, seen, summary) = run(HashRangePolicy::Lenient, 5).await;
    let [first, second, elsewhere] = keys();
    assert_eq!(seen, of(&[first, second, first, elsewhere, second]));
    assert_eq!((summary.done, summary.misplaced, summary.passed_over), (5, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn records_with_misplaced_user_records_are_passed_over_where_the_policy_is_strict() {
    let (_, seen, summary) = run(HashRangePolicy::StrictKcl, 3).await;
    let [first, second, _] = keys();
    assert_eq!(seen, of(&[first, second, second]));
    assert_eq!((summary.done, summary.misplaced, summary.passed_over), (3, 1, 2));
    assert_eq!((summary.dropped, summary.rejected), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_goes_past_records_that_were_passed_over() {
    let world = World::new().await;
    let [_, _, elsewhere] = keys();
    put_into(&world, HashKey(0), &[elsewhere]).await;
    let (pipeline, notes) = pipeline(&world, HashRangePolicy::StrictKcl);
    let running = Running::start(pipeline);
    running.until("the record was passed over", |progress| progress.passed_over.load(Relaxed) == 1).await;
    running.stop().await;
    assert_eq!(*notes.lock().unwrap(), []);
    let checkpoints = world.checkpoints().await;
    assert!(
        matches!(checkpoints["shardId-000000000000"], Checkpoint::At { sub_sequence: None, .. }),
        "{checkpoints:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn shards_that_came_up_meanwhile_are_known_with_their_hash_keys() {
    let world = World::new().await;
    let (pipeline, _) = pipeline(&world, HashRangePolicy::StrictKcl);
    let running = Running::start(pipeline);
    running.until("it reads", |progress| progress.active_shards.load(Relaxed) == 4).await;
    world.reshard(8).await;
    running.until("the parents ended", |progress| progress.ended_shards.load(Relaxed) == 4).await;
    let [first, _, elsewhere] = keys();
    put_into(&world, HashKey::of(first), &[first]).await;
    put_into(&world, HashKey::of(first), &[first, elsewhere]).await;
    running.until("all is read", |progress| progress.records.load(Relaxed) == 2).await;
    running.until("all is done", |progress| progress.done.load(Relaxed) == 1).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.misplaced, summary.passed_over), (1, 1, 2));
}
