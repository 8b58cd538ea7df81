//! One pipeline of the settings, opened: its streams were looked at, its component is compiled.

use std::{collections::BTreeMap, fmt, sync::Arc};

use tidemill_engine::{
    consumer::{DEFAULT_SINK, Pipeline, PipelineSettings, Progress, ReaderSettings, SharingSettings},
    lease::{LeaseStore, WorkerId, keeper::KeeperSettings},
    producer::Producer,
    stream::StreamRef,
    time::Clock,
};
use tidemill_runtime::ComponentHandler;

use super::{
    bound::MemoryBound, component, component::LazyEngine, processor::LoadedProcessor, target::Target,
};
use crate::{
    config::{Name, PipelineConfig, SinkConfig},
    endpoint,
    failure::Failure,
};

/// What all pipelines of the host share.
#[derive(Debug)]
pub struct Surroundings {
    /// Where the streams are.
    pub target: Target,
    /// What leases and registered consumers belong to.
    pub application: Name,
    /// This process.
    pub worker: WorkerId,
    /// Tells the date.
    pub clock: Clock,
    /// How leases are kept.
    pub keeper: KeeperSettings,
    /// How shards are shared with other workers.
    pub sharing: SharingSettings,
}

/// A pipeline that is ready to run.
#[derive(Debug)]
pub struct BuiltPipeline {
    settings: PipelineSettings,
    source: LoadedProcessor,
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
    instances: usize,
    producer: Producer,
}

/// The components of a pipeline, compiled, and the processors of the host's own beside them.
#[derive(Debug)]
pub struct Components {
    handler: Arc<ComponentHandler>,
    source: LoadedProcessor,
    /// By the sink's name.
    sinks: BTreeMap<String, LoadedProcessor>,
}

impl Components {
    /// Loads all that a pipeline names.
    pub async fn load(engine: &LazyEngine, config: &PipelineConfig) -> Result<Self, Failure> {
        let handler = component::load(engine.get()?, &config.handler).await?;
        let source = LoadedProcessor::load(engine, &config.source.processor).await?;
        let mut sinks = BTreeMap::new();
        for (name, sink) in config.named_sinks() {
            sinks.insert(name.to_owned(), LoadedProcessor::load(engine, &sink.producer.processor).await?);
        }
        Ok(Self { handler, source, sinks })
    }
}

impl BuiltPipeline {
    /// Makes sure that the streams are there, and puts together what the pipeline needs.
    pub async fn build(
        name: Name,
        config: PipelineConfig,
        components: Components,
        leases: Arc<dyn LeaseStore>,
        surroundings: &Surroundings,
    ) -> Result<Self, Failure> {
        let PipelineConfig { source: from, handler: limits, sink, sinks, on_failure } = config;
        let kinesis = &*surroundings.target.kinesis;
        let stream = endpoint::ensure_stream(kinesis, &from.stream, from.create.map(Into::into)).await?;
        let settings = PipelineSettings {
            start: from.start.0,
            batch_records: limits.batch_records.get(),
            batch_bytes: limits.batch_bytes,
            attempts: limits.attempts.get(),
            on_failure: on_failure.into(),
            retrieval: from.retrieval(&surroundings.application, &name)?,
            reader: ReaderSettings {
                interval: from.interval,
                idle_interval: from.idle_interval,
                ..ReaderSettings::default()
            },
            hash_range: from.processor.hash_range_policy(),
            keeper: surroundings.keeper,
            sharing: surroundings.sharing,
            discovery_interval: from.discovery_interval,
            ..PipelineSettings::new(name.as_str(), from.stream)
        };
        let default = sink.map(|sink| (DEFAULT_SINK.to_owned(), sink));
        let named = sinks.into_iter().map(|(name, sink)| (name.to_string(), sink));
        let Components { handler, source, sinks: mut processors } = components;
        let mut sinks = Vec::new();
        for (name, sink) in default.into_iter().chain(named) {
            let processor = processors.remove(&name).expect("every sink's processor is loaded");
            sinks.push(BuiltSink::build(name, sink, processor, surroundings).await?);
        }
        let shards = stream.open_shards as usize;
        Ok(Self { settings, source, memory: limits.memory, handler, leases, sinks, shards })
    }

    /// The memory that it may take.
    pub fn bound(&self) -> MemoryBound {
        MemoryBound {
            shards: self.shards,
            producers: self.sinks.iter().map(|sink| sink.buffer).sum(),
            instances: self.shards * (self.memory + self.source.memory)
                + self.sinks.iter().map(|sink| sink.instances).sum::<usize>(),
            ..MemoryBound::default()
        }
    }

    /// Hands over what is to be run.
    pub fn start(self, surroundings: &Surroundings) -> Pipeline {
        Pipeline {
            settings: self.settings,
            kinesis: Arc::clone(&surroundings.target.kinesis),
            leases: self.leases,
            processor: self.source.processor,
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
    async fn build(
        name: String,
        config: SinkConfig,
        processor: LoadedProcessor,
        surroundings: &Surroundings,
    ) -> Result<Self, Failure> {
        let SinkConfig { stream, producer } = config;
        let (buffer, instances) = (producer.buffer(), processor.memory);
        let producer = surroundings.target.open(&producer, processor.processor, &stream, &name, None).await?;
        Ok(Self { name, stream, buffer, instances, producer })
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
