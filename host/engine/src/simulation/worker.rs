//! One worker: its processes one after the other, and what happens to each.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    diary::Check,
    governor::Strike,
    process::{Process, ProcessId},
    scenario::millis,
    world::World,
};

/// How long a process that was told to stop may take once nothing goes wrong any more.
const STOPS_WITHIN: Duration = Duration::from_secs(120);
/// How long a process may take to stop while things go wrong, before somebody loses patience and kills it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a strike waits for its poll; a process that sleeps is then struck asleep.
const STRIKES_WITHIN: Duration = Duration::from_secs(5);
/// A strike comes within so many polls.
const STRIKE_POLLS: u64 = 200;

/// A worker of a run.
pub(super) struct Worker {
    world: Arc<World>,
    random: Rng,
    next: ProcessId,
    storm_ends: Instant,
}

impl Worker {
    pub(super) fn new(world: Arc<World>, worker: usize, random: Rng, storm_ends: Instant) -> Self {
        Self { world, random, next: ProcessId { worker, number: 1 }, storm_ends }
    }

    /// Runs processes, until things calm down in such as die and are replaced, and then in one that stays until
    /// `end`.
    pub(super) async fn run(mut self, end: CancellationToken) {
        // Workers join one after the other.
        let before = self.span(Duration::from_secs(20));
        sleep(before).await;
        while Instant::now() < self.storm_ends {
            let process = self.start();
            if let Some(survivor) = self.weather(process).await {
                return self.stay(survivor, end).await;
            }
            let before = self.span(self.world.scenario.failover * 2);
            sleep(before).await;
        }
        let process = self.start();
        self.stay(process, end).await;
    }

    fn start(&mut self) -> Process {
        let id = self.next;
        self.next.number += 1;
        Process::start(&self.world, id, &mut self.random)
    }

    /// Lets things happen to a process until the storm is over. Answers the process if it survived.
    async fn weather(&mut self, mut process: Process) -> Option<Process> {
        loop {
            let quiet = self.span(self.world.scenario.quiet).min(self.storm_ends - Instant::now());
            if process.ended_within(quiet).await {
                self.world.diary().counts.ends += 1;
                return None;
            }
            if Instant::now() >= self.storm_ends {
                return Some(process);
            }
            match self.random.u32(..10) {
                0..4 => return self.crash(process).await,
                4..7 => self.freeze(&mut process).await,
                _ => return self.stop(process).await,
            }
        }
    }

    async fn crash(&mut self, process: Process) -> Option<Process> {
        self.strike(&process, Strike::Crash).await;
        self.world.diary().counts.crashes += 1;
        self.world.note(format_args!("{} crashes", process.id));
        None
    }

    async fn freeze(&mut self, process: &mut Process) {
        self.strike(process, Strike::Freeze).await;
        self.world.diary().counts.freezes += 1;
        self.world.note(format_args!("{} freezes", process.id));
        self.world.holders().sleeps(process.id);
        let frozen = self.span(self.world.scenario.failover * 4);
        sleep(frozen).await;
        self.world.note(format_args!("{} wakes", process.id));
        self.world.holders().woke(process.id);
        process.governor.thaw();
    }

    /// Stops a process in good order, unless something happens to it meanwhile.
    async fn stop(&mut self, mut process: Process) -> Option<Process> {
        self.world.diary().counts.stops += 1;
        process.stop();
        match self.random.u32(..4) {
            0 => return self.crash(process).await,
            1 => self.freeze(&mut process).await,
            _ => {}
        }
        process.ended_within(PATIENCE).await;
        None
    }

    /// Strikes at some poll that comes soon, or else without one.
    async fn strike(&mut self, process: &Process, strike: Strike) {
        process.governor.order(strike, self.random.u64(..STRIKE_POLLS));
        if timeout(STRIKES_WITHIN, process.governor.struck()).await.is_err() {
            process.governor.strike(strike);
        }
    }

    /// Keeps a process, and replaces it where a shard stopped for good, as whoever runs it would.
    async fn stay(mut self, mut process: Process, end: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = end.cancelled() => return self.end(process).await,
                () = process.ended() => {
                    self.world.diary().counts.ends += 1;
                    sleep(Duration::from_secs(1)).await;
                    process = self.start();
                }
                () = sleep(self.world.scenario.failover) => {
                    if process.gave_up() {
                        self.world.note(format_args!("{} gave a shard up and is replaced", process.id));
                        process.stop();
                        process.ended_within(STOPS_WITHIN).await;
                        process = self.start();
                    }
                }
            }
        }
    }

    /// Stops the last process, which has to end and to leave nothing behind.
    async fn end(self, mut process: Process) {
        process.stop();
        if !process.ended_within(STOPS_WITHIN).await {
            let detail = format!("{} does not end within {} s", process.id, STOPS_WITHIN.as_secs());
            return self.world.fail(Check::Stop, detail);
        }
        // Tasks that were let go of are dropped when the runtime comes to them.
        sleep(Duration::from_millis(1)).await;
        let left = process.governor.tasks();
        if left > 0 {
            self.world.fail(Check::Stop, format!("{} left {left} tasks behind", process.id));
        }
    }

    fn span(&mut self, longest: Duration) -> Duration {
        millis(&mut self.random, 0..u64::try_from(longest.as_millis()).unwrap_or(u64::MAX).max(1))
    }
}
