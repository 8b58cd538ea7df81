//! What the simulated processes live in: the services, which survive every process, and everything that is written
//! down about a run.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fastrand::Rng;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    audit::Holders,
    diary::{Check, Diary},
    ledger::{Ledger, Wrong},
    network::Network,
    scenario::{Scenario, StartAt},
};
use crate::{
    kinesis::{
        Kinesis, KinesisError, Shard, ShardFilter, StreamMode, list_all_shards,
        memory::{MemoryKinesis, Settings},
    },
    lease::memory::MemoryLeases,
    limits,
    native::NativeProcessor,
    stream::StreamRef,
    time::{Clock, UnixMillis},
};

/// The date at which every run begins.
const BEGIN: UnixMillis = UnixMillis(1_800_000_000_000);

/// A run's world.
pub(super) struct World {
    pub scenario: Scenario,
    pub source: StreamRef,
    pub sink: StreamRef,
    pub kinesis: MemoryKinesis,
    pub leases: MemoryLeases,
    pub source_processor: NativeProcessor,
    pub sink_processor: NativeProcessor,
    pub network: Network,
    /// Cancelled as soon as a check fails, because what comes after it says little.
    pub over: CancellationToken,
    begun: Instant,
    ledger: Mutex<Ledger>,
    diary: Mutex<Diary>,
    holders: Mutex<Holders>,
}

impl World {
    /// A world in which nothing happened yet.
    ///
    /// # Errors
    /// If a stream cannot be created.
    pub(super) async fn new(
        scenario: Scenario,
        random: &mut Rng,
        keeps_lines: bool,
    ) -> Result<Arc<Self>, KinesisError> {
        let settings = Settings {
            enforce_limits: scenario.enforce_limits,
            iterator_life: scenario.iterator_life,
            transition: scenario.transition,
            retention: scenario.retention.unwrap_or(limits::RETENTION),
            ..Settings::default()
        };
        let named =
            |name| NativeProcessor::named(name).expect("a scenario names processors that are compiled in");
        let stream = |name: &str| name.parse().expect("the name of the stream is valid");
        let world = Self {
            source: stream("source"),
            sink: stream("sink"),
            kinesis: MemoryKinesis::new(Clock::paced(BEGIN), settings),
            leases: MemoryLeases::new(),
            source_processor: named(scenario.source_processor),
            sink_processor: named(scenario.sink_processor),
            network: Network::new(scenario.network, random.u64(..)),
            over: CancellationToken::new(),
            begun: Instant::now(),
            ledger: Mutex::new(Ledger::new(scenario.keys)),
            diary: Mutex::new(Diary::new(keeps_lines)),
            holders: Mutex::default(),
            scenario,
        };
        let shards = world.scenario.shards;
        world.kinesis.create_stream(&world.source, StreamMode::Provisioned { shards }).await?;
        world.kinesis.create_stream(&world.sink, StreamMode::Provisioned { shards: 2 }).await?;
        world.note(format_args!("{:?}", world.scenario));
        Ok(Arc::new(world))
    }

    /// Virtual milliseconds since the run began.
    pub(super) fn millis(&self) -> u128 {
        self.begun.elapsed().as_millis()
    }

    /// The true date.
    pub(super) fn now(&self) -> UnixMillis {
        UnixMillis(BEGIN.0 + as_millis(self.begun.elapsed()))
    }

    /// The date at which the application starts; none where it starts at the oldest record.
    pub(super) fn starts_at(&self) -> Option<UnixMillis> {
        match self.scenario.start {
            StartAt::TrimHorizon | StartAt::Latest => None,
            StartAt::After(span) => Some(UnixMillis(BEGIN.0 + as_millis(span))),
        }
    }

    /// A clock as wrong as this worker's is.
    pub(super) fn clock(&self, random: &mut Rng) -> Clock {
        let skew = as_millis(self.scenario.skew);
        let base = BEGIN.0 - skew + random.u64(0..=2 * skew);
        Clock::paced(UnixMillis(base + as_millis(self.begun.elapsed())))
    }

    /// All shards of the source as they really are.
    pub(super) async fn shards(&self) -> Vec<Shard> {
        // The model may refuse a listing that comes too often; whoever asks looks again later.
        list_all_shards(&self.kinesis, &self.source, ShardFilter::All).await.unwrap_or_default()
    }

    /// Takes down an event.
    pub(super) fn note(&self, event: fmt::Arguments<'_>) {
        self.diary().note(self.millis(), event);
    }

    /// Takes down that a check failed, and ends the run.
    pub(super) fn fail(&self, check: Check, detail: String) {
        self.diary().fail(check, self.millis(), detail);
        self.over.cancel();
    }

    /// Takes down what a check answered.
    pub(super) fn check<T>(&self, result: Result<T, Wrong>) -> Option<T> {
        result.map_err(|(check, detail)| self.fail(check, detail)).ok()
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        let mut ledger = lock(&self.ledger);
        if let Some(retention) = self.scenario.retention {
            ledger.expire(self.millis().saturating_sub(retention.as_millis()));
        }
        ledger
    }

    pub(super) fn diary(&self) -> MutexGuard<'_, Diary> {
        lock(&self.diary)
    }

    pub(super) fn holders(&self) -> MutexGuard<'_, Holders> {
        lock(&self.holders)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

fn as_millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A panic under a lock ends the run anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
