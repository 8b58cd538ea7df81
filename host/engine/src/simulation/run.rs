//! One run, from its seed to its report.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use tokio::{
    runtime::Builder,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    diary::{Broken, Check, Counts},
    scenario::{Scenario, StartAt},
    source,
    worker::Worker,
    world::World,
};
use crate::{
    bugs::{self, Bug},
    consumer::Checkpointing,
    lease::{Checkpoint, LeaseStore},
    task::{self, Task},
};

/// How long everything may take to settle once nothing goes wrong any more.
const SETTLES_WITHIN: Duration = Duration::from_secs(900);
/// How often it is looked whether everything has settled.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long documents are still put after the storm.
const CALM_PUTS: Duration = Duration::from_secs(5);

/// What to do with a seed, besides running it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Keep what happened, line by line.
    pub keeps_log: bool,
    /// A bug that is to be found.
    pub bug: Option<Bug>,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// Two runs were the same, event by event, if these are.
    pub digest: u64,
    /// How often each kind of thing happened.
    pub counts: Counts,
    /// The first check that failed, if one did.
    pub broken: Option<Broken>,
    /// What happened, line by line, if it was to be kept.
    pub log: Vec<String>,
}

/// Runs a seed.
///
/// # Panics
/// If the system has no room for a runtime.
pub fn run(seed: u64, options: Options) -> Report {
    let _planted = bugs::plant(options.bug);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without a driver needs nothing but memory");
    runtime.block_on(run_within(seed, options))
}

async fn run_within(seed: u64, options: Options) -> Report {
    let mut random = Rng::with_seed(seed);
    let scenario = Scenario::draw(&mut random);
    let world = World::new(scenario, &mut random, options.keeps_log).await;
    let world = world.expect("streams can be created in an empty account");
    let over = world.over.clone();
    tokio::select! {
        biased;
        () = over.cancelled() => {}
        () = live(&world, &mut random) => {}
    }
    let millis = world.millis();
    let mut diary = world.diary();
    diary.counts.virtual_ms = u64::try_from(millis).unwrap_or(u64::MAX);
    Report {
        seed,
        digest: diary.digest(),
        counts: diary.counts,
        broken: diary.broken().cloned(),
        log: diary.take_lines(),
    }
}

async fn live(world: &Arc<World>, random: &mut Rng) {
    let storm_ends = Instant::now() + world.scenario.storm;
    let end = CancellationToken::new();
    let workers: Vec<Task<()>> = (1..=world.scenario.workers)
        .map(|number| Worker::new(Arc::clone(world), number, random.fork(), storm_ends))
        .map(|worker| task::spawn("worker", worker.run(end.clone())))
        .collect();
    let puts = task::spawn("puts", source::put(Arc::clone(world), random.fork(), storm_ends + CALM_PUTS));
    let reshards = task::spawn("reshards", source::reshard(Arc::clone(world), random.fork(), storm_ends));
    sleep(world.scenario.storm).await;
    world.network.calm();
    world.note(format_args!("the storm is over"));
    for outside in [puts, reshards] {
        outside.await.expect("what happens to the source does not panic");
    }
    if timeout(SETTLES_WITHIN, settled(world)).await.is_err() {
        let detail = unsettled(world).await.unwrap_or_default();
        return world.fail(Check::Settled, detail);
    }
    world.note(format_args!("everything has settled"));
    end.cancel();
    for worker in workers {
        worker.await.expect("a worker does not panic");
    }
    check_the_end(world).await;
}

/// Waits until everything is read and checkpointed.
async fn settled(world: &World) {
    while unsettled(world).await.is_some() {
        sleep(LOOK_EVERY).await;
    }
}

/// The first shard that is not read to its end, or to its tip.
async fn unsettled(world: &World) -> Option<String> {
    let leases = world.leases.list().await.unwrap_or_default();
    let shards = world.shards().await;
    for shard in &shards {
        let Some(lease) = leases.iter().find(|lease| lease.key.shard == shard.id) else {
            // What had ended before an application began behind the newest record is none of its business.
            if world.scenario.start == StartAt::Latest && shard.ending_sequence.is_some() {
                continue;
            }
            return Some(format!("{} has no lease", shard.id));
        };
        let is_done = match shard.ending_sequence {
            Some(_) => lease.checkpoint == Checkpoint::ShardEnd,
            None => {
                let is_read =
                    lease.owner.is_some() && world.holders().is_held(&shard.id, world.scenario.failover);
                // A handler that makes checkpoints itself need not make one behind the last record.
                let is_manual = world.scenario.checkpointing != Checkpointing::Auto;
                is_read && (is_manual || world.ledger().is_at_tip(&shard.id, &lease.checkpoint))
            }
        };
        if !is_done {
            return Some(format!("{} is at {}, owner={:?}", shard.id, lease.checkpoint, lease.owner));
        }
    }
    if shards.is_empty() { Some("no shards are listed".to_owned()) } else { world.ledger().missing() }
}

async fn check_the_end(world: &World) {
    let shards = world.shards().await;
    let mut leases = world.leases.list().await.unwrap_or_default();
    // The lease of a shard that is forgotten before it was read to its end is nobody's to take.
    leases.retain(|lease| shards.iter().any(|shard| shard.id == lease.key.shard));
    for lease in leases {
        // A process that crashed right after a shard's end leaves its name behind, where nobody has to take the lease.
        if let Some(owner) = lease.owner.filter(|_| lease.checkpoint != Checkpoint::ShardEnd) {
            world.fail(Check::Stop, format!("{} is held by {owner}, which stopped", lease.key));
        }
    }
}
