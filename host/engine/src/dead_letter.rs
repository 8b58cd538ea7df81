//! The seam to on-failure destinations: where records go that were given up, whole and with their history.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use bytestring::ByteString;
use thiserror::Error;

use crate::{handler::Deployed, hash::HashKey, record::ShardId, sequence::SequenceNumber, time::UnixMillis};

/// Keeps records that were given up, until somebody redrives them.
///
/// Implementations: [`MemoryDeadLetters`]; and in `tidemill-backends` a stream, a file and a list of Redis.
#[async_trait]
pub trait DeadLetters: Send + Sync + fmt::Debug {
    /// Keeps these, in order. After an answer all of them outlive this process; after an error, or when the future is
    /// dropped, some may be kept, and giving them again may keep them twice.
    async fn put(&self, letters: &[DeadLetter]) -> Result<(), DeadLetterError>;
}

/// A record that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The pipeline that gave it up.
    pub pipeline: Arc<str>,
    /// Name of the stream that it was read from.
    pub stream: Arc<str>,
    /// The shard that it was read from.
    pub shard: ShardId,
    /// Sequence number of the Kinesis record that it came in.
    pub sequence: SequenceNumber,
    /// Position inside that Kinesis record.
    pub sub_sequence: u32,
    /// Partition key: the user record's own where its aggregator keeps one, or else that of the Kinesis record.
    pub partition_key: ByteString,
    /// The explicit hash key that it was put with, where that is known.
    pub explicit_hash_key: Option<HashKey>,
    /// When the service took the Kinesis record.
    pub arrival: UnixMillis,
    /// What `data` is.
    pub payload: Payload,
    /// The document, or the Kinesis record's data.
    pub data: Bytes,
    /// How it failed, in one word or a few: such as `trapped`.
    pub kind: String,
    /// What happened, for people.
    pub reason: String,
    /// How often a handler was given it with all that it was batched with; 0 where it did not decode.
    pub attempts: u32,
    /// The component that failed, or gave it up, where it was one.
    pub by: Option<Arc<Deployed>>,
    /// When it was given up.
    pub at: UnixMillis,
}

/// What the data of a dead letter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A document, as the handler was given it.
    Document,
    /// The data of a whole Kinesis record that did not decode, or of which a part did not.
    Record,
}

/// Dead letters were not kept: try again. What went wrong, for people, with the destination in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("dead letters could not be kept: {0}")]
pub struct DeadLetterError(pub String);

/// Keeps dead letters in memory: for tests, and for programs that look at them themselves.
#[derive(Debug, Default)]
pub struct MemoryDeadLetters(Mutex<Vec<DeadLetter>>);

impl MemoryDeadLetters {
    /// All that are kept, oldest first.
    pub fn all(&self) -> Vec<DeadLetter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl DeadLetters for MemoryDeadLetters {
    async fn put(&self, letters: &[DeadLetter]) -> Result<(), DeadLetterError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(letters);
        Ok(())
    }
}
