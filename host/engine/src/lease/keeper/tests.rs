//! A keeper on the in-memory leases, with paused time.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use async_trait::async_trait;

use super::*;
use crate::{
    lease::{LeaseKey, NewLease, memory::MemoryLeases},
    time::UnixMillis,
};

/// Leases whose store can be away, and that counts checkpoints.
#[derive(Debug, Default)]
struct Store {
    inner: MemoryLeases,
    is_away: AtomicBool,
    /// The next checkpoint is written, but its answer is lost.
    loses_answer: AtomicBool,
    checkpoints: AtomicU32,
}

impl Store {
    fn check(&self) -> Result<(), LeaseError> {
        if self.is_away.load(Relaxed) { Err(LeaseError::Unavailable("as told".to_owned())) } else { Ok(()) }
    }

    async fn now(&self) -> Lease {
        self.inner.list().await.unwrap().remove(0)
    }
}

#[async_trait]
impl LeaseStore for Store {
    async fn list(&self) -> Result<Vec<Lease>, LeaseError> {
        self.check()?;
        self.inner.list().await
    }

    async fn get(&self, key: &LeaseKey) -> Result<Option<Lease>, LeaseError> {
        self.check()?;
        self.inner.get(key).await
    }

    async fn create(&self, lease: NewLease) -> Result<Lease, LeaseError> {
        self.check()?;
        self.inner.create(lease).await
    }

    async fn update(&self, lease: &Lease, update: Update) -> Result<Lease, LeaseError> {
        self.check()?;
        let is_checkpoint = matches!(update, Update::Checkpoint { .. });
        let written = self.inner.update(lease, update).await;
        if is_checkpoint {
            self.checkpoints.fetch_add(1, Relaxed);
            if self.loses_answer.swap(false, Relaxed) {
                return Err(LeaseError::Unavailable("the answer was lost, as told".to_owned()));
            }
        }
        written
    }

    async fn delete(&self, lease: &Lease) -> Result<(), LeaseError> {
        self.check()?;
        self.inner.delete(lease).await
    }
}

async fn kept() -> (Arc<Store>, LeaseKeeper) {
    let store = Arc::new(Store::default());
    let key = LeaseKey { stream: "s".into(), shard: "shardId-000000000000".into() };
    let new = NewLease { key, checkpoint: Checkpoint::TrimHorizon, parents: Vec::new() };
    let lease = store.create(new).await.unwrap();
    let lease = store.update(&lease, Update::Take("me".into())).await.unwrap();
    let keeper = LeaseKeeper::start(
        Arc::clone(&store) as Arc<dyn LeaseStore>,
        lease,
        KeeperSettings::default(),
        CancellationToken::new(),
    );
    (store, keeper)
}

fn at(millis: u64) -> Checkpoint {
    Checkpoint::AtTimestamp(UnixMillis(millis))
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_while_nothing_happens() {
    let (store, keeper) = kept().await;
    let before = store.now().await.counter;
    pass(60).await;
    assert!(store.now().await.counter >= before + 15, "it is renewed three times in ten seconds");
    assert!(!keeper.lost().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn of_many_checkpoints_the_newest_is_written_once_an_interval() {
    let (store, keeper) = kept().await;
    for millis in 1..=1_000 {
        keeper.advance(at(millis));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    pass(2).await;
    assert_eq!(store.now().await.checkpoint, at(1_000));
    assert!((9..=11).contains(&store.checkpoints.load(Relaxed)), "{:?}", store.checkpoints);
}

#[tokio::test(start_paused = true)]
async fn the_last_checkpoint_is_written_before_the_lease_is_given_back() {
    let (store, keeper) = kept().await;
    keeper.advance(at(5));
    keeper.finish(true).await.unwrap();
    let lease = store.now().await;
    assert_eq!((lease.checkpoint, lease.owner), (at(5), None));
}

#[tokio::test(start_paused = true)]
async fn i5_a_lease_that_cannot_be_renewed_in_time_is_lost() {
    let (store, keeper) = kept().await;
    store.is_away.store(true, Relaxed);
    pass(5).await;
    assert!(!keeper.lost().is_cancelled(), "the store may come back in time");
    store.is_away.store(false, Relaxed);
    pass(20).await;
    assert!(!keeper.lost().is_cancelled(), "it came back in time");
    store.is_away.store(true, Relaxed);
    pass(15).await;
    assert!(keeper.lost().is_cancelled());
    keeper.finish(true).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn i5_a_worker_that_slept_past_the_failover_time_holds_nothing_when_it_wakes() {
    let (store, keeper) = kept().await;
    pass(1).await;
    let before = store.now().await.counter;
    tokio::time::advance(Duration::from_secs(12)).await;
    pass(0).await;
    assert!(keeper.lost().is_cancelled());
    assert_eq!(store.now().await.counter, before, "it wrote nothing");
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_does_not_lose_the_lease() {
    let (store, keeper) = kept().await;
    store.loses_answer.store(true, Relaxed);
    keeper.advance(at(1));
    pass(5).await;
    keeper.advance(at(2));
    pass(5).await;
    assert!(!keeper.lost().is_cancelled());
    assert_eq!(store.now().await.checkpoint, at(2));
    keeper.finish(true).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn i5_a_lease_that_another_worker_took_is_lost_and_not_written() {
    let (store, keeper) = kept().await;
    let taken = store.inner.update(&store.now().await, Update::Take("other".into())).await.unwrap();
    keeper.advance(at(9));
    keeper.lost().cancelled().await;
    assert_eq!(store.now().await, taken);
}
