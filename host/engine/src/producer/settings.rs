//! How a producer works: what people set, and what they are told after each request.

use std::{fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use super::spool::Spool;
use crate::{kinesis::StreamMode, limits};

/// How a producer works. The defaults are those of `limits.rs`.
#[derive(Clone, Debug)]
pub struct ProducerSettings {
    /// How long a document may wait for company.
    pub linger: Duration,
    /// Bytes of documents held before `put` waits, keys included.
    pub bytes: usize,
    /// Documents held before `put` waits.
    pub documents: usize,
    /// PutRecords requests under way at once.
    pub requests: NonZeroUsize,
    /// Attempts at one entry before its ticket fails, or before it goes to the spool.
    pub attempts: u32,
    /// First and longest pause before an entry is sent again; between them the pause doubles.
    pub backoff: (Duration, Duration),
    /// What is promised about the order of entries.
    pub ordering: Ordering,
    /// Largest entry that the stream takes, data and key, in bytes. [`Producer::open`](super::Producer::open) takes
    /// it from the stream unless `skip_describe` is set.
    pub max_record_bytes: usize,
    /// Entries in one request, 1 to 500.
    pub request_entries: usize,
    /// Bytes in one request, data and keys together, at most 10 MiB. One entry goes however large it is.
    pub request_bytes: usize,
    /// What one shard is sent at the most; none: as much as there is, until the service throttles.
    pub shard_rate: Option<ShardRate>,
    /// How long after its `put` a document is still worth sending; none: as long as there are attempts left.
    pub record_ttl: Option<Duration>,
    /// Where entries go that did not reach the stream in time.
    pub spool: Option<Arc<dyn Spool>>,
    /// Called after every PutRecords request.
    pub on_flush: Option<FlushCallback>,
    /// [`Producer::open`](super::Producer::open) creates a missing stream like this.
    pub create: Option<StreamMode>,
    /// [`Producer::open`](super::Producer::open) does not describe the stream: for callers who may not. Then nobody
    /// sees that a stream takes larger records, or distributes them by itself. With `create` it is described all
    /// the same.
    pub skip_describe: bool,
    /// Decides partition keys for documents without one, and jitter. Producers of one process should differ.
    pub seed: u64,
}

impl Default for ProducerSettings {
    fn default() -> Self {
        Self {
            linger: limits::LINGER,
            bytes: limits::PRODUCER_BYTES,
            documents: limits::PRODUCER_DOCUMENTS,
            requests: NonZeroUsize::new(limits::PRODUCER_REQUESTS).expect("the default is not zero"),
            attempts: limits::PUT_ATTEMPTS,
            backoff: limits::PUT_BACKOFF,
            ordering: Ordering::PerKey,
            max_record_bytes: limits::RECORD_BYTES,
            request_entries: limits::PUT_RECORDS_ENTRIES,
            request_bytes: limits::PUT_RECORDS_BYTES,
            shard_rate: Some(ShardRate::default()),
            record_ttl: None,
            spool: None,
            on_flush: None,
            create: None,
            skip_describe: false,
            seed: 0,
        }
    }
}

/// What is promised about the order of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Ordering {
    /// Entries of one partition key reach the stream in the order they were put, whatever fails on the way. One
    /// key has one entry under way at a time, so a key that is most of the traffic goes slowly unless an aggregator
    /// packs its documents.
    #[default]
    PerKey,
    /// None: an entry that failed comes after those that did not.
    Relaxed,
}

/// What one shard is sent in a second at the most. The default is what the service takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardRate {
    /// Entries.
    pub records_per_second: u32,
    /// Bytes of data and keys.
    pub bytes_per_second: usize,
}

impl Default for ShardRate {
    fn default() -> Self {
        Self {
            records_per_second: limits::SHARD_WRITE_RECORDS_PER_SECOND,
            bytes_per_second: limits::SHARD_WRITE_BYTES_PER_SECOND,
        }
    }
}

/// Called after every PutRecords request has settled, on the producer's task: it must not block.
#[derive(Clone)]
pub struct FlushCallback(Arc<dyn Fn(&Flush) + Send + Sync>);

impl FlushCallback {
    /// Wraps a function.
    pub fn new(callback: impl Fn(&Flush) + Send + Sync + 'static) -> Self {
        Self(Arc::new(callback))
    }

    pub(super) fn call(&self, flush: &Flush) {
        (self.0)(flush);
    }
}

impl fmt::Debug for FlushCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlushCallback")
    }
}

/// One PutRecords request that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flush {
    /// Entries sent.
    pub entries: usize,
    /// Documents in them.
    pub documents: usize,
    /// Bytes sent, data and keys.
    pub bytes: usize,
    /// Entries that the service did not take.
    pub failed_entries: usize,
    /// How long the call took.
    pub duration: Duration,
}
