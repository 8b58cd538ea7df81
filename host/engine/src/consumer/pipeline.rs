//! A pipeline: one stream, one handler, the sinks it emits to, and the leases that say how far it got.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::{
    breaker::BreakerSettings,
    control::Control,
    coordinator::{Coordinator, SharingSettings},
    idle,
    progress::{Progress, StoppedShard},
    source::{ReadMemory, ReaderSettings, Retrieval},
};
use crate::{
    dead_letter::DeadLetters,
    handler::Handler,
    kinesis::{Kinesis, KinesisError},
    lease::{LeaseError, LeaseStore, WorkerId, keeper::KeeperSettings, plan::Start, start_at::StartAt},
    limits,
    processor::{HashRangePolicy, Processor},
    producer::Producer,
    stream::StreamRef,
    time::Clock,
};

/// What a pipeline runs with. Everything is public: a pipeline is put together by whoever starts it.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// How it works.
    pub settings: PipelineSettings,
    /// Where its stream is.
    pub kinesis: Arc<dyn Kinesis>,
    /// The leases of this application's pipeline; no other pipeline may share them.
    pub leases: Arc<dyn LeaseStore>,
    /// Takes the stream's records apart.
    pub processor: Arc<dyn Processor>,
    /// Handles what was in them.
    pub handler: Arc<dyn Handler>,
    /// Where it may emit to, by name; the name for documents that name none is `default`.
    pub sinks: Arc<BTreeMap<String, Producer>>,
    /// This process.
    pub worker: WorkerId,
    /// Tells the date.
    pub clock: Clock,
    /// What the pipeline has done so far.
    pub progress: Arc<Progress>,
    /// The memory of its reads, which pipelines may share.
    pub memory: ReadMemory,
    /// Where records go that are given up, if anywhere.
    pub dead_letters: Option<Arc<dyn DeadLetters>>,
    /// The shards that wait, and a way to have them go on.
    pub control: Arc<Control>,
}

/// How a pipeline works. The defaults are those of `limits.rs`.
#[derive(Clone, Debug)]
pub struct PipelineSettings {
    /// The pipeline's name, for logs.
    pub name: String,
    /// The stream to read.
    pub stream: StreamRef,
    /// Where to start when there is no checkpoint.
    pub start: Start,
    /// The record that a shard without a checkpoint is to be read from, where it is not `start` that says so.
    pub start_at: StartAt,
    /// Records in one call of the handler.
    pub batch_records: usize,
    /// Bytes in one call of the handler; a single record may be larger.
    pub batch_bytes: usize,
    /// Lanes that a shard's batches are divided among by partition key, 1 to [`limits::LANES_MAX`].
    pub lanes: u32,
    /// Who says how far the work on a shard is done. A handler's own say needs a single lane.
    pub checkpointing: Checkpointing,
    /// How long reads are gathered to fill a batch, counted in Kinesis records; zero hands each read over as it comes.
    /// At most [`limits::BATCH_WINDOW_LONGEST`].
    pub batch_window: Duration,
    /// Attempts at a batch before the record that is to blame is looked for, at least 1.
    pub attempts: u32,
    /// Records that have been on their stream for longer than this get no further attempt; any age does where this is
    /// none.
    pub max_record_age: Option<Duration>,
    /// When a shard pauses whose handler keeps failing; never where this is none.
    pub breaker: Option<BreakerSettings>,
    /// What becomes of records that cannot be handled. Where this is none, they go to the pipeline's dead letters, or
    /// stop their shard if it has no place for them.
    pub on_failure: Option<OnFailure>,
    /// What becomes of aggregated records with user records that belong to other shards.
    pub hash_range: HashRangePolicy,
    /// Who moves first, reader or service.
    pub retrieval: Retrieval,
    /// How shards are polled.
    pub reader: ReaderSettings,
    /// How leases are kept.
    pub keeper: KeeperSettings,
    /// How shards are shared with other workers.
    pub sharing: SharingSettings,
    /// How often shards are listed.
    pub discovery_interval: Duration,
    /// Ends the pipeline after so long without records at the tip of every shard that it reads; none waits for ever.
    pub idle_timeout: Option<Duration>,
}

impl PipelineSettings {
    /// The defaults for a stream.
    pub fn new(name: impl Into<String>, stream: StreamRef) -> Self {
        Self {
            name: name.into(),
            stream,
            start: Start::default(),
            start_at: StartAt::new(),
            batch_records: limits::BATCH_RECORDS,
            batch_bytes: limits::BATCH_BYTES,
            lanes: limits::LANES,
            checkpointing: Checkpointing::Auto,
            batch_window: Duration::ZERO,
            attempts: limits::HANDLER_ATTEMPTS,
            max_record_age: None,
            breaker: Some(BreakerSettings::default()),
            on_failure: None,
            hash_range: HashRangePolicy::default(),
            retrieval: Retrieval::default(),
            reader: ReaderSettings::default(),
            keeper: KeeperSettings::default(),
            sharing: SharingSettings::default(),
            discovery_interval: limits::DISCOVERY_INTERVAL,
            idle_timeout: None,
        }
    }

    /// Bytes of a shard's reads that are gathered to fill a batch, at the most, besides the read that fills it.
    pub fn gathered_bytes(&self) -> usize {
        if self.batch_window.is_zero() { 0 } else { self.batch_bytes.min(limits::GET_RECORDS_BYTES) }
    }

    fn validate(&self) -> Result<(), PipelineError> {
        let Self { lanes, checkpointing, batch_window, attempts, .. } = *self;
        if !(1..=limits::LANES_MAX).contains(&lanes) {
            let most = limits::LANES_MAX;
            return Err(PipelineError::Settings(format!("a shard has 1 to {most} lanes, lanes={lanes}")));
        }
        if lanes > 1 && checkpointing != Checkpointing::Auto {
            return Err(PipelineError::Settings(format!(
                "manual checkpoints need a single lane, because no lane knows how far the others are: lanes={lanes}"
            )));
        }
        if attempts == 0 {
            return Err(PipelineError::Settings("a batch has at least one attempt: attempts=0".to_owned()));
        }
        let longest = limits::BATCH_WINDOW_LONGEST;
        if batch_window > longest {
            return Err(PipelineError::Settings(format!(
                "reads are gathered for {longest:?} at the most: batch-window={batch_window:?}"
            )));
        }
        self.breaker.map_or(Ok(()), |breaker| breaker.validate()).map_err(PipelineError::Settings)
    }
}

/// Who says how far the work on a shard is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Checkpointing {
    /// The engine: a batch is done when it is handled and what it emitted is acknowledged.
    #[default]
    Auto,
    /// The handler, by [`Outcome::checkpoint`](crate::handler::Outcome::checkpoint); and what was emitted until then
    /// is acknowledged.
    Manual {
        /// User records of a shard that it may leave uncovered; with more the shard stops.
        most: u64,
    },
}

/// What becomes of records that do not decode, that the handler gives up, or that exhaust their attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// They are kept as dead letters, and then the shard goes on. Nothing is lost.
    DeadLetter,
    /// Their shard is read no further, and its checkpoint stays before them. Nothing is lost.
    StopShard,
    /// They are counted and logged, and the shard goes on.
    Drop,
}

/// What a pipeline did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Kinesis records read.
    pub records: u64,
    /// User records whose outcome is known and acknowledged.
    pub done: u64,
    /// Documents emitted.
    pub emitted: u64,
    /// User records dropped.
    pub dropped: u64,
    /// Dead letters kept.
    pub dead_lettered: u64,
    /// Records, or parts of them, that did not decode.
    pub rejected: u64,
    /// User records whose own hash keys are outside of the range of the shard that they came in.
    pub misplaced: u64,
    /// User records passed over under [`HashRangePolicy::StrictKcl`]; they are not among those done.
    pub passed_over: u64,
    /// Shards that were read no further because of a failure.
    pub stopped: Vec<StoppedShard>,
}

/// A pipeline cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PipelineError {
    /// Its settings contradict each other.
    #[error("{0}")]
    Settings(String),
    /// Its stream cannot be read at all.
    #[error("stream={stream}: {error}")]
    Stream {
        /// The stream.
        stream: StreamRef,
        /// Why.
        error: KinesisError,
    },
    /// Its leases cannot be had at all.
    #[error("leases of stream={stream}: {error}")]
    Leases {
        /// The stream.
        stream: StreamRef,
        /// Why.
        error: LeaseError,
    },
}

impl Pipeline {
    /// Runs until `stop` is cancelled, or for as long as the idle timeout says, then finishes the batches in hand, waits for what they emitted, writes the
    /// checkpoints and gives the leases back. A shard that fails stops alone; an error means that the pipeline could
    /// not begin, or that its stream is gone.
    ///
    /// # Cancel safety
    /// Dropping the future ends all work at once. Nothing is lost: what was handled since the last checkpoints is
    /// handled again by whoever takes the leases once they expire.
    pub async fn run(self, stop: CancellationToken) -> Result<Summary, PipelineError> {
        self.settings.validate()?;
        if self.on_failure() == OnFailure::DeadLetter && self.dead_letters.is_none() {
            return Err(PipelineError::Settings(
                "records that are given up have nowhere to go: name a place for dead letters, or have their shard stop"
                    .to_owned(),
            ));
        }
        let (progress, idle_timeout) = (Arc::clone(&self.progress), self.settings.idle_timeout);
        let stop = stop.child_token();
        let work = Coordinator::new(self, &stop).run();
        match idle_timeout {
            Some(timeout) => {
                let watch = async {
                    idle::wait(&progress, timeout).await;
                    stop.cancel();
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    biased;
                    result = work => result?,
                    () = watch => unreachable!("it waits for the work to end"),
                }
            }
            None => work.await?,
        }
        Ok(Summary {
            records: progress.records.load(Relaxed),
            done: progress.done.load(Relaxed),
            emitted: progress.emitted.load(Relaxed),
            dropped: progress.dropped.load(Relaxed),
            dead_lettered: progress.dead_lettered.load(Relaxed),
            rejected: progress.rejected.load(Relaxed),
            misplaced: progress.misplaced.load(Relaxed),
            passed_over: progress.passed_over.load(Relaxed),
            stopped: progress.stopped(),
        })
    }

    /// What becomes of records that cannot be handled.
    pub fn on_failure(&self) -> OnFailure {
        let default = if self.dead_letters.is_some() { OnFailure::DeadLetter } else { OnFailure::StopShard };
        self.settings.on_failure.unwrap_or(default)
    }
}
