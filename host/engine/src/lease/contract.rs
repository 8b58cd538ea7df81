//! What every [`LeaseStore`] must do, as functions that a test of an implementation runs.
//!
//! A function panics where the store breaks the contract, so that the test shows which part of it was broken.

use futures::future::{join, join_all};

use super::{Checkpoint, Lease, LeaseError, LeaseKey, LeaseStore, NewLease, Update, WorkerId};

/// Runs the whole suite, each part on a store that `fresh` makes and that has no leases yet.
pub async fn check<S: LeaseStore>(fresh: impl AsyncFn() -> S) {
    a_new_lease_is_free_and_as_it_was_asked_for(&fresh().await).await;
    creating_again_changes_nothing(&fresh().await).await;
    every_write_raises_the_counter_by_one(&fresh().await).await;
    every_stale_write_is_lost_and_changes_nothing(&fresh().await).await;
    an_ask_disturbs_nobody_and_stays_until_the_lease_is_taken(&fresh().await).await;
    a_deleted_lease_is_lost(&fresh().await).await;
    a_checkpoint_survives_release_and_take(&fresh().await).await;
    every_kind_of_checkpoint_is_kept(&fresh().await).await;
    of_workers_that_race_exactly_one_wins(&fresh().await).await;
    of_workers_that_create_at_once_all_get_the_same_lease(&fresh().await).await;
    names_and_numbers_of_any_kind_are_kept(&fresh().await).await;
    a_list_during_writes_shows_each_lease_once_and_never_an_older_one(&fresh().await).await;
    a_thousand_leases_are_listed_once_each(&fresh().await).await;
}

/// A new lease has no holder, and `list` shows it as `create` answered it.
pub async fn a_new_lease_is_free_and_as_it_was_asked_for(store: &dyn LeaseStore) {
    assert_eq!(store.list().await, Ok(vec![]));
    let new = new_lease("orders", 1);
    let lease = created(store, new.clone()).await;
    assert_eq!((lease.key.clone(), lease.owner.clone()), (new.key, None));
    assert_eq!((lease.checkpoint.clone(), lease.parents.clone()), (new.checkpoint, new.parents));
    assert_eq!(store.list().await, Ok(vec![lease]));
}

/// `create` answers the lease that is there, whatever was asked for.
pub async fn creating_again_changes_nothing(store: &dyn LeaseStore) {
    let lease = created(store, new_lease("orders", 1)).await;
    let taken = store.update(&lease, take("a")).await.expect("the lease was just created");
    let again = NewLease { checkpoint: Checkpoint::Latest, parents: vec![], ..new_lease("orders", 1) };
    assert_eq!(store.create(again).await, Ok(taken.clone()));
    assert_eq!(store.list().await, Ok(vec![taken]));
}

/// Every write answers the lease as it then is, with a counter one higher, and `list` agrees.
pub async fn every_write_raises_the_counter_by_one(store: &dyn LeaseStore) {
    let new = created(store, new_lease("orders", 1)).await;
    let taken = store.update(&new, take("a")).await;
    let taken = expect_next(store, &new, taken).await;
    assert_eq!((taken.owner.clone(), taken.load), (Some(worker("a")), 0));
    let renewed = store.update(&taken, Update::Renew { load: 5 }).await;
    let renewed = expect_next(store, &taken, renewed).await;
    assert_eq!(renewed.load, 5);
    let moved = store.update(&renewed, move_to(at("17", Some(3)))).await;
    let moved = expect_next(store, &renewed, moved).await;
    assert_eq!((moved.checkpoint.clone(), moved.owner.clone()), (at("17", Some(3)), Some(worker("a"))));
    let stolen = store.update(&moved, take("b")).await;
    let stolen = expect_next(store, &moved, stolen).await;
    assert_eq!(stolen.owner, Some(worker("b")));
    let released = store.update(&stolen, Update::Release).await;
    let released = expect_next(store, &stolen, released).await;
    assert_eq!((released.owner, released.load), (None, 7));
}

/// A write with a counter that is behind or ahead of the stored one is lost, whatever write it is.
pub async fn every_stale_write_is_lost_and_changes_nothing(store: &dyn LeaseStore) {
    let new = created(store, new_lease("orders", 1)).await;
    let behind = store.update(&new, take("a")).await.expect("the lease was just created");
    let current = store.update(&behind, take("b")).await.expect("the lease was just taken");
    let ahead = Lease { counter: current.counter + 1, ..current.clone() };
    for stale in [new, behind, ahead] {
        let lost = LeaseError::Lost(stale.key.clone());
        assert_eq!(store.update(&stale, take("a")).await, Err(lost.clone()));
        assert_eq!(store.update(&stale, Update::Renew { load: 5 }).await, Err(lost.clone()));
        assert_eq!(store.update(&stale, move_to(Checkpoint::ShardEnd)).await, Err(lost.clone()));
        assert_eq!(store.update(&stale, Update::Release).await, Err(lost.clone()));
        assert_eq!(store.delete(&stale).await, Err(lost));
        assert_eq!(store.list().await, Ok(vec![current.clone()]));
    }
}

/// An ask raises no counter; the holder's next write goes through and answers who asked; a release keeps it, whoever
/// takes the lease ends it; a stale ask is lost, and of two asks the last one counts.
pub async fn an_ask_disturbs_nobody_and_stays_until_the_lease_is_taken(store: &dyn LeaseStore) {
    let new = created(store, new_lease("orders", 1)).await;
    let held = store.update(&new, take("a")).await.expect("the lease was just created");
    let lost = LeaseError::Lost(new.key.clone());
    assert_eq!(store.update(&new, Update::Ask(worker("z"))).await, Err(lost));
    for asking in ["c", "b"] {
        let asked = store.update(&held, Update::Ask(worker(asking))).await.expect("nobody wrote the lease");
        assert_eq!(asked, Lease { wanted_by: Some(worker(asking)), ..held.clone() });
        assert_eq!(store.get(&held.key).await, Ok(Some(asked)));
    }
    let renewed = store.update(&held, Update::Renew { load: 5 }).await.expect("an ask is in nobody's way");
    assert_eq!((renewed.counter, renewed.wanted_by.clone()), (held.counter + 1, Some(worker("b"))));
    let released = store.update(&renewed, Update::Release).await.expect("nobody wrote the lease");
    assert_eq!((released.owner.clone(), released.wanted_by.clone()), (None, Some(worker("b"))));
    assert_eq!(store.list().await, Ok(vec![released.clone()]));
    let taken = store.update(&released, take("b")).await.expect("nobody wrote the lease");
    assert_eq!((taken.owner.clone(), taken.wanted_by.clone()), (Some(worker("b")), None));
    assert_eq!(store.list().await, Ok(vec![taken]));
}

/// A lease that was deleted, or never was, is lost; it can be created anew and is then as new.
pub async fn a_deleted_lease_is_lost(store: &dyn LeaseStore) {
    let lease = created(store, new_lease("orders", 1)).await;
    let kept = created(store, new_lease("orders", 2)).await;
    store.delete(&lease).await.expect("the lease was just created");
    assert_eq!(store.list().await, Ok(vec![kept.clone()]));
    assert_eq!((store.get(&lease.key).await, store.get(&kept.key).await), (Ok(None), Ok(Some(kept))));
    let lost = LeaseError::Lost(lease.key.clone());
    assert_eq!(store.update(&lease, take("a")).await, Err(lost.clone()));
    assert_eq!(store.update(&lease, Update::Renew { load: 5 }).await, Err(lost.clone()));
    assert_eq!(store.update(&lease, move_to(Checkpoint::ShardEnd)).await, Err(lost.clone()));
    assert_eq!(store.update(&lease, Update::Release).await, Err(lost.clone()));
    assert_eq!(store.delete(&lease).await, Err(lost));
    let again = created(store, new_lease("orders", 1)).await;
    assert_eq!((again.owner, again.checkpoint), (None, Checkpoint::TrimHorizon));
}

/// The next holder goes on where the last one stopped.
pub async fn a_checkpoint_survives_release_and_take(store: &dyn LeaseStore) {
    let new = created(store, new_lease("orders", 1)).await;
    let taken = store.update(&new, take("a")).await.expect("the lease was just created");
    let moved = store.update(&taken, move_to(at("17", None))).await.expect("the lease was just taken");
    let released = store.update(&moved, Update::Release).await.expect("the checkpoint just moved");
    let next = store.update(&released, take("b")).await.expect("the lease was just released");
    assert_eq!((next.checkpoint, next.parents), (at("17", None), new.parents));
}

/// Checkpoints come back as they were written, sequence numbers digit for digit.
pub async fn every_kind_of_checkpoint_is_kept(store: &dyn LeaseStore) {
    let kinds = [
        Checkpoint::TrimHorizon,
        Checkpoint::Latest,
        Checkpoint::AtTimestamp(crate::time::UnixMillis(1_795_243_466_123)),
        Checkpoint::AtSequence("4959".to_owned().try_into().expect("the suite writes good sequence numbers")),
        at("0", None),
        at("49590338271490256608559692538361571095921575989136588898", Some(0)),
        at(&"9".repeat(129), Some(u32::MAX)),
        Checkpoint::ShardEnd,
    ];
    let mut lease = created(store, new_lease("orders", 1)).await;
    for kind in kinds {
        lease = store.update(&lease, move_to(kind.clone())).await.expect("nobody else writes the lease");
        assert_eq!(lease.checkpoint, kind);
        assert_eq!(store.list().await, Ok(vec![lease.clone()]));
    }
}

/// Workers that saw the same lease and take it at once: one of them gets it, and the store shows that one.
pub async fn of_workers_that_race_exactly_one_wins(store: &dyn LeaseStore) {
    let mut lease = created(store, new_lease("orders", 1)).await;
    let workers = ["a", "b", "c", "d"].map(worker);
    for _ in 0..25 {
        let answers =
            join_all(workers.iter().map(|worker| store.update(&lease, Update::Take(worker.clone())))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, workers.len() - 1));
        assert!(lost.into_iter().all(|answer| answer == Err(LeaseError::Lost(lease.key.clone()))));
        lease = won.into_iter().flatten().next().expect("one worker won");
        assert_eq!(store.list().await, Ok(vec![lease.clone()]));
    }
}

/// Workers that create the same lease at once, each with a start of its own: all are answered the one that is there.
pub async fn of_workers_that_create_at_once_all_get_the_same_lease(store: &dyn LeaseStore) {
    for number in 0..10 {
        let starts = (0..4).map(|start| at(&start.to_string(), None));
        let wanted = starts.map(|checkpoint| NewLease { checkpoint, ..new_lease("orders", number) });
        let answers = join_all(wanted.map(|new| store.create(new))).await;
        let first = answers[0].clone().expect("a lease can be created");
        assert_eq!((first.counter, first.owner.clone()), (0, None));
        assert!(answers.into_iter().all(|answer| answer == Ok(first.clone())));
        assert_eq!(store.get(&first.key).await, Ok(Some(first)));
    }
    assert_eq!(store.list().await.map(|all| all.len()), Ok(10));
}

/// Names are any text, and the largest load comes back to its last digit.
pub async fn names_and_numbers_of_any_kind_are_kept(store: &dyn LeaseStore) {
    let name = "Gezeiten_潮.mühle-\u{1f30a} \"{}'\\:|";
    let key = LeaseKey { stream: name.into(), shard: "shardId-潮".into() };
    let new = NewLease { key, checkpoint: Checkpoint::Latest, parents: vec!["shardId-ü".into()] };
    let lease = created(store, new.clone()).await;
    assert_eq!((&lease.key, &lease.parents), (&new.key, &new.parents));
    let taken = store.update(&lease, take(name)).await.expect("the lease was just created");
    let asked = store.update(&taken, Update::Ask(worker("潮 2"))).await.expect("nobody wrote the lease");
    let renewed =
        store.update(&asked, Update::Renew { load: u64::MAX }).await.expect("nobody wrote the lease");
    assert_eq!(
        (renewed.owner.clone(), renewed.wanted_by.clone()),
        (Some(worker(name)), Some(worker("潮 2")))
    );
    assert_eq!(renewed.load, u64::MAX);
    assert_eq!(store.list().await, Ok(vec![renewed]));
}

/// Whoever lists while a holder writes sees every lease once, and none of them as it was before an earlier list.
pub async fn a_list_during_writes_shows_each_lease_once_and_never_an_older_one(store: &dyn LeaseStore) {
    const LEASES: u32 = 20;
    let mut leases = Vec::new();
    for number in 0..LEASES {
        leases.push(created(store, new_lease("orders", number)).await);
    }
    let keys: Vec<_> = leases.iter().map(|lease| lease.key.clone()).collect();
    let writes = async {
        for round in 0..10 {
            for lease in &mut leases {
                *lease =
                    store.update(lease, Update::Renew { load: round }).await.expect("nobody else writes");
            }
        }
    };
    let lists = async {
        let mut before = vec![0; keys.len()];
        for _ in 0..20 {
            let mut listed = store.list().await.expect("the store is there");
            listed.sort_by(|a, b| a.key.cmp(&b.key));
            assert_eq!(listed.iter().map(|lease| lease.key.clone()).collect::<Vec<_>>(), keys);
            let now: Vec<_> = listed.iter().map(|lease| lease.counter).collect();
            assert!(before.iter().zip(&now).all(|(before, now)| before <= now), "{before:?} {now:?}");
            before = now;
        }
    };
    join(writes, lists).await;
    assert!(store.list().await.expect("the store is there").iter().all(|lease| lease.counter == 10));
}

/// Leases of two streams whose shards have the same ids are apart, and many are no burden.
pub async fn a_thousand_leases_are_listed_once_each(store: &dyn LeaseStore) {
    let all: Vec<_> =
        ["orders", "payments"].iter().flat_map(|stream| (0..500).map(|n| new_lease(stream, n))).collect();
    let mut leases: Vec<_> =
        join_all(all.into_iter().map(|new| store.create(new))).await.into_iter().flatten().collect();
    assert_eq!(leases.len(), 1_000);
    let mut listed = store.list().await.expect("the store is there");
    leases.sort_by(|a, b| a.key.cmp(&b.key));
    listed.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(listed, leases);
}

async fn created(store: &dyn LeaseStore, new: NewLease) -> Lease {
    store.create(new).await.expect("a lease can be created")
}

/// The answer to a write, after a check that it is the next state and that the store shows it.
async fn expect_next(store: &dyn LeaseStore, before: &Lease, answer: Result<Lease, LeaseError>) -> Lease {
    let after = answer.expect("the lease was as the caller last saw it");
    assert_eq!(after.counter, before.counter + 1);
    assert_eq!((&after.key, &after.parents), (&before.key, &before.parents));
    assert_eq!(store.list().await, Ok(vec![after.clone()]));
    after
}

fn new_lease(stream: &str, number: u32) -> NewLease {
    NewLease {
        key: LeaseKey { stream: stream.into(), shard: format!("shardId-{number:012}").into() },
        checkpoint: Checkpoint::TrimHorizon,
        parents: vec!["shardId-000000000100".into(), "shardId-000000000101".into()],
    }
}

fn take(id: &str) -> Update {
    Update::Take(worker(id))
}

fn move_to(checkpoint: Checkpoint) -> Update {
    Update::Checkpoint { checkpoint, load: 7 }
}

fn worker(id: &str) -> WorkerId {
    id.into()
}

fn at(sequence: &str, sub_sequence: Option<u32>) -> Checkpoint {
    let sequence = sequence.to_owned().try_into().expect("the suite writes good sequence numbers");
    Checkpoint::At { sequence, sub_sequence }
}
