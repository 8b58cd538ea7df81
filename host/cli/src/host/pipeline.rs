//! One pipeline of the settings, opened: its streams were looked at, its component is compiled.

use std::{collections::BTreeMap, fmt, sync::Arc};

use tidemill_engine::{
    consumer::{DEFAULT_SINK, Pipeline, PipelineSettings, Progress, ReaderSettings},
    lease::{LeaseStore, WorkerId, keeper::KeeperSettings},
    producer::Producer,
    stream::StreamRef,
    time::Clock,
};
use tidemill_runtime::ComponentHandler;

use super::{bound::MemoryBound, target::Target};
use crate::{
    config::{Name, PipelineConfig, ProcessorName, SinkConfig},
    endpoint,
    failure::Failure,
};

/// What all pipelines of the host share.
#[derive(Debug)]
pub struct Surroundings {
    /// Where the streams are.
    pub target: Target,
    /// This process.
    pub worker: WorkerId,
    /// Tells the date.
    pub clock: Clock,
    /// How leases are kept.
    pub keeper: KeeperSettings,
}

/// A pipeline that is ready to run.
#[derive(Debug)]
pub struct BuiltPipeline {
    settings: PipelineSettings,
    source: ProcessorName,
    memory: usize,
    handler: Arc<ComponentHandler>,
    leases: Arc<dyn LeaseStore>,
    sinks: Vec<BuiltSink>,
    shards: usize,
}

/// A sink with its producer, which has nothing to do yet.
#[derive(Debug)]
struct BuiltSink {
    name: String,
    stream: StreamRef,
    buffer: usize,
    producer: Producer,
}

impl BuiltPipeline {
    /// Makes sure that the streams are there, and puts together what the pipeline needs.
    pub async fn build(
        name: Name,
        config: PipelineConfig,
        handler: Arc<ComponentHandler>,
        leases: Arc<dyn LeaseStore>,
        surroundings: &Surroundings,
    ) -> Result<Self, Failure> {
        let PipelineConfig { source, handler: limits, sink, sinks, on_failure } = config;
        let kinesis = &*surroundings.target.kinesis;
        let stream = endpoint::ensure_stream(kinesis, &source.stream, source.create.map(Into::into)).await?;
        let settings = PipelineSettings {
            start: source.start.0,
            batch_records: limits.batch_records.get(),
            batch_bytes: limits.batch_bytes,
            attempts: limits.attempts.get(),
            on_failure: on_failure.into(),
            reader: ReaderSettings {
                interval: source.interval,
                idle_interval: source.idle_interval,
                ..ReaderSettings::default()
            },
            keeper: surroundings.keeper,
            discovery_interval: source.discovery_interval,
            ..PipelineSettings::new(name.as_str(), source.stream)
        };
        let default = sink.map(|sink| (DEFAULT_SINK.to_owned(), sink));
        let named = sinks.into_iter().map(|(name, sink)| (name.to_string(), sink));
        let mut sinks = Vec::new();
        for (name, sink) in default.into_iter().chain(named) {
            sinks.push(BuiltSink::build(name, sink, surroundings).await?);
        }
        let shards = stream.open_shards as usize;
        Ok(Self { settings, source: source.processor, memory: limits.memory, handler, leases, sinks, shards })
    }

    /// The memory that it may take.
    pub fn bound(&self) -> MemoryBound {
        MemoryBound {
            shards: self.shards,
            producers: self.sinks.iter().map(|sink| sink.buffer).sum(),
            instances: self.shards * self.memory,
            ..MemoryBound::default()
        }
    }

    /// Hands over what is to be run.
    pub fn start(self, surroundings: &Surroundings) -> Pipeline {
        Pipeline {
            settings: self.settings,
            kinesis: Arc::clone(&surroundings.target.kinesis),
            leases: self.leases,
            processor: self.source.processor(),
            handler: self.handler,
            sinks: Arc::new(
                self.sinks.into_iter().map(|sink| (sink.name, sink.producer)).collect::<BTreeMap<_, _>>(),
            ),
            worker: surroundings.worker.clone(),
            clock: surroundings.clock,
            progress: Arc::new(Progress::default()),
        }
    }
}

impl fmt::Display for BuiltPipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PipelineSettings { name, stream, .. } = &self.settings;
        let label = self.handler.label();
        write!(f, "pipeline {name}: {stream} ({} shards, {}) -> {label}", self.shards, self.source)?;
        let sinks: Vec<String> = self.sinks.iter().map(ToString::to_string).collect();
        if sinks.is_empty() { Ok(()) } else { write!(f, " -> {}", sinks.join(", ")) }
    }
}

impl BuiltSink {
    async fn build(name: String, config: SinkConfig, surroundings: &Surroundings) -> Result<Self, Failure> {
        let SinkConfig { stream, producer } = config;
        let buffer = producer.buffer();
        let producer = surroundings.target.open(&producer, &stream, &name, None).await?;
        Ok(Self { name, stream, buffer, producer })
    }
}

impl fmt::Display for BuiltSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name == DEFAULT_SINK {
            write!(f, "{}", self.stream)
        } else {
            write!(f, "{}={}", self.name, self.stream)
        }
    }
}
