//! Swaps under load: every batch meets one generation whole, and nothing is lost or doubled.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use tidemill_engine::{deploy::Slot, task};

use super::*;
use crate::tests::support::Logged;

const SHARDS: usize = 8;
const SWAPS: usize = 12;
const RECORDS: usize = 20;

/// Handles batches until it is told to stop, and answers what each batch met and how many there were.
async fn shard(handler: Arc<ComponentHandler>, number: usize, stop: Arc<AtomicBool>) -> Vec<(String, u64)> {
    let mut met = Vec::new();
    for at in 0_usize.. {
        let is_last = stop.load(Relaxed);
        let documents: Vec<String> =
            (0..RECORDS).map(|record| format!("{}", at * RECORDS + record)).collect();
        let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
        let emits = said(&handler, &batch_of(&format!("shardId-{number:012}"), &documents)).await;
        let first: Vec<&str> = emits[0].splitn(3, ' ').collect();
        let (name, generation) = (first[0], first[1]);
        let expected: Vec<String> =
            documents.iter().map(|document| format!("{name} {generation} {document}")).collect();
        assert_eq!(emits, expected, "a batch is whole, in order, and of one generation");
        met.push((name.to_owned(), generation.parse().unwrap()));
        if is_last {
            break;
        }
        tokio::task::yield_now().await;
    }
    met
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i4_eight_shards_under_swaps_lose_and_double_nothing_and_no_batch_mixes() {
    let handler = Arc::new(blue(RolloutSettings::default()).await);
    let stop = Arc::new(AtomicBool::new(false));
    let begin = |number| task::spawn("shard", shard(Arc::clone(&handler), number, Arc::clone(&stop)));
    let shards: Vec<_> = (0..SHARDS).map(begin).collect();
    let mut published = 1;
    for swap in 0..SWAPS {
        let name = if swap % 2 == 0 { "green" } else { "blue" };
        let applied = deploy(&handler, name).await.unwrap();
        assert!(applied.has_changed && applied.generation > published, "{applied:?} after {published}");
        published = applied.generation;
    }
    stop.store(true, Relaxed);
    let mut seen = BTreeSet::new();
    for shard in shards {
        let met = shard.await.unwrap();
        let generations: Vec<u64> = met.iter().map(|(_, generation)| *generation).collect();
        assert!(generations.is_sorted(), "a shard never goes back: {generations:?}");
        assert_eq!(generations.last(), Some(&published), "every shard's last batch met the last one");
        seen.extend(met);
    }
    let names: BTreeSet<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.len() == 2 && seen.len() > 2, "{seen:?}");
    assert!(handler.drained().await);
    let status = handler.status();
    assert!(status.shards.values().all(|&generation| generation == published), "{status:?}");
    assert_eq!(status.shards.len(), SHARDS);
}

#[tokio::test]
async fn what_is_there_already_is_not_deployed_again() {
    let handler = blue(RolloutSettings::default()).await;
    let applied = deploy(&handler, "blue").await.unwrap();
    assert_eq!((applied.has_changed, applied.generation), (false, 1));
    assert!(deploy(&handler, "green").await.unwrap().has_changed);
    assert!(!deploy(&handler, "green").await.unwrap().has_changed);
    let back = deploy(&handler, "blue").await.unwrap();
    assert!(back.has_changed && back.generation > 2);
    assert_eq!(back.compiled_in, std::time::Duration::ZERO, "it was kept, as the other was on probation");
}

#[tokio::test]
async fn an_instance_that_is_replaced_is_told_and_its_successor_began_before() {
    let rollout = RolloutSettings { probation: std::time::Duration::ZERO, ..RolloutSettings::default() };
    let settings = HandlerSettings { rollout, ..HandlerSettings::new("life") };
    let handler = load_with("life", settings).await;
    said(&handler, &batch(&["a"])).await;
    let logged = Logged::begin();
    handler.apply(&only(renamed(&built("life"), 1))).await.unwrap();
    assert!(handler.drained().await, "an instance that is being told is not gone yet");
    let notes: Vec<String> = logged.of_guests();
    let at = |word: &str| notes.iter().position(|line| line.contains(word)).expect(word);
    assert!(at(&format!("started orders {FIRST}")) < at(&format!("replaced orders {FIRST}")), "{notes:?}");
    assert!(at("replaced") < notes.iter().rposition(|line| line.contains("drain")).unwrap(), "{notes:?}");
    assert!(said(&handler, &batch(&["b"])).await[0].ends_with(&format!("started orders {FIRST}, record b")));
}

#[tokio::test]
async fn records_that_no_checkpoint_covers_are_asked_for_again_by_the_next_generation() {
    let settings = HandlerSettings { makes_checkpoints: true, ..HandlerSettings::new("blue") };
    let handler = load_with("blue", settings).await;
    said(&handler, &batch(&["a"])).await;
    deploy(&handler, "green").await.unwrap();
    let mut next = batch(&["b"]);
    next.info.uncovered = 1;
    let error = handler.handle(&next).await.unwrap_err();
    assert_eq!(error.kind, tidemill_engine::handler::HandlerErrorKind::Swapped);
    assert!(error.message.contains("records=1 generation=2 before=1"), "{error}");
    assert_eq!(said(&handler, &batch(&["a", "b"])).await, ["green 2 a", "green 2 b"]);
    assert_eq!(said(&handler, &next).await, ["green 2 b"]);
}
