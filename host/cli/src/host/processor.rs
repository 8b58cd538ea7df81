//! Processors: loading the components in them, and what they are called.

use std::{fmt, path::Path, sync::Arc};

use tidemill_engine::{
    deploy::{Artifact, Slot},
    native::NativeProcessor,
    processor::Processor,
};
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
    slots: Vec<(Role, Arc<dyn Slot>)>,
}

impl LoadedProcessor {
    /// Loads a processor, with its components if it has any, from the files that the settings name.
    pub async fn load(engine: &LazyEngine, config: &ProcessorConfig) -> Result<Self, Failure> {
        let mut artifacts = Vec::new();
        for (file, role) in parts(config) {
            artifacts.push((role, component::artifact(file).await?));
        }
        Self::load_from(engine, config, &artifacts).await
    }

    /// Loads a processor with these components.
    pub async fn load_from(
        engine: &LazyEngine,
        config: &ProcessorConfig,
        artifacts: &[(Role, Arc<Artifact>)],
    ) -> Result<Self, Failure> {
        let of = |role: Role| {
            let found = artifacts.iter().find(|(of, _)| *of == role);
            found.map(|(_, artifact)| artifact).expect("every component of the processor is given")
        };
        let settings = |config: &ComponentConfig| settings(config, engine);
        let loaded = match &config.kind {
            ProcessorKind::Native(codec) => return Ok(Self::native(*codec, config)),
            ProcessorKind::Whole(whole) => {
                ComponentProcessor::load(engine.get()?, of(Role::Processor), &settings(whole)).await
            }
            ProcessorKind::Halves(aggregator, serializer) => {
                let none = ProcessorSettings::new("none");
                let of_aggregator = component_of(aggregator).map_or(none.clone(), settings);
                let of_serializer = component_of(serializer).map_or(none, settings);
                let aggregator = half(aggregator, || (of(Role::Aggregator), &of_aggregator));
                let serializer = half(serializer, || (of(Role::Serializer), &of_serializer));
                ComponentProcessor::of_halves(engine.get()?, aggregator, serializer).await
            }
        };
        let processor = loaded.map_err(|error| component::refused(&error))?;
        let (label, slots) = (processor.label(), processor.slots());
        Ok(Self { processor: Arc::new(processor), memory: config.memory(), label, slots })
    }

    /// Loads the one processor of a command that runs no pipeline.
    pub async fn alone(config: &ProcessorConfig) -> Result<Self, Failure> {
        Self::load(&LazyEngine::default(), config).await
    }

    /// Where its components are, by what each is for.
    pub fn slots(&self) -> &[(Role, Arc<dyn Slot>)] {
        &self.slots
    }

    fn native(codec: Codec, config: &ProcessorConfig) -> Self {
        let processor = Arc::new(NativeProcessor::from(codec));
        Self { processor, memory: 0, label: config.to_string(), slots: Vec::new() }
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

fn settings(config: &ComponentConfig, engine: &LazyEngine) -> ProcessorSettings {
    ProcessorSettings {
        config: config.config.clone(),
        memory_bytes: config.memory,
        deadline: config.deadline,
        rollout: engine.rollout(),
        ..ProcessorSettings::new(component::name_of(&config.component))
    }
}

fn component_of<N>(half: &HalfConfig<N>) -> Option<&ComponentConfig> {
    match half {
        HalfConfig::Native(_) => None,
        HalfConfig::Component(component) => Some(component),
    }
}

fn half<'a, N: Copy>(
    half: &HalfConfig<N>,
    component: impl FnOnce() -> (&'a Arc<Artifact>, &'a ProcessorSettings),
) -> Half<'a, N> {
    match half {
        HalfConfig::Native(native) => Half::Native(*native),
        HalfConfig::Component(_) => {
            let (artifact, settings) = component();
            Half::Component(artifact, settings)
        }
    }
}
