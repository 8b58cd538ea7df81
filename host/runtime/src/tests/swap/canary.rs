//! Candidates that handle some of the records: which, in what order, and what becomes of their failures.

use std::{collections::HashMap, time::Duration};

use tidemill_engine::{
    deploy::Verdict,
    handler::{Disposition, Failure},
    hash::HashKey,
};

use super::*;

const KEYS: usize = 40;

/// Four documents for each key, with their number in it.
fn many() -> Batch {
    keyed(FIRST, (0..KEYS * 4).map(|at| (format!("key-{}", at % KEYS), format!("{at}"))))
}

fn is_green(key: &str, percent: u128) -> bool {
    HashKey::of(key).0 % 100 < percent
}

#[tokio::test]
async fn shards_on_trial_meet_the_candidate_and_others_do_not() {
    let handler = blue(RolloutSettings::default()).await;
    let shards = ["shardId-000000000001".to_owned(), "orders/shardId-000000000002".to_owned()].into();
    handler.apply(&tried("blue", "green", Trial::Shards(shards))).await.unwrap();
    for (number, expected) in ["blue 1 a", "green 2 a", "green 2 a", "blue 1 a"].iter().enumerate() {
        assert_eq!(said(&handler, &batch_of(&format!("shardId-{number:012}"), &["a"])).await, [*expected]);
    }
    let status = handler.status();
    let generations: Vec<u64> = status.shards.values().copied().collect();
    assert_eq!(generations, [1, 2, 2, 1], "{status:?}");
    assert_eq!(status.figures.unwrap().batches, 2);
}

#[tokio::test]
async fn keys_are_divided_exactly_and_stay_in_order() {
    let handler = blue(RolloutSettings::default()).await;
    handler.apply(&tried("blue", "green", Trial::Keys { percent: 30 })).await.unwrap();
    let outcome = handler.handle(&many()).await.unwrap();
    let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
    for (emit, text) in outcome.emits.iter().zip(texts(&outcome)) {
        let key = emit.partition_key.as_deref().unwrap();
        let expected = if is_green(key, 30) { "green 2 " } else { "blue 1 " };
        let number = text.strip_prefix(expected).unwrap_or_else(|| panic!("{key} met {text}"));
        by_key.entry(key.to_owned()).or_default().push(number.parse().unwrap());
    }
    assert_eq!(by_key.len(), KEYS);
    for (key, numbers) in by_key {
        let first: usize = key.strip_prefix("key-").unwrap().parse().unwrap();
        assert_eq!(numbers, [first, first + KEYS, first + 2 * KEYS, first + 3 * KEYS], "{key}");
    }
    let greens = (0..KEYS).filter(|at| is_green(&format!("key-{at}"), 30)).count();
    assert!(greens > 0 && greens < KEYS);
    handler.apply(&tried("blue", "green", Trial::Keys { percent: 100 })).await.unwrap();
    let all = said(&handler, &many()).await;
    assert!(all.len() == KEYS * 4 && all.iter().all(|text| text.starts_with("green 2 ")));
}

/// A batch with a record that only `green` fails on, under a key of its own share.
fn failing(word: &str) -> (Batch, usize) {
    let bad = (0..KEYS).find(|at| is_green(&format!("key-{at}"), 30)).unwrap();
    let data = |at: usize| if at == bad { format!("{word} green") } else { format!("{at}") };
    (keyed(FIRST, (0..KEYS).map(|at| (format!("key-{at}"), data(at)))), bad)
}

#[tokio::test]
async fn what_fails_on_the_candidate_is_handled_again_by_the_stable_one() {
    for word in ["trap", "fail", "dead-letter"] {
        let handler = blue(RolloutSettings::default()).await;
        handler.apply(&tried("blue", "green", Trial::Keys { percent: 30 })).await.unwrap();
        let (batch, _) = failing(word);
        let outcome = handler.handle(&batch).await.unwrap();
        assert_eq!(outcome.failures, []);
        let texts = texts(&outcome);
        assert_eq!(texts.len(), KEYS, "{word}: none is lost or doubled");
        assert!(texts.iter().all(|text| text.starts_with("blue 1 ")), "{word}: {texts:?}");
        let figures = handler.status().figures.unwrap();
        assert_eq!((figures.batches, figures.failed), (1, 1), "{word}");
    }
}

#[tokio::test]
async fn a_record_that_both_fail_on_is_not_held_against_the_candidate() {
    let handler = blue(RolloutSettings::default()).await;
    handler.apply(&tried("blue", "green", Trial::Shards([FIRST.to_owned()].into()))).await.unwrap();
    let outcome = handler.handle(&batch(&["good", "dead-letter blue", "dead-letter green"])).await.unwrap();
    let reason = Disposition::DeadLetter("the record asks for it".to_owned());
    assert_eq!(
        outcome.failures,
        [Failure { index: 1, disposition: reason }],
        "what the stable one says counts"
    );
    let figures = handler.status().figures.unwrap();
    assert_eq!((figures.batches, figures.failed), (0, 0));
    assert!(handler.status().candidate.is_some());
}

#[tokio::test]
async fn a_candidate_that_keeps_failing_is_withdrawn_with_the_figures() {
    let rollout = RolloutSettings { min_batches: 20, max_error_percent: 10.0, ..RolloutSettings::default() };
    let handler = blue(rollout).await;
    handler.apply(&tried("blue", "green", Trial::Shards([FIRST.to_owned()].into()))).await.unwrap();
    for _ in 0..3 {
        assert_eq!(said(&handler, &batch(&["trap green"])).await, ["blue 1 trap green"]);
    }
    let Verdict::Bad(reason) = handler.verdict().await else { panic!("it did badly") };
    assert!(reason.contains("failed=3 batches=3 errors=15.0% before=0.0% allowed=10.0%"), "{reason}");
    let status = handler.status();
    assert_eq!((status.component.generation, status.candidate, status.trial), (1, None, None));
    assert_eq!(said(&handler, &batch(&["trap green"])).await, ["blue 1 trap green"]);
    assert!(handler.drained().await);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_does_well_is_told_so_once_and_promoted_without_compiling() {
    let rollout =
        RolloutSettings { probation: Duration::from_secs(60), min_batches: 2, ..Default::default() };
    let handler = blue(rollout).await;
    handler.apply(&tried("blue", "green", Trial::Shards([FIRST.to_owned()].into()))).await.unwrap();
    tokio::time::advance(Duration::from_secs(61)).await;
    said(&handler, &batch(&["a"])).await;
    let waits = tokio::time::timeout(Duration::from_secs(600), handler.verdict()).await;
    assert!(waits.is_err(), "one batch proves nothing");
    said(&handler, &batch(&["b"])).await;
    assert_eq!(handler.verdict().await, Verdict::Good);
    said(&handler, &batch(&["c"])).await;
    assert!(
        tokio::time::timeout(Duration::from_secs(600), handler.verdict()).await.is_err(),
        "it is told once"
    );
    let applied = deploy(&handler, "green").await.unwrap();
    assert_eq!((applied.generation, applied.compiled_in), (2, Duration::ZERO));
    assert_eq!(said(&handler, &batch_of("shardId-000000000009", &["a"])).await, ["green 2 a"]);
    assert_eq!(handler.verdict().await, Verdict::Good, "its probation is over as well");
}
