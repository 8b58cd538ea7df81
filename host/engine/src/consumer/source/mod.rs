//! Reads one shard from a position on, however the records come: the seam [`Source`] and what is behind it.
//!
//! ```text
//! polling:  GetRecords, again and again            the reader moves first
//! fan-out:  SubscribeToShard, renewed before its end    the service moves first
//! auto:     fan-out, and polling while that fails
//! ```
//! Whatever the way, a reader goes on behind the last record that it gave out, so a change of ways leaves nothing out
//! and gives nothing twice. Expired iterators, throttles, cut connections and a service that is away are ordinary:
//! only what cannot pass by itself comes out as an error.

use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use async_trait::async_trait;
use thiserror::Error;

use super::Pipeline;
use crate::{
    kinesis::{ChildShard, KinesisError, Position, SubscriptionEvent},
    limits,
    record::{Record, ShardId},
    stream::StreamRef,
};

mod ahead;
mod auto;
mod fan_out;
mod memory;
mod polling;
mod registration;

pub use memory::{Prefetch, ReadMemory, Taken};

use ahead::Lead;
use auto::AutoSource;
use fan_out::FanOutSource;
use polling::PollingSource;

/// Where records come from: one way to read the shards of one stream.
///
/// Implementations: polling (GetRecords), enhanced fan-out (SubscribeToShard), and both in turn.
pub trait Source: Send + Sync + fmt::Debug {
    /// Starts reading a shard at a position. The reader stays ahead of whoever asks it, by what the settings allow,
    /// and stops when dropped.
    fn open(&self, shard: ShardId, position: Position) -> Box<dyn Reader>;
}

/// Reads one shard.
#[async_trait]
pub trait Reader: Send + fmt::Debug {
    /// The next read that gave records, or that shows how far behind the shard is, or that ends it. None after the
    /// end and after an error.
    ///
    /// # Cancel safety
    /// Safe: a read that was not taken is there for the next call.
    async fn next(&mut self) -> Option<Result<SourceFetch, ReadError>>;
}

/// Who moves first, the reader or the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Retrieval {
    /// The reader asks for records. All who read the stream in this way share 2 MiB a second of each shard.
    #[default]
    Polling,
    /// The service pushes records to the registered consumer of this name, which has 2 MiB a second of each shard to
    /// itself. It is registered if it is not there.
    FanOut(String),
    /// As `FanOut`, and while that fails as `Polling`.
    Auto(String),
}

/// How a shard is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaderSettings {
    /// How far reading may be ahead of the handler.
    pub prefetch: Prefetch,
    /// Failures in a row that a read may have; any number where this is none. Polling only.
    pub attempts: Option<NonZeroU32>,
    /// First and longest pause after a failed read.
    pub backoff: (Duration, Duration),
    /// Records in one read, 1 to 10,000. Polling only.
    pub limit: usize,
    /// Time between two reads of a shard that has records.
    pub interval: Duration,
    /// Time between two reads of a shard that had none.
    pub idle_interval: Duration,
}

impl Default for ReaderSettings {
    fn default() -> Self {
        Self {
            prefetch: Prefetch::default(),
            attempts: None,
            backoff: limits::FETCH_BACKOFF,
            limit: limits::GET_RECORDS_RECORDS,
            interval: limits::FETCH_INTERVAL,
            idle_interval: limits::IDLE_INTERVAL,
        }
    }
}

/// What a read gave.
#[derive(Debug)]
pub struct SourceFetch {
    /// The records, in order.
    pub records: Vec<Record>,
    /// How far the read was from the tip, in milliseconds.
    pub millis_behind_latest: u64,
    /// Set when the shard has no more to come: the shards that follow it, as far as the service named them.
    pub end: Option<Vec<ChildShard>>,
    /// The memory that it takes of what all reads share.
    pub taken: Taken,
}

/// A shard cannot be read, and waiting does not help.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the shard cannot be read: {0}")]
pub struct ReadError(#[from] pub KinesisError);

/// The source that a pipeline asks for.
pub(super) fn of(pipeline: &Pipeline) -> Arc<dyn Source> {
    let polling = PollingSource {
        kinesis: Arc::clone(&pipeline.kinesis),
        stream: pipeline.settings.stream.clone(),
        settings: pipeline.settings.reader,
        clock: pipeline.clock,
        memory: pipeline.memory.clone(),
    };
    let fan_out = |consumer: &str| FanOutSource::new(pipeline, consumer);
    match &pipeline.settings.retrieval {
        Retrieval::Polling => Arc::new(polling),
        Retrieval::FanOut(consumer) => Arc::new(fan_out(consumer)),
        Retrieval::Auto(consumer) => Arc::new(AutoSource { fan_out: fan_out(consumer), polling }),
    }
}

/// Where in its shard a reader stands.
#[derive(Debug)]
struct Place {
    stream: StreamRef,
    shard: ShardId,
    /// Behind every record that was given out.
    position: Position,
}

impl Place {
    /// Takes note of where a subscription or an iterator was begun that gave nothing so far. Should it break before it
    /// does, another "latest" would pass over what arrived meanwhile. The clock here may be ahead of the service's:
    /// rather some older records than none of those between the two.
    fn begin(&mut self, now: crate::time::UnixMillis) {
        if self.position == Position::Latest {
            self.position = Position::AtTimestamp(now.minus(limits::CLOCK_SKEW));
        }
    }

    fn pass(&mut self, records: &[Record]) {
        if let Some(last) = records.last() {
            self.position = Position::After(last.sequence.clone());
        }
    }

    fn take_in(&mut self, event: SubscriptionEvent) -> SourceFetch {
        let SubscriptionEvent { records, continuation, millis_behind_latest, children } = event;
        match &continuation {
            Some(number) if records.is_empty() => self.position = Position::After(number.clone()),
            _ => self.pass(&records),
        }
        // The service leaves the number out at the end; others only name the children, once there is nothing before
        // them.
        let has_ended = continuation.is_none() || records.is_empty() && !children.is_empty();
        let end = has_ended.then_some(children);
        SourceFetch { records, millis_behind_latest, end, taken: Taken::default() }
    }
}
