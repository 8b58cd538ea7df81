//! `tidemill.toml`: what the settings are. Reading them opens nothing but the file itself.
//!
//! `docs/settings.md` documents every key, and a test compares the two. A key that is not known is an error.

mod file;
mod names;
mod units;

use std::{
    collections::BTreeMap, num::NonZeroU32, num::NonZeroUsize, path::PathBuf, str::FromStr, time::Duration,
};

use serde::Deserialize;
use tidemill_engine::{consumer::OnFailure, limits, producer::Ordering, stream::StreamRef};

pub use names::{Name, ProcessorName, Start};

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Leases and checkpoints belong to it.
    pub application: Name,
    /// How long a stopping host may take to finish what it has in hand.
    #[serde(default = "grace", deserialize_with = "units::duration")]
    pub grace: Duration,
    /// Where the streams are.
    #[serde(default)]
    pub kinesis: KinesisConfig,
    /// Where leases and checkpoints are kept.
    #[serde(default)]
    pub leases: LeasesConfig,
    /// What to run, by name.
    pub pipelines: BTreeMap<Name, PipelineConfig>,
}

/// `[kinesis]`: where the streams are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct KinesisConfig {
    /// AWS, a URL, or the embedded Kinesis.
    #[serde(deserialize_with = "units::parsed")]
    pub endpoint: Endpoint,
    /// The AWS region.
    pub region: Option<String>,
    /// The profile in the AWS configuration files.
    pub profile: Option<String>,
    /// Where the embedded Kinesis keeps its streams; without it they are in memory only.
    pub data_dir: Option<PathBuf>,
    /// The port of the embedded Kinesis; 0 for any.
    pub port: u16,
}

/// Where the streams are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Endpoint {
    /// Amazon Kinesis.
    #[default]
    Aws,
    /// Whatever answers there.
    Url(String),
    /// The embedded Kinesis, in this process.
    Embedded,
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "embedded" => Ok(Self::Embedded),
            url if url.starts_with("http://") || url.starts_with("https://") => Ok(Self::Url(url.to_owned())),
            _ => Err(format!(
                "not an endpoint: expected `embedded` or a URL that begins with http:// or https://, got={text:?}"
            )),
        }
    }
}

/// `[leases]`: where leases and checkpoints are kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LeasesConfig {
    /// What keeps them; a file, unless the streams are in memory only too.
    pub store: Option<StoreKind>,
    /// The file.
    pub path: Option<PathBuf>,
    /// How long a lease may stand still before another worker takes it.
    #[serde(deserialize_with = "units::positive_duration")]
    pub failover: Duration,
    /// How long a checkpoint may wait to be written.
    #[serde(deserialize_with = "units::positive_duration")]
    pub checkpoint_interval: Duration,
}

impl Default for LeasesConfig {
    fn default() -> Self {
        Self {
            store: None,
            path: None,
            failover: limits::FAILOVER,
            checkpoint_interval: limits::CHECKPOINT_INTERVAL,
        }
    }
}

/// What keeps leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreKind {
    /// A file on this machine.
    File,
    /// This process; they are gone when it stops.
    Memory,
}

/// `[pipelines.NAME]`: one stream, one handler, the sinks it emits to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PipelineConfig {
    /// What is read.
    pub source: SourceConfig,
    /// What handles it.
    pub handler: HandlerConfig,
    /// Where documents go that name no sink.
    pub sink: Option<SinkConfig>,
    /// Where documents go that name a sink.
    #[serde(default)]
    pub sinks: BTreeMap<Name, SinkConfig>,
    /// What becomes of records that cannot be handled.
    #[serde(default)]
    pub on_failure: OnFailureConfig,
}

impl PipelineConfig {
    /// The streams that it reads and writes, and how each is created if it is missing.
    pub fn streams(&self) -> impl Iterator<Item = (&StreamRef, Option<CreateConfig>)> {
        let sinks = self.sink.iter().chain(self.sinks.values());
        [(&self.source.stream, self.source.create)]
            .into_iter()
            .chain(sinks.map(|sink| (&sink.stream, sink.create)))
    }
}

/// What becomes of records that cannot be handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailureConfig {
    /// Their shard stops before them.
    #[default]
    StopShard,
    /// They are counted and passed over.
    Drop,
}

impl From<OnFailureConfig> for OnFailure {
    fn from(config: OnFailureConfig) -> Self {
        match config {
            OnFailureConfig::StopShard => Self::StopShard,
            OnFailureConfig::Drop => Self::Drop,
        }
    }
}

/// `source`: a stream that is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceConfig {
    /// Name or ARN.
    #[serde(deserialize_with = "units::parsed")]
    pub stream: StreamRef,
    /// Takes its records apart.
    #[serde(default, deserialize_with = "units::parsed")]
    pub processor: ProcessorName,
    /// Where reading starts when there is no checkpoint.
    #[serde(default, deserialize_with = "units::parsed")]
    pub start: Start,
    /// Creates the stream if it is missing.
    pub create: Option<CreateConfig>,
    /// Time between two reads of a shard that has records.
    #[serde(default = "fetch_interval", deserialize_with = "units::positive_duration")]
    pub interval: Duration,
    /// Time between two reads of a shard that had none.
    #[serde(default = "idle_interval", deserialize_with = "units::positive_duration")]
    pub idle_interval: Duration,
    /// How often the stream's shards are listed.
    #[serde(default = "discovery_interval", deserialize_with = "units::positive_duration")]
    pub discovery_interval: Duration,
}

/// `create`: how a stream is created if it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CreateConfig {
    /// Shards to open with.
    pub shards: NonZeroU32,
}

/// `handler`: a component and what it may use.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HandlerConfig {
    /// The component's file.
    pub component: PathBuf,
    /// What the component reads through the interface `configuration`.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// Memory of one instance, in bytes.
    #[serde(default = "memory", deserialize_with = "units::bytes")]
    pub memory: usize,
    /// How long one call may take.
    #[serde(default = "deadline", deserialize_with = "units::positive_duration")]
    pub deadline: Duration,
    /// Records in one call.
    #[serde(default = "batch_records")]
    pub batch_records: NonZeroUsize,
    /// Bytes in one call; a single record may be larger.
    #[serde(default = "batch_bytes", deserialize_with = "units::bytes")]
    pub batch_bytes: usize,
    /// Attempts at a batch.
    #[serde(default = "attempts")]
    pub attempts: NonZeroU32,
}

/// `sink`: a stream that is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// Name or ARN.
    #[serde(deserialize_with = "units::parsed")]
    pub stream: StreamRef,
    /// Packs documents into records.
    #[serde(default, deserialize_with = "units::parsed")]
    pub processor: ProcessorName,
    /// Creates the stream if it is missing.
    pub create: Option<CreateConfig>,
    /// How long a document may wait for company.
    #[serde(default = "linger", deserialize_with = "units::duration")]
    pub linger: Duration,
    /// Bytes of documents held before the handler has to wait.
    #[serde(default = "buffer", deserialize_with = "units::bytes")]
    pub buffer: usize,
    /// PutRecords requests under way at once.
    #[serde(default = "requests")]
    pub requests: NonZeroUsize,
    /// What is promised about the order of documents with one partition key.
    #[serde(default)]
    pub ordering: OrderingConfig,
}

/// What is promised about the order of documents with one partition key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderingConfig {
    /// They stay in order.
    #[default]
    PerKey,
    /// Nothing.
    Relaxed,
}

impl From<OrderingConfig> for Ordering {
    fn from(config: OrderingConfig) -> Self {
        match config {
            OrderingConfig::PerKey => Self::PerKey,
            OrderingConfig::Relaxed => Self::Relaxed,
        }
    }
}

fn grace() -> Duration {
    limits::GRACE
}

fn fetch_interval() -> Duration {
    limits::FETCH_INTERVAL
}

fn idle_interval() -> Duration {
    limits::IDLE_INTERVAL
}

fn discovery_interval() -> Duration {
    limits::DISCOVERY_INTERVAL
}

fn memory() -> usize {
    limits::INSTANCE_BYTES
}

fn deadline() -> Duration {
    limits::HANDLER_DEADLINE
}

fn batch_records() -> NonZeroUsize {
    NonZeroUsize::new(limits::BATCH_RECORDS).expect("the default is not zero")
}

fn batch_bytes() -> usize {
    limits::BATCH_BYTES
}

fn attempts() -> NonZeroU32 {
    NonZeroU32::new(limits::HANDLER_ATTEMPTS).expect("the default is not zero")
}

fn linger() -> Duration {
    limits::LINGER
}

fn buffer() -> usize {
    limits::PRODUCER_BYTES
}

fn requests() -> NonZeroUsize {
    NonZeroUsize::new(limits::PRODUCER_REQUESTS).expect("the default is not zero")
}
