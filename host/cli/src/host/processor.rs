//! Processors: loading the components in them, and what they are called.

use std::{fmt, path::Path, sync::Arc};

use tidemill_engine::{deploy::Artifact, native::NativeProcessor, processor::Processor};
use tidemill_processors::Codec;
use tidemill_runtime::{ComponentProcessor, Half, ProcessorSettings, Role};

use super::component::{self, LazyEngine};
use crate::{
    config::{ComponentConfig, HalfConfig, ProcessorConfig, ProcessorKind},
    failure::Failure,
};

/// A processor that is ready to run, and its name.
#[derive(Clone, Debug)]
pub struct LoadedProcessor {
    /// The processor.
    pub processor: Arc<dyn Processor>,
    /// Memory of one instance of each of its components, in bytes.
    pub memory: usize,
    label: String,
}

impl LoadedProcessor {
    /// Loads a processor, with its components if it has any.
    pub async fn load(engine: &LazyEngine, config: &ProcessorConfig) -> Result<Self, Failure> {
        let loaded = match &config.kind {
            ProcessorKind::Native(codec) => return Ok(Self::native(*codec, config)),
            ProcessorKind::Whole(whole) => {
                let artifact = component::artifact(&whole.component).await?;
                ComponentProcessor::load(engine.get()?, &artifact, &settings(whole)).await
            }
            ProcessorKind::Halves(aggregator, serializer) => {
                let (of_aggregator, of_serializer) = (Read::of(aggregator).await?, Read::of(serializer).await?);
                let (aggregator, serializer) = (of_aggregator.half(), of_serializer.half());
                ComponentProcessor::of_halves(engine.get()?, aggregator, serializer).await
            }
        };
        let processor = loaded.map_err(|error| component::refused(&error))?;
        let label = processor.label();
        Ok(Self { processor: Arc::new(processor), memory: config.memory(), label })
    }

    /// Loads the one processor of a command that runs no pipeline.
    pub async fn alone(config: &ProcessorConfig) -> Result<Self, Failure> {
        Self::load(&LazyEngine::default(), config).await
    }

    fn native(codec: Codec, config: &ProcessorConfig) -> Self {
        Self { processor: Arc::new(NativeProcessor::from(codec)), memory: 0, label: config.to_string() }
    }
}

impl fmt::Display for LoadedProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// The components of a processor and what each of them is for.
pub fn parts(config: &ProcessorConfig) -> Vec<(&Path, Role)> {
    match &config.kind {
        ProcessorKind::Native(_) => Vec::new(),
        ProcessorKind::Whole(whole) => vec![(whole.component.as_path(), Role::Processor)],
        ProcessorKind::Halves(aggregator, serializer) => {
            let aggregator =
                component_of(aggregator).map(|part| (part.component.as_path(), Role::Aggregator));
            let serializer =
                component_of(serializer).map(|part| (part.component.as_path(), Role::Serializer));
            aggregator.into_iter().chain(serializer).collect()
        }
    }
}

fn settings(config: &ComponentConfig) -> ProcessorSettings {
    ProcessorSettings {
        config: config.config.clone(),
        memory_bytes: config.memory,
        deadline: config.deadline,
        ..ProcessorSettings::new(component::name_of(&config.component))
    }
}

fn component_of<N>(half: &HalfConfig<N>) -> Option<&ComponentConfig> {
    match half {
        HalfConfig::Native(_) => None,
        HalfConfig::Component(component) => Some(component),
    }
}

/// Half of a processor, its file read where it is a component.
enum Read<N> {
    Native(N),
    Component(Arc<Artifact>, ProcessorSettings),
}

impl<N: Copy> Read<N> {
    async fn of(half: &HalfConfig<N>) -> Result<Self, Failure> {
        Ok(match half {
            HalfConfig::Native(native) => Self::Native(*native),
            HalfConfig::Component(part) => {
                Self::Component(component::artifact(&part.component).await?, settings(part))
            }
        })
    }

    fn half(&self) -> Half<'_, N> {
        match self {
            Self::Native(native) => Half::Native(*native),
            Self::Component(artifact, settings) => Half::Component(artifact, settings),
        }
    }
}
