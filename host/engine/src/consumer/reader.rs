//! Reads one shard by polling, from a position on, at the pace the service allows.
//!
//! Expired iterators, throttles and a service that is away are ordinary: the reader waits and goes on after the last
//! record it gave out. Only what cannot pass by itself comes out as an error.

use std::{sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    backoff::Backoff,
    bugs::{Bug, planted},
    kinesis::{ChildShard, ErrorKind, Fetch, Kinesis, KinesisError, Position, ShardIterator},
    limits,
    record::{Record, ShardId},
    stream::StreamRef,
    task::{self, Task},
    time::Clock,
};

/// How a reader reads.
#[derive(Clone, Copy, Debug)]
pub struct ReaderSettings {
    /// Records in one read, 1 to 10,000.
    pub limit: usize,
    /// Time between two reads of a shard that has records.
    pub interval: Duration,
    /// Time between two reads of a shard that had none.
    pub idle_interval: Duration,
}

impl Default for ReaderSettings {
    fn default() -> Self {
        Self {
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
}

/// A shard cannot be read, and waiting does not help.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the shard cannot be read: {0}")]
pub struct ReadError(#[from] pub KinesisError);

/// Reads one shard. Its task stays one read ahead of whoever calls [`PollingReader::next`] and stops when dropped.
#[derive(Debug)]
pub struct PollingReader {
    fetches: mpsc::Receiver<Result<SourceFetch, ReadError>>,
    _task: Task<()>,
}

impl PollingReader {
    /// Starts reading a shard at a position.
    pub fn start(
        kinesis: Arc<dyn Kinesis>,
        stream: StreamRef,
        shard: ShardId,
        position: Position,
        settings: ReaderSettings,
        clock: Clock,
    ) -> Self {
        let (sender, fetches) = mpsc::channel(1);
        let (first, longest) = limits::FETCH_BACKOFF;
        let polling = Polling {
            kinesis,
            stream,
            shard,
            position,
            iterator: None,
            settings,
            clock,
            backoff: Backoff::new(first, longest, 0),
            failures: 0,
            next_read: Instant::now(),
        };
        Self { fetches, _task: task::spawn("reader", polling.run(sender)) }
    }

    /// The next read that gave records, or that shows how far behind the shard is, or that ends it. None after the
    /// end and after an error.
    ///
    /// # Cancel safety
    /// Safe: a read that was not taken is there for the next call.
    pub async fn next(&mut self) -> Option<Result<SourceFetch, ReadError>> {
        self.fetches.recv().await
    }
}

struct Polling {
    kinesis: Arc<dyn Kinesis>,
    stream: StreamRef,
    shard: ShardId,
    /// Where the next iterator stands: behind every record that was given out.
    position: Position,
    iterator: Option<ShardIterator>,
    settings: ReaderSettings,
    clock: Clock,
    backoff: Backoff,
    failures: u32,
    next_read: Instant,
}

impl Polling {
    async fn run(mut self, sender: mpsc::Sender<Result<SourceFetch, ReadError>>) {
        // A place is reserved before reading, so that no more than one read waits to be taken.
        while let Ok(place) = sender.reserve().await {
            match self.read().await {
                Ok(fetch) => {
                    let is_last = fetch.end.is_some();
                    place.send(Ok(fetch));
                    if is_last {
                        return;
                    }
                }
                Err(error) => return place.send(Err(error)),
            }
        }
    }

    /// Reads until the service answers, however often that takes.
    async fn read(&mut self) -> Result<SourceFetch, ReadError> {
        loop {
            sleep_until(self.next_read).await;
            match self.read_once().await {
                Ok(fetch) => return Ok(self.take_in(fetch)),
                Err(error) if error.kind == ErrorKind::ExpiredIterator => {
                    self.iterator = None;
                    if planted(Bug::IteratorPastUndelivered) {
                        self.position = Position::Latest;
                    }
                }
                Err(error) if error.is_retryable() => self.pause(&error),
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn read_once(&mut self) -> Result<Fetch, KinesisError> {
        if self.iterator.is_none() {
            let now = self.clock.now();
            let iterator = self.kinesis.get_shard_iterator(&self.stream, &self.shard, &self.position).await?;
            self.iterator = Some(iterator);
            if self.position == Position::Latest {
                // Should this iterator expire before it gave a record, another "latest" would pass over what
                // arrived meanwhile.
                self.position = Position::AtTimestamp(now);
            }
        }
        let iterator = self.iterator.as_ref().expect("an iterator was just made sure of");
        self.kinesis.get_records(&self.stream, iterator, self.settings.limit).await
    }

    fn take_in(&mut self, fetch: Fetch) -> SourceFetch {
        if self.failures > 0 {
            tracing::info!(stream = %self.stream, shard = %self.shard, failures = self.failures, "reading goes on");
            self.failures = 0;
        }
        let caught_up = fetch.records.is_empty() && fetch.millis_behind_latest == 0;
        let pause = if caught_up { self.settings.idle_interval } else { self.settings.interval };
        self.next_read = Instant::now() + pause;
        if let Some(last) = fetch.records.last() {
            self.position = Position::After(last.sequence.clone());
        }
        let end = fetch.next.is_none().then_some(fetch.children);
        self.iterator = fetch.next;
        SourceFetch { records: fetch.records, millis_behind_latest: fetch.millis_behind_latest, end }
    }

    fn pause(&mut self, error: &KinesisError) {
        self.failures += 1;
        let pause = self.backoff.pause(self.failures);
        if self.failures == 1 || self.failures.is_multiple_of(10) {
            tracing::warn!(stream = %self.stream, shard = %self.shard, failures = self.failures, %error,
                "a read failed and is tried again");
        }
        self.next_read = Instant::now() + pause;
    }
}
