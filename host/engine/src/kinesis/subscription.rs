//! Enhanced fan-out as the engine sees it: registered consumers, and the events that the service pushes to them.

use std::fmt;

use async_trait::async_trait;

use super::{ChildShard, KinesisError};
use crate::{record::Record, sequence::SequenceNumber, time::UnixMillis};

/// A shard's records as the service pushes them. Dropping it cancels the subscription.
///
/// Implementations: the AWS SDK (`tidemill-backends`) and [`memory`](super::memory).
#[async_trait]
pub trait Subscription: Send + fmt::Debug {
    /// The next event; none when the service ended the subscription, as it does after five minutes and behind the
    /// last record of a shard. An event comes every few seconds, with records or without.
    ///
    /// # Errors
    /// The connection broke or the service failed. There is nothing after an error.
    ///
    /// # Cancel safety
    /// Safe: an event that was not given out comes with the next call.
    async fn next(&mut self) -> Option<Result<SubscriptionEvent, KinesisError>>;
}

/// What the service pushes at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionEvent {
    /// The records, in order.
    pub records: Vec<Record>,
    /// How far the subscription got, records or none: another one goes on after this number. None at the shard's end.
    pub continuation: Option<SequenceNumber>,
    /// How far the event is from the tip of the shard, in milliseconds.
    pub millis_behind_latest: u64,
    /// The shards that go on where this one ended; only given at its end.
    pub children: Vec<ChildShard>,
}

/// A consumer that is registered with a stream, and has a rate of its own on every shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConsumer {
    /// Name.
    pub name: String,
    /// ARN.
    pub arn: String,
    /// State.
    pub status: ConsumerStatus,
    /// When it was registered.
    pub created: UnixMillis,
}

/// State of a registered consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumerStatus {
    /// Not usable yet.
    Creating,
    /// In use.
    Active,
    /// Not usable any more.
    Deleting,
}

impl ConsumerStatus {
    /// The service's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Deleting => "DELETING",
        }
    }
}
