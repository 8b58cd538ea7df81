//! `sink` and what it shares with the streams of ingest: how documents get onto a stream.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use serde::Deserialize;
use tidemill_engine::{
    kinesis::StreamMode,
    limits,
    producer::{Ordering, ProducerSettings, ShardRate},
    stream::StreamRef,
};

use super::{ProcessorConfig, units};

/// `sink`: a stream that is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Keys")]
pub struct SinkConfig {
    /// Name or ARN.
    pub stream: StreamRef,
    /// How documents get onto it.
    pub producer: ProducerConfig,
}

impl TryFrom<Keys> for SinkConfig {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        if keys.spool.is_some() || keys.spool_limit.is_some() {
            return Err("a sink has no spool: its pipeline waits, and what it has not read is safe in the \
                        stream it reads"
                .to_owned());
        }
        let stream = keys.stream.clone().ok_or("missing field `stream`")?;
        Ok(Self { stream, producer: keys.try_into()? })
    }
}

/// How documents get onto a stream.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    /// Packs documents into records.
    pub processor: ProcessorConfig,
    /// Creates the stream if it is missing.
    pub create: Option<CreateConfig>,
    /// Entries a second that one shard is sent; 0 for no limit, none for what fits the endpoint.
    records_per_second: Option<u32>,
    /// Bytes a second, likewise.
    bytes_per_second: Option<usize>,
    /// All that does not depend on the surroundings.
    settings: ProducerSettings,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self::try_from(Keys::default()).expect("the defaults do not contradict each other")
    }
}

impl ProducerConfig {
    /// The defaults with a processor.
    pub fn of(processor: ProcessorConfig) -> Self {
        Self { processor, ..Self::default() }
    }

    /// What a producer is told, for an endpoint that by itself takes so much from a producer.
    pub fn settings(&self, rate: Option<ShardRate>, seed: u64) -> ProducerSettings {
        let none = ShardRate { records_per_second: 0, bytes_per_second: 0 };
        let default = rate.unwrap_or(none);
        let records = self.records_per_second.unwrap_or(default.records_per_second);
        let bytes = self.bytes_per_second.unwrap_or(default.bytes_per_second);
        let shard_rate = (records > 0 || bytes > 0).then_some(ShardRate {
            records_per_second: if records > 0 { records } else { u32::MAX },
            bytes_per_second: if bytes > 0 { bytes } else { usize::MAX },
        });
        ProducerSettings { shard_rate, seed, ..self.settings.clone() }
    }

    /// Bytes of documents that it may hold.
    pub fn buffer(&self) -> usize {
        self.settings.bytes
    }

    /// The same, creating the stream if it is missing.
    #[must_use]
    pub fn creating(self, create: CreateConfig) -> Self {
        Self { create: Some(create), ..self.with(|settings| settings.create = Some(create.into())) }
    }

    /// The same with some of the settings changed: for flags.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut ProducerSettings)) -> Self {
        change(&mut self.settings);
        self
    }
}

/// `create`: how a stream is created if it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table such as { shards = 4 }")]
pub struct CreateConfig {
    /// Shards to open with.
    pub shards: NonZeroU32,
}

impl From<CreateConfig> for StreamMode {
    fn from(create: CreateConfig) -> Self {
        Self::Provisioned { shards: create.shards.get() }
    }
}

/// The keys of a stream that is written, whoever writes it. They are in one place, because an unknown key is told
/// only by the struct that is read, not by one that is flattened into it.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table such as { stream = \"orders\" }",
    default
)]
pub(super) struct Keys {
    #[serde(deserialize_with = "units::optional")]
    pub stream: Option<StreamRef>,
    processor: ProcessorConfig,
    create: Option<CreateConfig>,
    #[serde(deserialize_with = "units::optional_duration_or_zero")]
    linger: Option<Duration>,
    #[serde(deserialize_with = "units::optional_bytes")]
    buffer: Option<usize>,
    queue: Option<NonZeroUsize>,
    batch_size: Option<NonZeroUsize>,
    #[serde(deserialize_with = "units::optional_bytes")]
    request_bytes: Option<usize>,
    records_per_second: Option<u32>,
    #[serde(deserialize_with = "units::bytes_or_zero")]
    bytes_per_second: Option<usize>,
    requests: Option<NonZeroUsize>,
    attempts: Option<NonZeroU32>,
    #[serde(deserialize_with = "units::optional_duration")]
    backoff: Option<Duration>,
    #[serde(deserialize_with = "units::optional_duration")]
    backoff_limit: Option<Duration>,
    #[serde(deserialize_with = "units::optional_duration")]
    record_ttl: Option<Duration>,
    ordering: OrderingConfig,
    skip_describe_stream: bool,
    pub spool: Option<PathBuf>,
    #[serde(deserialize_with = "units::optional_bytes")]
    pub spool_limit: Option<usize>,
}

impl TryFrom<Keys> for ProducerConfig {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let default = ProducerSettings::default();
        let settings = ProducerSettings {
            linger: keys.linger.unwrap_or(default.linger),
            bytes: keys.buffer.unwrap_or(default.bytes),
            documents: keys.queue.map_or(default.documents, NonZeroUsize::get),
            requests: keys.requests.unwrap_or(default.requests),
            attempts: keys.attempts.map_or(default.attempts, NonZeroU32::get),
            backoff: (
                keys.backoff.unwrap_or(default.backoff.0),
                keys.backoff_limit.unwrap_or(default.backoff.1),
            ),
            record_ttl: keys.record_ttl,
            ordering: keys.ordering.into(),
            request_entries: keys.batch_size.map_or(default.request_entries, NonZeroUsize::get),
            request_bytes: keys.request_bytes.unwrap_or(default.request_bytes),
            create: keys.create.map(Into::into),
            skip_describe: keys.skip_describe_stream,
            ..default
        };
        within_the_service(&settings)?;
        if keys.processor.hash_range.is_some() {
            return Err(
                "hash-range is for sources: only records that are read can belong elsewhere".to_owned()
            );
        }
        let (first, longest) = settings.backoff;
        if first > longest {
            return Err(format!(
                "backoff is longer than backoff-limit: backoff={} backoff-limit={}",
                humantime::format_duration(first),
                humantime::format_duration(longest)
            ));
        }
        Ok(Self {
            processor: keys.processor,
            create: keys.create,
            records_per_second: keys.records_per_second,
            bytes_per_second: keys.bytes_per_second,
            settings,
        })
    }
}

/// What one request may hold is the service's to say.
fn within_the_service(settings: &ProducerSettings) -> Result<(), String> {
    let ProducerSettings { request_entries: entries, request_bytes: bytes, .. } = *settings;
    if entries > limits::PUT_RECORDS_ENTRIES {
        let limit = limits::PUT_RECORDS_ENTRIES;
        return Err(format!(
            "batch-size is more than one request takes: lower it, batch-size={entries} limit={limit}"
        ));
    }
    if bytes > limits::PUT_RECORDS_BYTES {
        let limit = bytesize::ByteSize(limits::PUT_RECORDS_BYTES as u64);
        return Err(format!("request-bytes is more than one request takes: lower it, limit={limit}"));
    }
    Ok(())
}

/// What is promised about the order of documents with one partition key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OrderingConfig {
    /// They stay in order through every retry
    #[default]
    PerKey,
    /// Nothing
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
