//! Kinesis in memory: a deterministic model of the service.
//!
//! [`Model`] answers every operation as the service documents it and knows nothing of wires: the embedded Kinesis
//! (`tidemill-local-kinesis`) speaks the AWS protocol in front of it, so that real clients check it. It takes no
//! time but its [`Clock`]'s and has no randomness, so the same calls at the same moments give the same answers.
//! [`MemoryKinesis`] is the same model behind the engine's seam.
//!
//! A change of a stream (creating, resharding, deleting) takes effect with the call; what lasts for
//! [`Settings::transition`] is the state that the stream reports and the refusals that come with it.

use std::{sync::Arc, time::Duration};

use crate::{limits, time::Clock};

mod bucket;
mod catalogue;
mod consumers;
mod error;
mod get;
mod image;
mod iterator;
mod journal;
mod list_shards;
mod model;
mod number;
mod properties;
mod put;
mod reshard;
mod seam;
mod shard;
mod stream;
mod subscribe;
mod token;
mod validate;

#[cfg(test)]
mod tests;

pub use catalogue::{CreateStream, StreamNames};
pub use consumers::StreamConsumers;
pub use error::ServiceError;
pub use get::{Fetched, Read};
pub use image::{KeptStream, ShardImage, StreamImage};
pub use journal::{Change, Journal};
pub use list_shards::{ShardQuery, Shards};
pub use model::Model;
pub use number::{Number, Stamp};
pub use put::Place;
pub use reshard::Resharded;
pub use shard::Held;
pub use stream::Description;
pub use subscribe::{Pushed, Subscribed};
pub use validate::{hash_key, sequence_number};

/// What the model needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Account in ARNs: twelve digits.
    pub account: String,
    /// Region in ARNs.
    pub region: String,
    /// Open shards that all streams may have together.
    pub shard_limit: u32,
    /// Whether the service's rates are enforced: writes and reads of a shard, calls of an account.
    pub enforce_limits: bool,
    /// How long a shard iterator may be used.
    pub iterator_life: Duration,
    /// How long a stream reports that it is being created, updated or deleted. Zero: not at all.
    pub transition: Duration,
    /// How long a new stream keeps its records.
    pub retention: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            account: limits::LOCAL_ACCOUNT.to_owned(),
            region: limits::LOCAL_REGION.to_owned(),
            shard_limit: limits::LOCAL_SHARD_LIMIT,
            enforce_limits: false,
            iterator_life: limits::ITERATOR_LIFE,
            transition: Duration::ZERO,
            retention: limits::RETENTION,
        }
    }
}

/// The model behind the seam [`Kinesis`](super::Kinesis).
#[derive(Debug)]
pub struct MemoryKinesis {
    model: Arc<Model>,
}

impl MemoryKinesis {
    /// An account without streams, that forgets everything when it is dropped.
    pub fn new(clock: Clock, settings: Settings) -> Self {
        Self { model: Arc::new(Model::new(clock, settings)) }
    }

    /// An account with the streams that a journal kept, that tells the journal of every change.
    ///
    /// The journal's owner gives back exactly what the journal was told, in any order of streams.
    pub fn restore(
        clock: Clock,
        settings: Settings,
        journal: Arc<dyn Journal>,
        streams: Vec<KeptStream>,
    ) -> Self {
        Self { model: Arc::new(Model::restore(clock, settings, journal, streams)) }
    }

    /// The model, for every operation that the seam does not have.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }
}
