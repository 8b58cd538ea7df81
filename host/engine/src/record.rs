//! Records as they come off a stream and entries as they go onto one.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use bytestring::ByteString;

use crate::{hash::HashKey, sequence::SequenceNumber, time::UnixMillis};

/// The id of a shard, such as `shardId-000000000003`. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(Arc<str>);

impl ShardId {
    /// The id as the service wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ShardId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl From<String> for ShardId {
    fn from(id: String) -> Self {
        Self(id.into())
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One Kinesis record, as GetRecords gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The record's place in its shard.
    pub sequence: SequenceNumber,
    /// Partition key; empty where the stream's distribution strategy leaves it out.
    pub partition_key: ByteString,
    /// The data, at most the stream's maximum record size.
    pub data: Bytes,
    /// When the service took the record.
    pub arrival: UnixMillis,
}

/// One item of a PutRecords request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The data.
    pub data: Bytes,
    /// Partition key: 1 to 256 characters.
    pub partition_key: ByteString,
    /// Decides the shard in place of the partition key's hash.
    pub explicit_hash_key: Option<HashKey>,
}

impl Entry {
    /// What the entry counts for in every limit of the service, in bytes: data and partition key.
    pub fn size(&self) -> usize {
        self.data.len() + self.partition_key.len()
    }

    /// Where in the hash key space the entry belongs.
    pub fn hash_key(&self) -> HashKey {
        self.explicit_hash_key.unwrap_or_else(|| HashKey::of(&self.partition_key))
    }
}

/// Where the service put an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The shard that took it.
    pub shard: ShardId,
    /// The sequence number it got there.
    pub sequence: SequenceNumber,
}
