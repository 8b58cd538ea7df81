//! Reads a shard by subscribing to it, so that the service pushes its records as they come.
//!
//! ```text
//! find the consumer ──▶ subscribe ──▶ events … ──▶ renew, before the service ends it
//!        ▲                  ▲           │ silent, cut, refused, ended early
//!        └── it is gone ────┴── pause ◀─┘
//! ```
//! Each subscription begins behind the last record of the one before. An event that is on its way when a subscription
//! is dropped was not given out, so that the next one has it again.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::{
    super::{Pipeline, Progress},
    Place, ReadError, Reader, Source, SourceFetch,
    ahead::{self, Lead, Way},
    registration::Registration,
};
use crate::{
    backoff::Backoff,
    kinesis::{ErrorKind, Kinesis, KinesisError, Position, Subscription, SubscriptionEvent},
    limits,
    record::ShardId,
    stream::StreamRef,
    time::Clock,
};

/// Reads the shards of a stream with SubscribeToShard.
#[derive(Clone, Debug)]
pub(super) struct FanOutSource {
    kinesis: Arc<dyn Kinesis>,
    stream: StreamRef,
    registration: Arc<Registration>,
    progress: Arc<Progress>,
    clock: Clock,
    backoff: (Duration, Duration),
    lead: Lead,
}

impl FanOutSource {
    pub(super) fn new(pipeline: &Pipeline, consumer: &str) -> Self {
        let (kinesis, stream) = (Arc::clone(&pipeline.kinesis), pipeline.settings.stream.clone());
        Self {
            registration: Arc::new(Registration::new(Arc::clone(&kinesis), stream.clone(), consumer)),
            kinesis,
            stream,
            progress: Arc::clone(&pipeline.progress),
            clock: pipeline.clock,
            backoff: pipeline.settings.reader.backoff,
            lead: Lead { prefetch: pipeline.settings.reader.prefetch, memory: pipeline.memory.clone() },
        }
    }
}

impl Source for FanOutSource {
    fn open(&self, shard: ShardId, position: Position) -> Box<dyn Reader> {
        let place = Place { stream: self.stream.clone(), shard, position };
        ahead::start(place, FanOut::new(self.clone()), self.lead.clone())
    }
}

/// The subscriptions to one shard, one after the other.
#[derive(Debug)]
pub(super) struct FanOut {
    source: FanOutSource,
    live: Option<Live>,
    /// Attempts in a row that failed, until one is proven.
    failures: u32,
    backoff: Backoff,
    next_attempt: Instant,
}

impl FanOut {
    pub(super) fn new(source: FanOutSource) -> Self {
        let (first, longest) = source.backoff;
        let backoff = Backoff::new(first, longest, 0);
        Self { source, live: None, failures: 0, backoff, next_attempt: Instant::now() }
    }

    /// Where switches are counted.
    pub(super) fn progress(&self) -> &Progress {
        &self.source.progress
    }

    /// How many attempts in a row failed.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// When the next subscription may be begun.
    pub(super) fn ready_at(&self) -> Instant {
        self.next_attempt
    }

    /// One attempt at an event: subscribes where there is no subscription, and renews one that is due.
    pub(super) async fn attempt(&mut self, place: &mut Place) -> Result<SourceFetch, KinesisError> {
        loop {
            // A subscription that failed is dropped with the error.
            let mut live = match self.live.take() {
                Some(live) => live,
                None => self.subscribe(place).await?,
            };
            let event = live.next().await?;
            if live.is_proven() {
                self.forgive(place);
            }
            if let Some(event) = event {
                self.live = Some(live);
                return Ok(place.take_in(event));
            }
            if !live.is_proven() {
                return Err(failure("the subscription ended early".to_owned()));
            }
        }
    }

    /// Takes note of a failed attempt and decides when the next one is; the error itself when waiting cannot help.
    pub(super) fn pause(&mut self, error: KinesisError) -> Result<KinesisError, ReadError> {
        self.failures += 1;
        // What is not found may be the consumer alone, which is registered again.
        let may_be_consumer =
            error.kind == ErrorKind::NotFound && self.failures < limits::SUBSCRIPTION_FAILURES;
        if !error.is_retryable() && !may_be_consumer {
            return Err(error.into());
        }
        let pause = match error.kind {
            ErrorKind::Busy => limits::SUBSCRIBE_AGAIN,
            _ => self.backoff.pause(self.failures),
        };
        self.next_attempt = self.next_attempt.max(Instant::now() + pause);
        Ok(error)
    }

    async fn subscribe(&mut self, place: &mut Place) -> Result<Live, KinesisError> {
        sleep_until(self.next_attempt).await;
        let FanOutSource { kinesis, registration, progress, clock, .. } = &self.source;
        let arn = registration.arn().await?;
        let now = clock.now();
        let subscribing = kinesis.subscribe_to_shard(&arn, &place.shard, &place.position);
        let subscribed = timeout(limits::SUBSCRIPTION_SILENCE, subscribing).await;
        match subscribed.unwrap_or_else(|_| Err(silence())) {
            Ok(subscription) => {
                place.begin(now);
                Progress::count(&progress.subscriptions, 1);
                let since = Instant::now();
                self.next_attempt = since + limits::SUBSCRIBE_AGAIN;
                Ok(Live { subscription, since })
            }
            Err(error) => {
                if error.kind == ErrorKind::NotFound {
                    registration.forget(&arn).await;
                }
                Err(error)
            }
        }
    }

    fn forgive(&mut self, place: &Place) {
        if self.failures > 0 {
            let failures = self.failures;
            tracing::info!(stream = %place.stream, shard = %place.shard, failures, "subscriptions last again");
            self.failures = 0;
        }
    }
}

#[async_trait]
impl Way for FanOut {
    async fn read(&mut self, place: &mut Place) -> Result<SourceFetch, ReadError> {
        loop {
            let error = match self.attempt(place).await {
                Ok(fetch) => return Ok(fetch),
                Err(error) => self.pause(error)?,
            };
            if self.failures == 1 || self.failures.is_multiple_of(10) {
                tracing::warn!(stream = %place.stream, shard = %place.shard, failures = self.failures, %error,
                    "a subscription failed and is tried again");
            }
        }
    }
}

/// A subscription that is being read.
#[derive(Debug)]
struct Live {
    subscription: Box<dyn Subscription>,
    since: Instant,
}

impl Live {
    /// The next event; none when the subscription is over or is to be renewed. A subscription that is silent has
    /// failed: the service says something every few seconds.
    async fn next(&mut self) -> Result<Option<SubscriptionEvent>, KinesisError> {
        let renewal = self.since + limits::SUBSCRIPTION_RENEWAL;
        let silent = Instant::now() + limits::SUBSCRIPTION_SILENCE;
        match timeout_at(silent.min(renewal), self.subscription.next()).await {
            Ok(event) => event.transpose(),
            Err(_) if renewal <= silent => Ok(None),
            Err(_) => Err(silence()),
        }
    }

    fn is_proven(&self) -> bool {
        self.since.elapsed() >= limits::SUBSCRIPTION_PROVEN
    }
}

fn silence() -> KinesisError {
    failure(format!("nothing came, wait_s={}", limits::SUBSCRIPTION_SILENCE.as_secs()))
}

fn failure(message: String) -> KinesisError {
    KinesisError { kind: ErrorKind::Unavailable, operation: "SubscribeToShard", message }
}
