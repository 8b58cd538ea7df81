//! One pipeline of the settings, opened: its streams were looked at, its component is compiled.
//!
//! For the engine a pipeline has one stream. One of several streams becomes as many of the engine's, which share the
//! handler, the sinks and the store of leases, where a lease's name has the stream's in it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use tidemill_engine::{
    consumer::{Control, DEFAULT_SINK, Pipeline, PipelineSettings, Progress, ReadMemory, SharingSettings},
    kinesis::{Kinesis, ShardFilter, list_all_shards},
    lease::{LeaseStore, WorkerId, keeper::KeeperSettings},
    producer::Producer,
    stream::StreamRef,
    time::Clock,
};
use tidemill_runtime::ComponentHandler;

use super::{
    bound::MemoryBound, component::LazyEngine, dead_letters::BuiltLetters, loading::Loading,
    processor::LoadedProcessor, target::Target,
};
use crate::{
    config::{HandlerConfig, Name, PipelineConfig, SandboxConfig, SinkConfig, SourceConfig},
    deploying::{beginning::Beginnings, following::Deployable, parts},
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
    /// What the reads of all pipelines share.
    pub memory: ReadMemory,
}

/// A pipeline that is ready to run.
#[derive(Debug)]
pub struct BuiltPipeline {
    name: Name,
    sources: Vec<BuiltSource>,
    processor: LoadedProcessor,
    sandbox: SandboxConfig,
    handler: Arc<ComponentHandler>,
    leases: Arc<dyn LeaseStore>,
    sinks: Vec<BuiltSink>,
    deployables: Vec<Deployable>,
    letters: Option<BuiltLetters>,
}

/// A stream that is read.
#[derive(Debug)]
struct BuiltSource {
    settings: PipelineSettings,
    /// Its open shards.
    shards: usize,
    /// Its shards that wait.
    control: Arc<Control>,
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
    deployables: Vec<Deployable>,
}

impl Components {
    /// Loads all that a pipeline names.
    pub async fn load(
        engine: &LazyEngine,
        name: &Name,
        config: &PipelineConfig,
        beginnings: &Beginnings,
    ) -> Result<Self, Failure> {
        let mut loading = Loading { engine, pipeline: name.as_str(), beginnings, deployables: Vec::new() };
        let handler = loading.handler(&config.handler).await?;
        let source = loading.processor(parts::SOURCE, &config.source.processor).await?;
        let mut sinks = BTreeMap::new();
        for (name, sink) in config.named_sinks() {
            let loaded = loading.processor(&parts::of_sink(name), &sink.producer.processor).await?;
            sinks.insert(name.to_owned(), loaded);
        }
        Ok(Self { handler, source, sinks, deployables: loading.deployables })
    }
}

impl BuiltPipeline {
    /// Makes sure that the streams are there, and puts together what the pipeline needs.
    pub async fn build(
        name: Name,
        config: PipelineConfig,
        components: Components,
        leases: Arc<dyn LeaseStore>,
        letters: Option<BuiltLetters>,
        surroundings: &Surroundings,
    ) -> Result<Self, Failure> {
        let PipelineConfig { source, handler: limits, sink, sinks, on_failure, dead_letters: _ } = config;
        let kinesis = &*surroundings.target.kinesis;
        let several = source.streams.len() > 1;
        let mut sources = Vec::new();
        for stream in &source.streams {
            let label = if several { format!("{name}/{}", stream.name()) } else { name.to_string() };
            let settings = PipelineSettings {
                retrieval: source.retrieval(&surroundings.application, &name)?,
                on_failure: on_failure.map(Into::into),
                keeper: surroundings.keeper,
                sharing: SharingSettings { max_shards: source.max_shards, ..surroundings.sharing },
                ..settings_of(label, stream.clone(), &source, &limits)
            };
            let shards = open_shards(kinesis, stream, &source).await?;
            sources.push(BuiltSource { settings, shards, control: Arc::default() });
        }
        let default = sink.map(|sink| (DEFAULT_SINK.to_owned(), sink));
        let named = sinks.into_iter().map(|(name, sink)| (name.to_string(), sink));
        let Components { handler, source: processor, sinks: mut processors, mut deployables } = components;
        for deployable in &mut deployables {
            deployable.controls = sources.iter().map(|source| Arc::clone(&source.control)).collect();
        }
        let mut sinks = Vec::new();
        for (name, sink) in default.into_iter().chain(named) {
            let processor = processors.remove(&name).expect("every sink's processor is loaded");
            sinks.push(BuiltSink::build(name, sink, processor, surroundings).await?);
        }
        let sandbox = limits.sandbox();
        Ok(Self { name, sources, processor, sandbox, handler, leases, sinks, letters, deployables })
    }

    /// The memory that it may take.
    pub fn bound(&self) -> MemoryBound {
        let sum = |of: &dyn Fn(&BuiltSource) -> usize| self.sources.iter().map(of).sum::<usize>();
        let shards = sum(&|source| source.shards);
        let lanes = sum(&|source| source.shards * source.settings.lanes as usize);
        MemoryBound {
            shards,
            reads: sum(&|BuiltSource { settings, shards, .. }| {
                shards * (settings.reader.prefetch.most_bytes() + settings.gathered_bytes())
            }),
            producers: self.sinks.iter().map(|sink| sink.buffer).sum::<usize>()
                + self.letters.as_ref().map_or(0, |letters| letters.buffer),
            handlers: lanes.min(self.sandbox.sandbox.instances),
            instances: self.sandbox.memory(lanes)
                + self.processor.memory(shards)
                + self.sinks.iter().map(|sink| sink.instances).sum::<usize>(),
            ..MemoryBound::default()
        }
    }

    /// Hands over its parts, to be followed.
    pub fn take_deployables(&mut self) -> Vec<Deployable> {
        std::mem::take(&mut self.deployables)
    }

    /// What puts its dead letters on a stream, if that is where they go; to be closed behind the pipeline.
    pub fn letters_producer(&self) -> Option<Producer> {
        self.letters.as_ref().and_then(|letters| letters.producer.clone())
    }

    /// Hands over what is to be run: a pipeline of the engine for each stream.
    pub fn start(self, surroundings: &Surroundings) -> Vec<Pipeline> {
        let sinks = self.sinks.into_iter().map(|sink| (sink.name, sink.producer));
        let sinks = Arc::new(sinks.collect::<BTreeMap<_, _>>());
        let pipeline = |source: BuiltSource| Pipeline {
            settings: source.settings,
            kinesis: Arc::clone(&surroundings.target.kinesis),
            leases: Arc::clone(&self.leases),
            processor: Arc::clone(&self.processor.processor),
            handler: Arc::clone(&self.handler) as _,
            sinks: Arc::clone(&sinks),
            worker: surroundings.worker.clone(),
            clock: surroundings.clock,
            memory: surroundings.memory.clone(),
            progress: Arc::new(Progress::default()),
            dead_letters: self.letters.as_ref().map(|letters| Arc::clone(&letters.letters)),
            control: source.control,
        };
        self.sources.into_iter().map(pipeline).collect()
    }
}

impl fmt::Display for BuiltPipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, sources, processor, handler, sinks, letters, .. } = self;
        let source = |BuiltSource { settings, shards, .. }: &BuiltSource| {
            format!("{} ({shards} shards, {processor})", settings.stream)
        };
        let sources: Vec<String> = sources.iter().map(source).collect();
        write!(f, "pipeline {name}: {} -> {}", sources.join(", "), handler.label())?;
        let sinks: Vec<String> = sinks.iter().map(ToString::to_string).collect();
        if !sinks.is_empty() {
            write!(f, " -> {}", sinks.join(", "))?;
        }
        letters.iter().try_for_each(|letters| write!(f, ", {letters}"))
    }
}

/// How one of the streams is read and handled.
fn settings_of(
    label: String,
    stream: StreamRef,
    source: &SourceConfig,
    handler: &HandlerConfig,
) -> PipelineSettings {
    PipelineSettings {
        start: source.start.0,
        start_at: source.start_at.clone(),
        batch_records: handler.batch_records.get(),
        batch_bytes: handler.batch_bytes,
        lanes: handler.lanes.count(),
        checkpointing: handler.checkpointing(),
        batch_window: handler.batch_window,
        attempts: handler.attempts.get(),
        max_record_age: handler.max_record_age,
        breaker: handler.breaker.0,
        reader: source.reader,
        hash_range: source.processor.hash_range_policy(),
        discovery_interval: source.discovery_interval,
        idle_timeout: source.idle_timeout,
        ..PipelineSettings::new(label, stream)
    }
}

/// Makes sure that a stream is there, and tells how many open shards it has.
async fn open_shards(
    kinesis: &dyn Kinesis,
    stream: &StreamRef,
    source: &SourceConfig,
) -> Result<usize, Failure> {
    if source.skip_describe {
        let open = list_all_shards(kinesis, stream, ShardFilter::AtLatest).await;
        return open.map(|shards| shards.len()).map_err(|error| Failure::of_stream(stream, &error));
    }
    let summary = endpoint::ensure_stream(kinesis, stream, source.create.map(Into::into)).await?;
    Ok(summary.open_shards as usize)
}

impl BuiltSink {
    async fn build(
        name: String,
        config: SinkConfig,
        processor: LoadedProcessor,
        surroundings: &Surroundings,
    ) -> Result<Self, Failure> {
        let SinkConfig { stream, producer } = config;
        let (buffer, instances) = (producer.buffer(), processor.memory(1));
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
