//! Processors: loading the components in them, and what they are called.

use std::{fmt, path::Path, sync::Arc};

use tidemill_engine::{native::NativeProcessor, processor::Processor};
use tidemill_processors::Codec;
use tidemill_runtime::{ComponentProcessor, Half, ProcessorSettings, Role, Sandbox};

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
                ComponentProcessor::load(engine.get()?, &whole.component, &settings(whole)).await
            }
            ProcessorKind::Halves(aggregator, serializer) => {
                let none = ProcessorSettings::new("none");
                let of_aggregator = component_of(aggregator).map_or(none.clone(), settings);
                let of_serializer = component_of(serializer).map_or(none, settings);
                let aggregator = half(aggregator, &of_aggregator);
                ComponentProcessor::of_halves(engine.get()?, aggregator, half(serializer, &of_serializer))
                    .await
            }
        };
        let processor = loaded.map_err(|error| component::refused(&error))?;
        let label = processor.label().to_owned();
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
        sandbox: Sandbox {
            config: config.config.clone(),
            memory_bytes: config.memory,
            deadline: config.deadline,
            ..Sandbox::default()
        },
        ..ProcessorSettings::new(component::name_of(&config.component))
    }
}

fn component_of<N>(half: &HalfConfig<N>) -> Option<&ComponentConfig> {
    match half {
        HalfConfig::Native(_) => None,
        HalfConfig::Component(component) => Some(component),
    }
}

fn half<'a, N: Copy>(half: &'a HalfConfig<N>, settings: &'a ProcessorSettings) -> Half<'a, N> {
    match half {
        HalfConfig::Native(native) => Half::Native(*native),
        HalfConfig::Component(part) => Half::Component(&part.component, settings),
    }
}
