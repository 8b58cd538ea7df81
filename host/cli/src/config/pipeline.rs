//! `[pipelines.NAME]`: what one pipeline reads, what handles it, and where it emits to.

use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use serde::Deserialize;
use tidemill_engine::{
    consumer::{Checkpointing, DEFAULT_SINK},
    limits,
    stream::StreamRef,
};
use tidemill_runtime::Sandbox;

use super::{
    CreateConfig, DeadLettersConfig, Name, ProcessorConfig, SinkConfig, SourceConfig,
    failing::{self, BreakerConfig, OnFailureConfig},
    processor::ComponentConfig,
    sandbox::{AllowConfig, SandboxConfig, with_sandbox},
    units,
};

/// `[pipelines.NAME]`: streams to read, one handler, the sinks it emits to.
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
    /// What becomes of records that cannot be handled; what `dead-letters` says where this is left out.
    pub on_failure: Option<OnFailureConfig>,
    /// Where they are kept.
    pub dead_letters: Option<DeadLettersConfig>,
}

impl PipelineConfig {
    /// The sinks, with their names.
    pub fn named_sinks(&self) -> impl Iterator<Item = (&str, &SinkConfig)> {
        let default = self.sink.iter().map(|sink| (DEFAULT_SINK, sink));
        default.chain(self.sinks.iter().map(|(name, sink)| (name.as_str(), sink)))
    }

    /// The paths that it names: files of components, and folders that they see.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let sinks = self.sink.iter_mut().chain(self.sinks.values_mut());
        let processors = sinks.map(|sink| &mut sink.producer.processor).chain([&mut self.source.processor]);
        let parts = processors.flat_map(ProcessorConfig::components);
        parts.flat_map(ComponentConfig::paths).chain(self.handler.paths())
    }

    /// The streams that it reads and writes, and how each is created if it is missing.
    pub fn streams(&self) -> impl Iterator<Item = (&StreamRef, Option<CreateConfig>)> {
        let letters = match &self.dead_letters {
            Some(DeadLettersConfig::Stream(letters)) => Some(&**letters),
            _ => None,
        };
        let sinks = self.sink.iter().chain(self.sinks.values()).chain(letters);
        let sources = self.source.streams.iter().map(|stream| (stream, self.source.create));
        sources.chain(sinks.map(|sink| (&sink.stream, sink.producer.create)))
    }
}

with_sandbox! {
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
        /// Bytes that it may emit for one batch.
        #[serde(default = "emitted_bytes", deserialize_with = "units::bytes")]
        pub emitted_bytes: usize,
        /// Documents that it may emit for one batch.
        #[serde(default = "emitted_records")]
        pub emitted_records: usize,
        /// Records in one call.
        #[serde(default = "batch_records")]
        pub batch_records: NonZeroUsize,
        /// Bytes in one call; a single record may be larger.
        #[serde(default = "batch_bytes", deserialize_with = "units::bytes")]
        pub batch_bytes: usize,
        /// How long reads are gathered to fill a batch.
        #[serde(default, deserialize_with = "failing::batch_window")]
        pub batch_window: Duration,
        /// Attempts at a batch.
        #[serde(default = "attempts")]
        pub attempts: NonZeroU32,
        /// Records that are older get no further attempt.
        #[serde(default, deserialize_with = "units::optional_duration")]
        pub max_record_age: Option<Duration>,
        /// When a shard pauses because its handler keeps failing.
        #[serde(default)]
        pub breaker: BreakerConfig,
        /// Lanes that a shard's batches are divided among.
        #[serde(default)]
        pub lanes: Lanes,
        /// Who says how far the work is done.
        #[serde(default)]
        checkpoint: CheckpointConfig,
        /// Records of a shard that a handler may leave without a checkpoint.
        uncheckpointed: Option<NonZeroU64>,
    }
}

impl HandlerConfig {
    /// What it may use and reach.
    pub fn sandbox(&self) -> SandboxConfig {
        self.sandbox_keys().over(&Sandbox::default())
    }

    /// The paths that it names.
    fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.allow.iter_mut().flat_map(AllowConfig::paths).chain([&mut self.component])
    }

    /// Who says how far the work is done.
    pub fn checkpointing(&self) -> Checkpointing {
        let most = self.uncheckpointed.map_or(limits::UNCHECKPOINTED_RECORDS, NonZeroU64::get);
        match self.checkpoint {
            CheckpointConfig::Auto => Checkpointing::Auto,
            CheckpointConfig::Manual => Checkpointing::Manual { most },
        }
    }

    /// What no single setting can know: what is wrong, and what to do.
    pub fn validate(&self) -> Result<(), (&'static str, &'static str)> {
        let is_manual = self.checkpoint == CheckpointConfig::Manual;
        if is_manual && self.lanes.0 > 1 {
            return Err((
                "handler.checkpoint = \"manual\" with handler.lanes above 1: no lane knows how far the others are",
                "leave lanes out, or checkpoint",
            ));
        }
        if !is_manual && self.uncheckpointed.is_some() {
            return Err((
                "handler.uncheckpointed bounds what a handler leaves to checkpoint, and here it has no say in that",
                "set handler.checkpoint = \"manual\", or leave it out",
            ));
        }
        Ok(())
    }
}

/// Who says how far the work is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CheckpointConfig {
    /// The host, batch by batch.
    #[default]
    Auto,
    /// The handler, in its outcomes.
    Manual,
}

/// Lanes of one shard: 1 to [`limits::LANES_MAX`].
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u32")]
pub struct Lanes(u32);

impl Lanes {
    /// How many there are.
    pub fn count(self) -> u32 {
        self.0
    }
}

impl Default for Lanes {
    fn default() -> Self {
        Self(limits::LANES)
    }
}

impl TryFrom<u32> for Lanes {
    type Error = String;

    fn try_from(lanes: u32) -> Result<Self, String> {
        let most = limits::LANES_MAX;
        if (1..=most).contains(&lanes) {
            return Ok(Self(lanes));
        }
        Err(format!("not a number of lanes: 1 to {most} are allowed, got={lanes}"))
    }
}

fn emitted_bytes() -> usize {
    limits::EMITTED_BYTES
}

fn emitted_records() -> usize {
    limits::EMITTED_DOCUMENTS
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
