//! Workers that share the shards of a stream: who joins gets a part, and what who leaves had is taken over.

use std::{collections::BTreeMap, time::Duration};

use super::world::{Running, World, echo};
use crate::{consumer::Pipeline, lease::WorkerId, limits};

/// Within which everything settles.
const SETTLED: Duration = Duration::from_secs(2 * limits::FAILOVER.as_secs());

impl World {
    fn worker(&self, number: usize) -> Pipeline {
        Pipeline { worker: name(number), ..self.pipeline(echo(|_| false)) }
    }

    fn start(&self, number: usize) -> Running {
        Running::start(self.worker(number))
    }

    /// How many leases each worker holds, in descending order; leases without a holder count for nobody.
    async fn counts(&self) -> Vec<usize> {
        let mut counts: Vec<usize> = self.by_owner().await.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts
    }

    async fn by_owner(&self) -> BTreeMap<WorkerId, usize> {
        let mut counts = BTreeMap::new();
        for owner in self.leases.list().await.unwrap().into_iter().filter_map(|lease| lease.owner) {
            *counts.entry(owner).or_default() += 1;
        }
        counts
    }
}

fn name(number: usize) -> WorkerId {
    (*format!("worker-{number}")).into()
}

async fn settle() {
    tokio::time::sleep(SETTLED).await;
}

/// Fair shares, in descending order.
fn fair(shards: usize, workers: usize) -> Vec<usize> {
    let share = |worker| shards / workers + usize::from(worker < shards % workers);
    (0..workers).map(share).filter(|share| *share > 0).collect()
}

#[tokio::test(start_paused = true)]
async fn workers_that_join_one_by_one_have_equal_parts_within_two_failover_times() {
    for shards in [1, 2, 5, 16, 64] {
        let world = World::of(shards).await;
        let mut running = Vec::new();
        for workers in 1..=6 {
            running.push(world.start(workers));
            settle().await;
            assert_eq!(world.counts().await, fair(shards as usize, workers), "shards={shards}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn workers_that_start_at_once_have_equal_parts_within_two_failover_times() {
    for (shards, workers) in [(1, 3), (4, 6), (16, 3), (64, 6)] {
        let world = World::of(shards).await;
        let _running: Vec<Running> = (0..workers).map(|number| world.start(number)).collect();
        settle().await;
        assert_eq!(world.counts().await, fair(shards as usize, workers), "shards={shards}");
    }
}

#[tokio::test(start_paused = true)]
async fn workers_that_join_at_once_have_equal_parts_within_two_failover_times() {
    for (shards, workers) in [(4, 6), (16, 3), (64, 6)] {
        let world = World::of(shards).await;
        let mut running = vec![world.start(0)];
        settle().await;
        running.extend((1..workers).map(|number| world.start(number)));
        settle().await;
        assert_eq!(world.counts().await, fair(shards as usize, workers), "shards={shards}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_crashed_workers_had_is_shared_out_within_two_failover_times() {
    for (shards, workers, crashes) in [(1, 2, 1), (10, 4, 1), (16, 3, 2), (64, 6, 3)] {
        let world = World::of(shards).await;
        let mut running: Vec<Running> = (0..workers).map(|number| world.start(number)).collect();
        settle().await;
        let mut crashed = Vec::new();
        for number in 0..crashes {
            running.remove(0).crash();
            crashed.push(name(number));
        }
        settle().await;
        let by_owner = world.by_owner().await;
        assert!(crashed.iter().all(|worker| !by_owner.contains_key(worker)), "{by_owner:?}");
        assert_eq!(world.counts().await, fair(shards as usize, workers - crashes), "shards={shards}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_stopped_worker_had_is_read_by_others_in_their_next_round() {
    let world = World::of(16).await;
    let mut running: Vec<Running> = (0..4).map(|number| world.start(number)).collect();
    settle().await;
    running.remove(0).stop().await;
    tokio::time::sleep(limits::FAILOVER / 3).await;
    assert_eq!(world.counts().await, [6, 5, 5]);
}
