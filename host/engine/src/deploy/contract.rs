//! What every [`Deployments`] must do, as functions that a test of an implementation runs.
//!
//! A function panics where the store breaks the contract, so that the test shows which part of it was broken.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::future::join_all;

use super::{Candidate, DeployError, Deployment, Deployments, Digest, Event, Part, Trial};
use crate::limits;

/// Runs the whole suite, each part on a store that `fresh` makes and that has no deployments yet.
pub async fn check<S: Deployments>(fresh: impl AsyncFn() -> S) {
    what_was_never_deployed_is_not_there(&fresh().await).await;
    a_deployment_is_kept_as_it_was_put(&fresh().await).await;
    a_version_that_is_not_the_next_changes_nothing(&fresh().await).await;
    parts_know_nothing_of_each_other(&fresh().await).await;
    of_puts_that_race_exactly_one_wins(&fresh().await).await;
    history_is_bounded_and_the_newest_comes_first(&fresh().await).await;
    a_component_is_kept_whole(&fresh().await).await;
    components_that_nothing_names_are_forgotten(&fresh().await).await;
}

/// Neither deployments nor components are there.
pub async fn what_was_never_deployed_is_not_there(store: &dyn Deployments) {
    assert_eq!(store.current(&part("handler")).await, Ok(None));
    assert_eq!(store.history(&part("handler")).await, Ok(vec![]));
    assert_eq!(store.download(&Digest::of(b"a")).await, Ok(None));
    assert_eq!(store.forget_unused().await, Ok(()));
}

/// Every field comes back, whatever stands in it.
pub async fn a_deployment_is_kept_as_it_was_put(store: &dyn Deployments) {
    let trials = [
        Trial::Keys { percent: 10 },
        Trial::Shards(["a/shardId-1".into(), "b".into()].into()),
        Trial::Shadow,
    ];
    let mut expected = Vec::new();
    for (version, trial) in (1..).zip(trials) {
        let candidate = Candidate { digest: digest(9), trial, promote_after_seconds: Some(600) };
        let put = Deployment {
            candidate: Some(candidate),
            allow: ["http".into()].into(),
            why: "it's \"faster\" {é} \\ 日本".into(),
            at: u64::MAX >> 12,
            ..deployment(version)
        };
        assert_eq!(store.put(&part("handler"), &put).await, Ok(()));
        assert_eq!(store.current(&part("handler")).await, Ok(Some(put.clone())));
        expected.insert(0, put);
    }
    assert_eq!(store.history(&part("handler")).await, Ok(expected));
}

/// Versions go up by one, from 1; all others are conflicts.
pub async fn a_version_that_is_not_the_next_changes_nothing(store: &dyn Deployments) {
    let part = part("handler");
    let conflict = Err(DeployError::Conflict("orders/handler".into()));
    for wrong in [0, 2] {
        assert_eq!(store.put(&part, &deployment(wrong)).await, conflict);
    }
    assert_eq!(store.current(&part).await, Ok(None));
    assert_eq!(store.put(&part, &deployment(1)).await, Ok(()));
    for wrong in [0, 1, 3] {
        let other = Deployment { by: "bob".into(), ..deployment(wrong) };
        assert_eq!(store.put(&part, &other).await, conflict);
        assert_eq!(store.history(&part).await, Ok(vec![deployment(1)]));
    }
}

/// Each part has versions of its own.
pub async fn parts_know_nothing_of_each_other(store: &dyn Deployments) {
    assert_eq!(store.put(&part("handler"), &deployment(1)).await, Ok(()));
    assert_eq!(store.put(&part("handler"), &deployment(2)).await, Ok(()));
    assert_eq!(store.put(&part("sink.default"), &deployment(1)).await, Ok(()));
    let other = Part { pipeline: "order".into(), role: "handler".into() };
    assert_eq!(store.current(&other).await, Ok(None));
    assert_eq!(store.current(&part("sink.default")).await, Ok(Some(deployment(1))));
    assert_eq!(store.current(&part("handler")).await, Ok(Some(deployment(2))));
}

/// However many put the same version at once.
pub async fn of_puts_that_race_exactly_one_wins(store: &dyn Deployments) {
    let part = part("handler");
    for version in 1..=5 {
        let puts = (0..8).map(|n| Deployment { by: format!("racer {n}"), ..deployment(version) });
        let puts: Vec<Deployment> = puts.collect();
        let answers = join_all(puts.iter().map(|put| store.put(&part, put))).await;
        let winners: Vec<&Deployment> =
            puts.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()).map(|(put, _)| put).collect();
        let [winner] = winners[..] else { panic!("one wins, winners={winners:?}") };
        assert!(answers.iter().all(|answer| !matches!(answer, Err(DeployError::Unavailable(_)))));
        assert_eq!(store.current(&part).await, Ok(Some(winner.clone())));
        assert_eq!(store.history(&part).await.map(|all| all.len() as u64), Ok(version));
    }
}

/// The oldest go when there are too many.
pub async fn history_is_bounded_and_the_newest_comes_first(store: &dyn Deployments) {
    let newest = limits::DEPLOYMENTS_KEPT as u64 + 3;
    for version in 1..=newest {
        assert_eq!(store.put(&part("handler"), &deployment(version)).await, Ok(()));
    }
    let history = store.history(&part("handler")).await.expect("it was just written");
    let versions: Vec<u64> = history.iter().map(|deployment| deployment.version).collect();
    assert_eq!(versions, (4..=newest).rev().collect::<Vec<_>>());
}

/// One of a few bytes, one of exactly a piece, and one of 20 MB; twice uploaded, at once and again.
pub async fn a_component_is_kept_whole(store: &dyn Deployments) {
    for length in [1, limits::COMPONENT_PIECE_BYTES, 20_000_003] {
        let component = bytes(length);
        let digest = Digest::of(&component);
        let uploads = join_all((0..2).map(|_| store.upload(&digest, component.clone()))).await;
        assert_eq!(uploads, [Ok(()), Ok(())]);
        assert_eq!(store.upload(&digest, component.clone()).await, Ok(()));
        let kept = store.download(&digest).await.expect("it was just written").expect("it is there");
        assert!(kept == component, "other bytes came back, length={} of {length}", kept.len());
    }
}

/// Those of any part's history stay, candidates too; a forgotten one can be uploaded anew.
pub async fn components_that_nothing_names_are_forgotten(store: &dyn Deployments) {
    let components: Vec<Bytes> = (1..=4).map(|n| bytes(n * 400_000)).collect();
    let digests: Vec<Digest> = components.iter().map(|component| Digest::of(component)).collect();
    for (digest, component) in digests.iter().zip(&components) {
        assert_eq!(store.upload(digest, component.clone()).await, Ok(()));
    }
    let first = Deployment { component: Some(digests[0].clone()), ..deployment(1) };
    let candidate =
        Candidate { digest: digests[1].clone(), trial: Trial::Shadow, promote_after_seconds: None };
    let other = Deployment { component: None, candidate: Some(candidate), ..deployment(1) };
    assert_eq!(store.put(&part("handler"), &first).await, Ok(()));
    assert_eq!(store.put(&part("handler"), &deployment(2)).await, Ok(()));
    assert_eq!(store.put(&part("source"), &other).await, Ok(()));
    assert_eq!(store.forget_unused().await, Ok(()));
    for (at, digest) in digests.iter().enumerate() {
        let kept = store.download(digest).await.map(|found| found.is_some());
        assert_eq!(kept, Ok(at < 2), "component {at}");
    }
    assert_eq!(store.upload(&digests[3], components[3].clone()).await, Ok(()));
    assert_eq!(store.download(&digests[3]).await, Ok(Some(components[3].clone())));
}

fn part(role: &str) -> Part {
    Part { pipeline: "orders".into(), role: role.into() }
}

fn digest(byte: u8) -> Digest {
    Digest::of_bytes(&[byte; 32])
}

fn deployment(version: u64) -> Deployment {
    Deployment {
        version,
        event: Event::Deployed,
        component: Some(digest(1)),
        candidate: None,
        allow: BTreeSet::new(),
        by: "ann".into(),
        at: 1_700_000_000_000,
        why: String::new(),
    }
}

/// Bytes of which no piece is like another.
fn bytes(length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(length as u64).fill(&mut bytes);
    bytes.into()
}
