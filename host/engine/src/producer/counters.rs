//! What a producer tells of itself.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::time::Instant;

/// What a producer has done since it started, and where it stands.
#[derive(Debug, Default)]
pub struct ProducerCounters {
    /// Documents taken.
    pub documents: AtomicU64,
    /// PutRecords requests sent.
    pub requests: AtomicU64,
    /// Entries the service has acknowledged.
    pub entries: AtomicU64,
    /// Bytes of those entries, keys included.
    pub bytes: AtomicU64,
    /// Entries sent again because the service asked to slow down.
    pub throttled: AtomicU64,
    /// Entries sent again because something failed.
    pub retried: AtomicU64,
    /// Documents whose ticket failed, those in the spool left out.
    pub failed: AtomicU64,
    /// Documents of those that were not on the stream in time.
    pub expired: AtomicU64,
    /// Aggregated entries that landed in another shard than predicted and that some of their documents do not belong
    /// to. Those documents were sent again.
    pub wrong_shard: AtomicU64,
    /// Documents that went to the spool.
    pub spooled: AtomicU64,
    /// Entries of the spool that reached the stream.
    pub recovered: AtomicU64,
    /// Nanoseconds spent on laying documents side by side that may share an entry.
    pub grouping_nanos: AtomicU64,
    /// Nanoseconds spent in the processor.
    pub encoding_nanos: AtomicU64,
    /// Nanoseconds spent on putting entries in line and choosing those of a request.
    pub queueing_nanos: AtomicU64,
    /// Nanoseconds spent on settling entries and the tickets of their documents.
    pub settling_nanos: AtomicU64,
    /// Open shards as far as is known; 0 without a listing. A state, not a sum.
    pub shards: AtomicU64,
    /// Shards that are being sent to more slowly than they may be, because the service throttled. A state, not a sum.
    pub slowed_shards: AtomicU64,
    /// Entries that wait to be sent. A state, not a sum.
    pub waiting_entries: AtomicU64,
}

/// Adds the time since `begun` to a counter. Called once a batch or a request, never once a document.
pub(super) fn spend(counter: &AtomicU64, begun: Instant) {
    counter.fetch_add(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX), Relaxed);
}
