//! What a seed decides before a run begins.

use std::{num::NonZeroUsize, time::Duration};

use fastrand::Rng;

use crate::{
    consumer::{BreakerSettings, Checkpointing, Retrieval},
    lease::balance::Balance,
    limits,
};

/// The most shards that are open at once.
pub(super) const OPEN_SHARDS: usize = 6;

/// One run, but for what happens by chance in it.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    /// Processes at once.
    pub workers: usize,
    /// Shards of the source at first.
    pub shards: u32,
    /// Partition keys.
    pub keys: usize,
    /// Name of the processor of the source.
    pub source_processor: &'static str,
    /// Name of the processor of the sink.
    pub sink_processor: &'static str,
    /// Where the application starts.
    pub start: StartAt,
    /// How long things go wrong.
    pub storm: Duration,
    /// After how long without a write a lease may be taken.
    pub failover: Duration,
    /// How long a hand-over may take; the failover time where this is none.
    pub handover: Option<Duration>,
    /// What workers should have the same of.
    pub balance: Balance,
    /// How many shards a worker reads at once.
    pub max_shards: Option<NonZeroUsize>,
    /// Lanes of a shard.
    pub lanes: u32,
    /// Who makes checkpoints.
    pub checkpointing: Checkpointing,
    /// How the source is read.
    pub retrieval: Retrieval,
    /// How long a checkpoint may wait.
    pub checkpoint_interval: Duration,
    /// How often shards are listed.
    pub discovery: Duration,
    /// Records in a batch.
    pub batch_records: usize,
    /// How long reads are gathered to fill a batch.
    pub batch_window: Duration,
    /// When a shard pauses whose handler keeps failing.
    pub breaker: Option<BreakerSettings>,
    /// Records in a read.
    pub read_records: usize,
    /// Time between two reads of a shard that had nothing.
    pub idle: Duration,
    /// How long the producers wait for company.
    pub linger: Duration,
    /// Whether the service enforces its rates.
    pub enforce_limits: bool,
    /// How long an iterator may be used.
    pub iterator_life: Duration,
    /// How long the source keeps its records; none: longer than the run.
    pub retention: Option<Duration>,
    /// How long a reshard lasts.
    pub transition: Duration,
    /// Longest pause between two puts on the source.
    pub put_pause: Duration,
    /// Longest pause between two reshards.
    pub reshard_pause: Duration,
    /// Longest time that a process runs before something happens to it.
    pub quiet: Duration,
    /// Whether a process that starts again has the name it had before.
    pub keeps_name: bool,
    /// How wrong the clocks of workers may be.
    pub skew: Duration,
    /// One poll in so many is put off; none at 0.
    pub reorder: u32,
    /// What the network does to calls.
    pub network: Weather,
    /// How the handler behaves.
    pub handler: Temper,
}

/// Where the application starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StartAt {
    /// At the oldest record.
    TrimHorizon,
    /// This long after the run began, or before it reads anything.
    After(Duration),
    /// Behind the newest record.
    Latest,
}

/// What the network does to calls while things go wrong: parts of a thousand calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    /// Throttled, or refused for another passing reason, without effect.
    pub refused: u32,
    /// Takes effect, and the answer is lost.
    pub answer_lost: u32,
    /// Arrives, or is answered, very late.
    pub slow: u32,
    /// An iterator that is said to have expired.
    pub iterator_expired: u32,
    /// Usual time of one way.
    pub latency: Duration,
    /// Longest time of one way when it is slow.
    pub slowest: Duration,
    /// How long a caller waits for its answer.
    pub timeout: Duration,
}

/// How the handler behaves while things go wrong: parts of a thousand calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Temper {
    /// Fails the batch.
    pub fails: u32,
    /// Fails the batch and forgets everything that it kept.
    pub forgets: u32,
    /// Asks for some records again.
    pub retries: u32,
    /// One document in so many cannot be handled, whenever it is; none at 0.
    pub poison: usize,
    /// Takes very long.
    pub slow: u32,
    /// Longest usual call.
    pub usual: Duration,
    /// Longest slow call.
    pub slowest: Duration,
}

impl Scenario {
    pub(super) fn draw(random: &mut Rng) -> Self {
        let failover = millis(random, 2_000..10_000);
        let workers = random.usize(1..=4);
        let is_manual = random.u32(..4) == 0;
        Self {
            workers,
            handover: random.bool().then(|| millis(random, 500..20_000)),
            balance: if random.bool() { Balance::Count } else { Balance::Throughput },
            max_shards: draw_max_shards(random, workers),
            lanes: if is_manual { 1 } else { random.choice([1, 1, 2, 5]).unwrap_or(1) },
            checkpointing: if is_manual {
                Checkpointing::Manual { most: 100_000 }
            } else {
                Checkpointing::Auto
            },
            retrieval: draw_retrieval(random),
            shards: random.u32(1..=4),
            keys: random.usize(2..=12),
            source_processor: pick(random, &["string", "json", "json-line", "kpl-json", "netstring+string"]),
            sink_processor: pick(random, &["string", "json", "json-line", "kpl-json"]),
            start: draw_start(random),
            storm: millis(random, 30_000..120_000),
            failover,
            checkpoint_interval: millis(random, 0..3_000),
            discovery: millis(random, 5_000..60_000),
            batch_records: random.usize(1..=20),
            batch_window: draw_window(random),
            breaker: draw_breaker(random),
            read_records: random.usize(5..=40),
            idle: millis(random, 250..3_000),
            linger: millis(random, 0..1_000),
            enforce_limits: random.bool(),
            iterator_life: millis(random, 4_000..60_000),
            retention: (random.u32(..4) == 0).then(|| millis(random, 20_000..120_000)),
            transition: millis(random, 0..3_000),
            put_pause: millis(random, 300..2_000),
            reshard_pause: millis(random, 4_000..60_000),
            quiet: millis(random, 3_000..30_000),
            keeps_name: random.bool(),
            skew: limits::CLOCK_SKEW.mul_f64(random.f64()),
            reorder: random.choice([0, 4, 16, 64]).unwrap_or_default(),
            network: Weather::draw(random, failover),
            handler: Temper::draw(random, failover),
        }
    }
}

impl Weather {
    fn draw(random: &mut Rng, failover: Duration) -> Self {
        let worst = random.choice([0, 5, 20, 100]).unwrap_or_default();
        Self {
            refused: random.u32(0..=worst),
            answer_lost: random.u32(0..=worst),
            slow: random.u32(0..=worst),
            iterator_expired: random.u32(0..=worst),
            latency: millis(random, 1..50),
            slowest: failover * random.u32(1..=3),
            timeout: millis(random, 1_000..15_000),
        }
    }
}

impl Temper {
    fn draw(random: &mut Rng, failover: Duration) -> Self {
        let worst = random.choice([0, 10, 60]).unwrap_or_default();
        Self {
            fails: random.u32(0..=worst),
            forgets: random.u32(0..=worst),
            retries: random.u32(0..=worst),
            poison: random.choice([0, 20, 60, 200]).unwrap_or_default(),
            slow: random.u32(0..=worst),
            usual: millis(random, 0..60),
            slowest: failover * 2,
        }
    }
}

fn draw_window(random: &mut Rng) -> Duration {
    if random.u32(..3) == 0 { millis(random, 100..5_000) } else { Duration::ZERO }
}

fn draw_breaker(random: &mut Rng) -> Option<BreakerSettings> {
    // Each poison document costs several of them, and all have to fit into the time in which things settle.
    let pause = millis(random, 100..500);
    let breaker = BreakerSettings { failures: random.u32(3..=10), pause, longest_pause: pause * 4 };
    random.bool().then_some(breaker)
}

fn draw_start(random: &mut Rng) -> StartAt {
    match random.u32(..6) {
        0 => StartAt::After(millis(random, 0..20_000)),
        1 => StartAt::Latest,
        _ => StartAt::TrimHorizon,
    }
}

/// All workers together can read all shards.
fn draw_max_shards(random: &mut Rng, workers: usize) -> Option<NonZeroUsize> {
    let most = OPEN_SHARDS.div_ceil(workers) + random.usize(0..=2);
    if random.bool() { NonZeroUsize::new(most) } else { None }
}

fn draw_retrieval(random: &mut Rng) -> Retrieval {
    match random.u32(..4) {
        0 | 1 => Retrieval::Polling,
        2 => Retrieval::FanOut("simulated".to_owned()),
        _ => Retrieval::Auto("simulated".to_owned()),
    }
}

fn pick(random: &mut Rng, names: &[&'static str]) -> &'static str {
    names[random.usize(..names.len())]
}

/// A time in whole milliseconds.
pub(super) fn millis(random: &mut Rng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(random.u64(range))
}
