//! The seam to Amazon Kinesis: the calls that the engine makes, named as AWS names them.

use std::fmt;

use async_trait::async_trait;
use bytestring::ByteString;

use crate::{
    hash::HashRange,
    record::{Entry, Placed, Record, ShardId},
    sequence::SequenceNumber,
    stream::StreamRef,
    time::UnixMillis,
};

#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod error;
pub mod faults;
pub mod memory;
mod streams;
mod subscription;

pub use error::{EntryError, ErrorKind, KinesisError};
pub use streams::{StreamError, create_stream, ensure_stream};
pub use subscription::{ConsumerStatus, StreamConsumer, Subscription, SubscriptionEvent};

/// A Kinesis endpoint.
///
/// Implementations: the AWS SDK (`tidemill-backends`) and [`memory::MemoryKinesis`]. Calls are made once a batch or
/// less often. Implementations do not retry: the caller knows what a failure means for its shard or entry and
/// [`KinesisError`] tells whether trying again can help. Every future may be dropped at any await; a write that was
/// dropped may have happened.
#[async_trait]
pub trait Kinesis: Send + Sync + fmt::Debug {
    /// Creates a stream; it exists when `describe_stream_summary` calls it active.
    async fn create_stream(&self, stream: &StreamRef, mode: StreamMode) -> Result<(), KinesisError>;

    /// Deletes a stream with all its records.
    async fn delete_stream(&self, stream: &StreamRef) -> Result<(), KinesisError>;

    /// The names of the streams, in order, after the name given; a page that is not the last says so.
    async fn list_streams(&self, after: Option<&str>) -> Result<StreamPage, KinesisError>;

    /// The stream's state in short.
    async fn describe_stream_summary(&self, stream: &StreamRef) -> Result<StreamSummary, KinesisError>;

    /// One page of the stream's shards; [`list_all_shards`] follows the pages.
    async fn list_shards(
        &self,
        stream: &StreamRef,
        filter: ShardFilter,
        token: Option<&str>,
    ) -> Result<ShardPage, KinesisError>;

    /// An iterator that stands at a position of a shard. It may be used for five minutes.
    async fn get_shard_iterator(
        &self,
        stream: &StreamRef,
        shard: &ShardId,
        position: &Position,
    ) -> Result<ShardIterator, KinesisError>;

    /// Up to `limit` records (1 to 10,000) from an iterator on, in order, at most 10 MiB of them.
    async fn get_records(
        &self,
        stream: &StreamRef,
        iterator: &ShardIterator,
        limit: usize,
    ) -> Result<Fetch, KinesisError>;

    /// Puts 1 to 500 entries. An `Ok` has one result an entry, in their order: each settles on its own.
    async fn put_records(
        &self,
        stream: &StreamRef,
        entries: &[Entry],
    ) -> Result<Vec<Result<Placed, EntryError>>, KinesisError>;

    /// Registers a consumer of a stream, by the stream's ARN and a name of its own. It may be used once
    /// `describe_stream_consumer` calls it active. A name that is taken is [`ErrorKind::Exists`].
    async fn register_stream_consumer(
        &self,
        stream_arn: &str,
        name: &str,
    ) -> Result<StreamConsumer, KinesisError>;

    /// A registered consumer, by the stream's ARN and its name.
    async fn describe_stream_consumer(
        &self,
        stream_arn: &str,
        name: &str,
    ) -> Result<StreamConsumer, KinesisError>;

    /// Deregisters a consumer; its subscriptions end.
    async fn deregister_stream_consumer(&self, stream_arn: &str, name: &str) -> Result<(), KinesisError>;

    /// Has the records of a shard pushed to a registered consumer, by the consumer's ARN, for up to five minutes.
    /// Another call for the same consumer and shard is [`ErrorKind::Busy`] for five seconds, and then takes over.
    async fn subscribe_to_shard(
        &self,
        consumer_arn: &str,
        shard: &ShardId,
        position: &Position,
    ) -> Result<Box<dyn Subscription>, KinesisError>;
}

/// All shards of a stream that the filter names, over all pages.
///
/// # Cancel safety
/// Safe: nothing is changed.
pub async fn list_all_shards(
    kinesis: &dyn Kinesis,
    stream: &StreamRef,
    filter: ShardFilter,
) -> Result<Vec<Shard>, KinesisError> {
    let mut shards = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let page = kinesis.list_shards(stream, filter.clone(), token.as_deref()).await?;
        shards.extend(page.shards);
        token = page.next;
        if token.is_none() {
            return Ok(shards);
        }
    }
}

/// How a stream's capacity is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamMode {
    /// This many shards.
    Provisioned {
        /// Shards to open with, at least 1.
        shards: u32,
    },
    /// The service scales the stream.
    OnDemand,
}

/// One page of stream names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPage {
    /// The names.
    pub names: Vec<String>,
    /// Whether there are more.
    pub more: bool,
}

/// The stream's state in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSummary {
    /// Name.
    pub name: String,
    /// ARN.
    pub arn: String,
    /// State.
    pub status: StreamStatus,
    /// Shards that take records.
    pub open_shards: u32,
    /// Whether the service scales the stream.
    pub on_demand: bool,
    /// Who decides which shard a record goes to.
    pub distribution: Distribution,
    /// How long records are kept, in hours.
    pub retention_hours: u32,
    /// Largest record it takes, data and key, in bytes.
    pub max_record_bytes: usize,
    /// When it was created.
    pub created: UnixMillis,
}

/// Who decides which shard of a stream a record goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Distribution {
    /// Partition keys and explicit hash keys do.
    #[default]
    UserPartitionKey,
    /// The service does, and ignores both.
    Auto,
}

/// State of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamStatus {
    /// Not usable yet.
    Creating,
    /// Not usable any more.
    Deleting,
    /// In use.
    Active,
    /// In use while its shards change.
    Updating,
}

impl StreamStatus {
    /// The service's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Deleting => "DELETING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
        }
    }
}

/// A shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Id.
    pub id: ShardId,
    /// The shard that this one was split from, or one of the two it was merged from.
    pub parent: Option<ShardId>,
    /// The other shard that this one was merged from.
    pub adjacent_parent: Option<ShardId>,
    /// Hash keys that it takes.
    pub range: HashRange,
    /// Lowest sequence number that a record of it can have.
    pub starting_sequence: SequenceNumber,
    /// Highest one; none while the shard is open.
    pub ending_sequence: Option<SequenceNumber>,
}

/// One page of shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardPage {
    /// The shards, by id.
    pub shards: Vec<Shard>,
    /// Token of the next page; none on the last.
    pub next: Option<String>,
}

/// Which shards to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShardFilter {
    /// All that the service still knows: no filter at all.
    All,
    /// Those after this id.
    AfterShard(ShardId),
    /// Those that were open at the oldest record still kept.
    AtTrimHorizon,
    /// All that still hold records.
    FromTrimHorizon,
    /// Those open now.
    AtLatest,
    /// Those open at a moment.
    AtTimestamp(UnixMillis),
    /// Those open at a moment or opened later.
    FromTimestamp(UnixMillis),
}

/// Where in a shard to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// The oldest record still kept.
    TrimHorizon,
    /// After the newest record.
    Latest,
    /// The first record that arrived at this moment or later.
    AtTimestamp(UnixMillis),
    /// The record with this number.
    At(SequenceNumber),
    /// The first record after the one with this number.
    After(SequenceNumber),
}

/// A shard iterator; only the endpoint that gave it knows what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardIterator(pub String);

/// What one read of a shard gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The records, in order.
    pub records: Vec<Record>,
    /// Where to go on; none when the shard is closed and was read to its end.
    pub next: Option<ShardIterator>,
    /// How far the read was from the tip of the shard, in milliseconds.
    pub millis_behind_latest: u64,
    /// The shards that go on where this one ended; only given at its end, and even then not by every endpoint.
    pub children: Vec<ChildShard>,
}

/// A shard that goes on where another ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildShard {
    /// Id.
    pub id: ShardId,
    /// The shards it came from: one after a split, two after a merge.
    pub parents: Vec<ShardId>,
    /// Hash keys that it takes.
    pub range: HashRange,
}

/// Whether the service would take this as a partition key: 1 to 256 characters.
pub fn is_valid_partition_key(key: &ByteString) -> bool {
    let longest = crate::limits::PARTITION_KEY_CHARS;
    !key.is_empty() && (key.len() <= longest || key.chars().count() <= longest)
}
