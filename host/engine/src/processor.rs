//! The seam to processors: how documents share Kinesis records, both ways.

use std::{fmt, ops::Range};

use async_trait::async_trait;
use bytes::Bytes;
use bytestring::ByteString;
use thiserror::Error;

use crate::{
    batch::Documents,
    hash::{HashKey, HashRange},
    record::Record,
};

pub use tidemill_processors::Sharing;

/// An aggregator and a serializer, many records a call.
///
/// Implementations: [`crate::native::NativeProcessor`] and components. A processor keeps nothing from one call to
/// the next. The futures may be dropped at any await.
#[async_trait]
pub trait Processor: Send + Sync + fmt::Debug {
    /// Which documents may share an entry. The same at every call.
    fn sharing(&self) -> Sharing;

    /// Takes the Kinesis records of one shard apart. Bytes that do not decode become rejections, each with its place.
    async fn decode(&self, records: &[Record], check: HashCheck) -> Result<Decoded, ProcessorError>;

    /// Packs documents, in order, into entries of at most `max_bytes` each, data and key together.
    /// The answer covers every document once, in order. Under [`Sharing::PerShard`] the caller gives documents of one
    /// shard at a time, or one document, and each has a partition key.
    async fn encode(&self, documents: &[Document], max_bytes: usize) -> Result<Vec<Encoded>, ProcessorError>;
}

/// How user records that have keys of their own are held against their shard: an aggregator that did not know the
/// shards may have packed some that belong to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct HashCheck {
    /// The hash keys that the shard takes, where known.
    pub range: Option<HashRange>,
    /// What becomes of a Kinesis record with user records that belong elsewhere.
    pub policy: HashRangePolicy,
}

/// What becomes of a Kinesis record with user records whose hash keys are outside of the shard's range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HashRangePolicy {
    /// They are counted and handled all the same.
    #[default]
    Lenient,
    /// All user records of the Kinesis record are counted and passed over, as the KCL does.
    StrictKcl,
}

/// What Kinesis records held.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The user records, in order.
    pub documents: Documents,
    /// What did not decode, in order.
    pub rejections: Vec<Rejection>,
    /// How many user records have a hash key outside of the shard's range.
    pub misplaced: u64,
    /// How many user records were passed over, because they or some beside them are misplaced.
    pub passed_over: u64,
}

/// Bytes that did not decode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Which of the Kinesis records given.
    pub raw_index: u32,
    /// Which user record in it; 0 also where the Kinesis record as a whole did not decode.
    pub sub_index: u32,
    /// What is wrong with it, for people.
    pub reason: String,
}

/// A document on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The document's bytes.
    pub data: Bytes,
    /// Partition key; without one the producer picks one that spreads documents over all shards.
    pub partition_key: Option<ByteString>,
    /// Decides the shard in place of the partition key's hash.
    pub explicit_hash_key: Option<HashKey>,
}

impl Document {
    /// A document with a partition key: documents of one key go to one shard, in order.
    pub fn keyed(partition_key: impl Into<ByteString>, data: impl Into<Bytes>) -> Self {
        Self { data: data.into(), partition_key: Some(partition_key.into()), explicit_hash_key: None }
    }
}

impl<D: Into<Bytes>> From<D> for Document {
    /// A document without a key: the producer spreads such over all shards.
    fn from(data: D) -> Self {
        Self { data: data.into(), partition_key: None, explicit_hash_key: None }
    }
}

/// What became of a run of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoded {
    /// They share one entry.
    Entry {
        /// The entry's data.
        data: Bytes,
        /// The entry's partition key, if the documents have one.
        partition_key: Option<ByteString>,
        /// The entry's explicit hash key, if the documents have one.
        explicit_hash_key: Option<HashKey>,
        /// Which of the documents given it holds.
        documents: Range<usize>,
    },
    /// This one cannot be put on a stream.
    Refused {
        /// Which of the documents given.
        document: usize,
        /// Why, for people.
        reason: String,
    },
}

/// A processor failed as a whole: a component that trapped, for one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("processor={processor} failed: {message}")]
pub struct ProcessorError {
    /// Which processor.
    pub processor: String,
    /// What happened.
    pub message: String,
}
