//! Reads a shard by asking for its records, at the pace that the service allows.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::{Instant, sleep_until};

use super::{
    Lead, Place, ReadError, ReadMemory, Reader, ReaderSettings, Source, SourceFetch, Taken,
    ahead::{self, Way},
};
use crate::{
    backoff::Backoff,
    bugs::{Bug, planted},
    kinesis::{ErrorKind, Fetch, Kinesis, KinesisError, Position, ShardIterator},
    limits,
    record::ShardId,
    stream::StreamRef,
    time::Clock,
};

/// Reads the shards of a stream with GetRecords.
#[derive(Clone, Debug)]
pub(super) struct PollingSource {
    pub(super) kinesis: Arc<dyn Kinesis>,
    pub(super) stream: StreamRef,
    pub(super) settings: ReaderSettings,
    pub(super) clock: Clock,
    pub(super) memory: ReadMemory,
}

impl PollingSource {
    pub(super) fn lead(&self) -> Lead {
        Lead { prefetch: self.settings.prefetch, memory: self.memory.clone() }
    }
}

impl Source for PollingSource {
    fn open(&self, shard: ShardId, position: Position) -> Box<dyn Reader> {
        let place = Place { stream: self.stream.clone(), shard, position };
        ahead::start(place, Polling::new(self.clone()), self.lead())
    }
}

/// The polling of one shard.
#[derive(Debug)]
pub(super) struct Polling {
    source: PollingSource,
    iterator: Option<ShardIterator>,
    backoff: Backoff,
    failures: u32,
    next_read: Instant,
}

impl Polling {
    pub(super) fn new(source: PollingSource) -> Self {
        let (first, longest) = source.settings.backoff;
        let backoff = Backoff::new(first, longest, 0);
        Self { source, iterator: None, backoff, failures: 0, next_read: Instant::now() }
    }

    /// Has the next read begin where its place says, because something else has read meanwhile.
    pub(super) fn begin_again(&mut self) {
        self.iterator = None;
    }

    async fn read_once(&mut self, place: &mut Place) -> Result<Fetch, KinesisError> {
        let PollingSource { kinesis, settings, clock, .. } = &self.source;
        if self.iterator.is_none() {
            let now = clock.now();
            let iterator = kinesis.get_shard_iterator(&place.stream, &place.shard, &place.position).await?;
            self.iterator = Some(iterator);
            place.begin(now);
        }
        let iterator = self.iterator.as_ref().expect("an iterator was just made sure of");
        kinesis.get_records(&place.stream, iterator, settings.limit).await
    }

    fn take_in(&mut self, place: &mut Place, fetch: Fetch, taken: Taken) -> SourceFetch {
        if self.failures > 0 {
            let failures = self.failures;
            tracing::info!(stream = %place.stream, shard = %place.shard, failures, "reading goes on");
            self.failures = 0;
        }
        let caught_up = fetch.records.is_empty() && fetch.millis_behind_latest == 0;
        let ReaderSettings { interval, idle_interval, .. } = self.source.settings;
        self.next_read = Instant::now() + if caught_up { idle_interval } else { interval };
        place.pass(&fetch.records);
        let end = fetch.next.is_none().then_some(fetch.children);
        self.iterator = fetch.next;
        SourceFetch { records: fetch.records, millis_behind_latest: fetch.millis_behind_latest, end, taken }
    }

    fn has_failed_too_often(&self) -> bool {
        self.source.settings.attempts.is_some_and(|attempts| self.failures + 1 >= attempts.get())
    }

    fn pause(&mut self, place: &Place, error: &KinesisError) {
        self.failures += 1;
        if self.failures == 1 || self.failures.is_multiple_of(10) {
            tracing::warn!(stream = %place.stream, shard = %place.shard, failures = self.failures, %error,
                "a read failed and is tried again");
        }
        self.next_read = Instant::now() + self.backoff.pause(self.failures);
    }
}

#[async_trait]
impl Way for Polling {
    async fn read(&mut self, place: &mut Place) -> Result<SourceFetch, ReadError> {
        loop {
            sleep_until(self.next_read).await;
            let taken = self.source.memory.take(limits::GET_RECORDS_BYTES).await;
            match self.read_once(place).await {
                Ok(fetch) => return Ok(self.take_in(place, fetch, taken)),
                Err(error) if error.kind == ErrorKind::ExpiredIterator => {
                    self.iterator = None;
                    if planted(Bug::IteratorPastUndelivered) {
                        place.position = Position::Latest;
                    }
                }
                Err(error) if error.is_retryable() && !self.has_failed_too_often() => {
                    drop(taken);
                    self.pause(place, &error);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
