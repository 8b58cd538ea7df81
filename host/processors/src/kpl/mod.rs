//! The aggregated record of the Kinesis Producer Library: a magic number, a protobuf message, its MD5.
//!
//! Its fields: 1 the table of partition keys, 2 the table of explicit hash keys, 3 the user records. A user record's:
//! 1 the number of its partition key, 2 that of its explicit hash key, 3 its data, 4 its tags. A tag's: 1 key, 2 value.

mod digest;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use read::{are_sealed, split};
pub(crate) use write::AggregatedRecord;

use digest::{Digest, digests};

/// What an aggregated record begins with.
const MAGIC: [u8; 4] = [0xF3, 0x89, 0x9A, 0xC2];
/// The partition key of a document without one, as async-kinesis has it, and the one of every entry, as the KPL does.
pub(crate) const KEY: &str = "a";

/// Where the service puts what has this partition key: its MD5, big-endian.
pub(crate) fn hash_key(partition_key: &str) -> u128 {
    u128::from_be_bytes(digests(&[partition_key.as_bytes()])[0])
}
