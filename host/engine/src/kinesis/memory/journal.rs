//! What the model tells whoever keeps it on disk.

use std::fmt;

use async_trait::async_trait;

use super::{Held, ServiceError, StreamImage};

/// Something that has to outlive the process.
#[derive(Clone, Debug)]
pub enum Change {
    /// The stream is new, or it or its shards are not as they were. Records come apart from this.
    Stream(StreamImage),
    /// A shard took records.
    Records {
        /// Id of the stream.
        stream: u64,
        /// Number of the shard.
        shard: u32,
        /// Index of the first of them; the others follow without a gap.
        first: u64,
        /// The records.
        records: Vec<Held>,
    },
    /// The records of a shard before an index are too old to be kept.
    Trimmed {
        /// Id of the stream.
        stream: u64,
        /// Number of the shard.
        shard: u32,
        /// Index of the first record that stays.
        before: u64,
    },
    /// The stream is gone with all its records.
    Deleted {
        /// Id of the stream.
        stream: u64,
    },
}

/// Keeps a model on disk. Implementation: `tidemill-local-kinesis`; it is a trait because the engine knows no store.
///
/// Changes of one stream come in the order in which they happened, each from under the stream's lock, so `note`
/// must be quick and must not block. Whoever answers a caller awaits `kept` first: then nothing that anybody has
/// seen, put or read, can be lost, and no number is given out twice.
#[async_trait]
pub trait Journal: Send + Sync + fmt::Debug {
    /// Takes a change.
    fn note(&self, change: Change);

    /// Waits until every change noted so far is on disk; `InternalFailure` when it cannot be put there.
    async fn kept(&self) -> Result<(), ServiceError>;
}
