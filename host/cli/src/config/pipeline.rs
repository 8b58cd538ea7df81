//! `[pipelines.NAME]`: what one pipeline reads, what handles it, and where it emits to.

use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use serde::Deserialize;
use tidemill_engine::{
    consumer::{DEFAULT_SINK, OnFailure},
    limits,
    stream::StreamRef,
};

use super::{
    ConsumerName, CreateConfig, Name, ProcessorConfig, RetrievalConfig, SinkConfig, Start,
    processor::ComponentConfig, units,
};

/// `[pipelines.NAME]`: one stream, one handler, the sinks it emits to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table with source, handler and sink")]
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
    /// The sinks, with their names.
    pub fn named_sinks(&self) -> impl Iterator<Item = (&str, &SinkConfig)> {
        let default = self.sink.iter().map(|sink| (DEFAULT_SINK, sink));
        default.chain(self.sinks.iter().map(|(name, sink)| (name.as_str(), sink)))
    }

    /// The files of its components.
    pub fn components(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let sinks = self.sink.iter_mut().chain(self.sinks.values_mut());
        let processors = sinks.map(|sink| &mut sink.producer.processor).chain([&mut self.source.processor]);
        let parts = processors.flat_map(ProcessorConfig::components);
        parts.map(|part: &mut ComponentConfig| &mut part.component).chain([&mut self.handler.component])
    }

    /// The streams that it reads and writes, and how each is created if it is missing.
    pub fn streams(&self) -> impl Iterator<Item = (&StreamRef, Option<CreateConfig>)> {
        let sinks = self.sink.iter().chain(self.sinks.values());
        [(&self.source.stream, self.source.create)]
            .into_iter()
            .chain(sinks.map(|sink| (&sink.stream, sink.producer.create)))
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
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table such as { stream = \"orders\" }"
)]
pub struct SourceConfig {
    /// Name or ARN.
    #[serde(deserialize_with = "units::parsed")]
    pub stream: StreamRef,
    /// Takes its records apart.
    #[serde(default)]
    pub processor: ProcessorConfig,
    /// Where reading starts when there is no checkpoint.
    #[serde(default, deserialize_with = "units::parsed")]
    pub start: Start,
    /// Creates the stream if it is missing.
    pub create: Option<CreateConfig>,
    /// Who moves first, reader or service.
    #[serde(default)]
    pub retrieval: RetrievalConfig,
    /// The registered consumer that is subscribed.
    pub consumer_name: Option<ConsumerName>,
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

/// `handler`: a component and what it may use.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table such as { component = \"filter.wasm\" }"
)]
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
