//! Leases that change hands while records flow: drained, by force, by a crash, past a store that is away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;

use super::world::{Running, Slow, World, complete, echo, stream};
use crate::{
    batch::Batch,
    consumer::Pipeline,
    handler::AsyncHandlerFn,
    hash::{HashKey, HashRange},
    kinesis::Kinesis,
    lease::{
        Checkpoint, Lease, LeaseError, LeaseKey, LeaseStore, NewLease, Update, WorkerId, audit::Flaw,
        balance::Balance, memory::MemoryLeases,
    },
    limits,
    record::Entry,
};

const KEYS: usize = 20;

fn named(pipeline: Pipeline, worker: &str) -> Pipeline {
    Pipeline { worker: worker.into(), ..pipeline }
}

async fn pass(span: Duration) {
    tokio::time::sleep(span).await;
}

async fn held_by(leases: &dyn LeaseStore, worker: &str) -> usize {
    let worker = WorkerId::from(worker);
    leases.list().await.unwrap().iter().filter(|lease| lease.owner.as_ref() == Some(&worker)).count()
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_over_is_neither_lost_nor_doubled_nor_out_of_order() {
    let world = World::of(16).await;
    let mut running = vec![Running::start(named(world.pipeline(Slow::echo()), "0"))];
    for round in 0..6 {
        world.put(KEYS, round * 50..(round + 1) * 50).await;
        pass(Duration::from_secs(3)).await;
        if round < 3 {
            running.push(Running::start(named(world.pipeline(Slow::echo()), &format!("{}", round + 1))));
        } else {
            running.remove(0).stop().await;
        }
    }
    world.until_complete(KEYS, 300).await;
    let last = running.remove(0);
    assert!(last.progress.done.load(Relaxed) > 0, "the last worker was handed something");
    last.stop().await;
    assert_eq!(world.output().await, complete(KEYS, 300));
}

#[tokio::test(start_paused = true)]
async fn i5_a_lease_that_is_not_handed_over_in_time_is_taken_by_force() {
    let world = World::of(4).await;
    let hanging = AsyncHandlerFn(async |_: Batch| std::future::pending().await);
    let stuck = Running::start(named(world.pipeline(Arc::new(hanging)), "stuck"));
    world.put(KEYS, 0..10).await;
    pass(Duration::from_secs(5)).await;
    let mut pipeline = named(world.pipeline(echo(|_| false)), "other");
    pipeline.settings.sharing.handover = Some(Duration::from_secs(5));
    let other = Running::start(pipeline);
    pass(Duration::from_secs(4)).await;
    assert_eq!(held_by(&*world.leases, "other").await, 0, "there is time to hand over");
    pass(Duration::from_secs(4)).await;
    assert_eq!(held_by(&*world.leases, "other").await, 2);
    pass(limits::FAILOVER).await;
    assert_eq!(stuck.progress.active_shards.load(Relaxed), 2, "it stopped what it lost");
    stuck.crash();
    world.until_complete(KEYS, 10).await;
    other.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_starts_again_under_its_name_goes_on_at_once() {
    let world = World::of(4).await;
    let first = Running::start(named(world.pipeline(echo(|_| false)), "same"));
    first.until("it reads", |progress| progress.active_shards.load(Relaxed) == 4).await;
    first.crash();
    let second = Running::start(named(world.pipeline(echo(|_| false)), "same"));
    pass(Duration::from_millis(10)).await;
    assert_eq!(second.progress.active_shards.load(Relaxed), 4);
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_reads_no_more_shards_than_it_may_and_others_take_the_rest() {
    let world = World::of(6).await;
    let limited = |name| {
        let mut pipeline = named(world.pipeline(echo(|_| false)), name);
        pipeline.settings.sharing.max_shards = Some(1.try_into().unwrap());
        Running::start(pipeline)
    };
    let (a, b) = (limited("a"), limited("b"));
    pass(limits::FAILOVER * 3).await;
    let held = (held_by(&*world.leases, "a").await, held_by(&*world.leases, "b").await);
    assert_eq!(held, (1, 1), "nobody else is there");
    let free = Running::start(named(world.pipeline(echo(|_| false)), "free"));
    pass(limits::FAILOVER * 2).await;
    assert_eq!(held_by(&*world.leases, "free").await, 4);
    assert_eq!((a.stop().await.stopped.len(), b.stop().await.stopped.len()), (0, 0));
    free.stop().await;
}

#[tokio::test(start_paused = true)]
async fn by_throughput_the_worker_of_a_busy_shard_gives_its_others_away() {
    let world = World::of(4).await;
    let workers = ["a", "b"].map(|name| {
        let mut pipeline = named(world.pipeline(echo(|_| false)), name);
        pipeline.settings.sharing.balance = Balance::Throughput;
        Running::start(pipeline)
    });
    for number in 0..200 {
        let entry =
            Entry { data: format!("0:{number}").into(), partition_key: "0".into(), explicit_hash_key: None };
        world.kinesis.put_records(&stream("in"), &[entry]).await.unwrap();
        pass(Duration::from_secs(1)).await;
    }
    let leases = world.leases.list().await.unwrap();
    let busy = leases.iter().max_by_key(|lease| lease.load).unwrap();
    let alone = leases.iter().filter(|lease| lease.owner == busy.owner).count();
    assert_eq!(alone, 1, "{leases:?}");
    for worker in workers {
        worker.stop().await;
    }
}

/// A merge of a shard with half of another that was split a moment ago: nobody has seen that half when the merge ends.
#[tokio::test(start_paused = true)]
async fn i3_the_other_parent_of_a_merge_is_read_though_nobody_had_seen_it() {
    let world = World::of(2).await;
    let half = HashKey(u128::MAX / 2 + 1);
    let keys: Vec<String> =
        (0..60).map(|key| key.to_string()).filter(|key| HashKey::of(key) >= half).collect();
    let put = async |numbers: std::ops::Range<usize>| {
        for number in numbers {
            let entries: Vec<Entry> = keys
                .iter()
                .map(|key| Entry {
                    data: format!("{key}:{number}").into(),
                    partition_key: key.as_str().into(),
                    explicit_hash_key: None,
                })
                .collect();
            world.kinesis.put_records(&stream("in"), &entries).await.unwrap();
        }
    };
    put(0..40).await;
    let running = Running::start(world.pipeline(Slow::echo()));
    running.until("it reads", |progress| progress.batches.load(Relaxed) > 2).await;
    let model = world.kinesis.model();
    let quarter = HashKey(half.0 + half.0 / 2);
    model.split_shard("in", "shardId-000000000001", quarter).unwrap();
    model.merge_shards("in", "shardId-000000000000", "shardId-000000000002").unwrap();
    put(40..50).await;
    running.until("all is done", |progress| progress.done.load(Relaxed) == 50 * keys.len() as u64).await;
    running.stop().await;
    let output = world.output().await;
    assert_eq!(output.len(), keys.len());
    assert!(output.values().all(|numbers| *numbers == (0..50).collect::<Vec<_>>()), "{output:?}");
    assert_eq!(world.checkpoints().await["shardId-000000000002"], Checkpoint::ShardEnd);
}

#[tokio::test(start_paused = true)]
async fn hash_keys_that_no_lease_covers_are_told_after_three_audits() {
    let world = World::of(2).await;
    let running = Running::start(world.pipeline(echo(|_| false)));
    running.until("it reads", |progress| progress.active_shards.load(Relaxed) == 2).await;
    let lease = world.leases.list().await.unwrap().remove(0);
    let end = Update::Checkpoint { checkpoint: Checkpoint::ShardEnd, load: 0 };
    world.leases.update(&lease, end).await.unwrap();
    pass(limits::DISCOVERY_INTERVAL * 2).await;
    assert!(running.progress.flaws().is_empty(), "two audits may have looked at a stream that changes");
    pass(limits::DISCOVERY_INTERVAL * 2).await;
    let HashRange { start, end } = HashRange { start: HashKey(0), end: HashKey(u128::MAX / 2) };
    assert_eq!(running.progress.flaws(), [Flaw::Hole { start, end }].into());
    running.stop().await;
}

/// Leases whose store can be told not to answer.
#[derive(Debug, Default)]
struct Stalling {
    inner: MemoryLeases,
    stalls: AtomicBool,
}

impl Stalling {
    async fn wait(&self) {
        while self.stalls.load(Relaxed) {
            pass(Duration::from_millis(100)).await;
        }
    }
}

#[async_trait]
impl LeaseStore for Stalling {
    async fn list(&self) -> Result<Vec<Lease>, LeaseError> {
        self.wait().await;
        self.inner.list().await
    }

    async fn get(&self, key: &LeaseKey) -> Result<Option<Lease>, LeaseError> {
        self.wait().await;
        self.inner.get(key).await
    }

    async fn create(&self, lease: NewLease) -> Result<Lease, LeaseError> {
        self.wait().await;
        self.inner.create(lease).await
    }

    async fn update(&self, lease: &Lease, update: Update) -> Result<Lease, LeaseError> {
        self.wait().await;
        self.inner.update(lease, update).await
    }

    async fn delete(&self, lease: &Lease) -> Result<(), LeaseError> {
        self.wait().await;
        self.inner.delete(lease).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_for_a_while_costs_nobody_a_lease_and_a_stop_ends_all_the_same() {
    let mut world = World::of(4).await;
    let store = Arc::new(Stalling::default());
    world.leases = Arc::clone(&store) as Arc<dyn LeaseStore>;
    let running = Running::start(world.pipeline(echo(|_| false)));
    running.until("it reads", |progress| progress.active_shards.load(Relaxed) == 4).await;
    pass(limits::FAILOVER).await;
    store.stalls.store(true, Relaxed);
    pass(limits::FAILOVER / 2).await;
    store.stalls.store(false, Relaxed);
    pass(limits::FAILOVER).await;
    assert_eq!(running.progress.active_shards.load(Relaxed), 4);
    assert_eq!(held_by(&store.inner, "worker-1").await, 4);
    store.stalls.store(true, Relaxed);
    tokio::time::timeout(limits::GRACE, running.stop()).await.expect("a stop ends in time");
}
