//! Subscribes to a shard, polls it while subscribing fails, and tries again after a while.

use async_trait::async_trait;
use tokio::time::Instant;

use super::{
    super::Progress,
    Place, ReadError, Reader, Source, SourceFetch,
    ahead::{self, Way},
    fan_out::{FanOut, FanOutSource},
    polling::{Polling, PollingSource},
};
use crate::{
    backoff::Backoff,
    kinesis::{KinesisError, Position},
    limits,
    record::ShardId,
};

/// Reads the shards of a stream with SubscribeToShard, or else with GetRecords.
#[derive(Debug)]
pub(super) struct AutoSource {
    pub(super) fan_out: FanOutSource,
    pub(super) polling: PollingSource,
}

impl Source for AutoSource {
    fn open(&self, shard: ShardId, position: Position) -> Box<dyn Reader> {
        let place = Place { stream: self.polling.stream.clone(), shard, position };
        let (first, longest) = limits::SUBSCRIPTION_RETURN;
        let auto = Auto {
            fan_out: FanOut::new(self.fan_out.clone()),
            polling: Polling::new(self.polling.clone()),
            return_at: None,
            returns: 0,
            backoff: Backoff::new(first, longest, 0),
        };
        ahead::start(place, auto, self.polling.lead())
    }
}

/// The two ways to read one shard, of which one is in use at a time.
#[derive(Debug)]
struct Auto {
    fan_out: FanOut,
    polling: Polling,
    /// When subscribing is tried again; none while the shard is subscribed to.
    return_at: Option<Instant>,
    /// Attempts in a row to return, until subscriptions last.
    returns: u32,
    backoff: Backoff,
}

impl Auto {
    /// Polls from now on.
    fn fall_back(&mut self, place: &Place, error: &KinesisError) {
        if self.return_at.is_none() {
            tracing::warn!(stream = %place.stream, shard = %place.shard, %error,
                "subscriptions fail; the shard is polled until they do not");
            Progress::count(&self.fan_out.progress().polled_instead, 1);
            self.polling.begin_again();
        }
        self.returns += 1;
        // Polling goes on meanwhile, so nothing is gained by waiting in an attempt.
        let pause = self.backoff.pause(self.returns);
        self.return_at = Some(self.fan_out.ready_at().max(Instant::now() + pause));
    }

    fn take_in(&mut self, place: &Place) {
        if self.fan_out.failures() == 0 {
            self.returns = 0;
        }
        if self.return_at.take().is_some() {
            tracing::info!(stream = %place.stream, shard = %place.shard, "the shard is subscribed to again");
            Progress::count(&self.fan_out.progress().subscribed_again, 1);
        }
    }
}

#[async_trait]
impl Way for Auto {
    async fn read(&mut self, place: &mut Place) -> Result<SourceFetch, ReadError> {
        loop {
            if self.return_at.is_some_and(|at| Instant::now() < at) {
                return self.polling.read(place).await;
            }
            let error = match self.fan_out.attempt(place).await {
                Ok(fetch) => {
                    self.take_in(place);
                    return Ok(fetch);
                }
                Err(error) => error,
            };
            match self.fan_out.pause(error) {
                Ok(_) if self.fan_out.failures() < limits::SUBSCRIPTION_FAILURES => {}
                Ok(error) | Err(ReadError(error)) => self.fall_back(place, &error),
            }
        }
    }
}
