//! Processors: loading the components in them, and what they are called.

use std::{fmt, path::Path, sync::Arc};

use tidemill_engine::{deploy::Part, native::NativeProcessor, processor::Processor};
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
    config: ProcessorConfig,
    label: String,
}

impl LoadedProcessor {
    /// Loads a processor, with its components if it has any. The place is where in an application it works, if it is a
    /// pipeline's: halves have theirs behind it.
    pub async fn load(
        engine: &LazyEngine,
        config: &ProcessorConfig,
        place: Option<Part>,
    ) -> Result<Self, Failure> {
        let half_of = |half: &str| {
            place.clone().map(|Part { pipeline, role }| Part { pipeline, role: format!("{role}.{half}") })
        };
        let loaded = match &config.kind {
            ProcessorKind::Native(codec) => return Ok(Self::native(*codec, config)),
            ProcessorKind::Whole(whole) => {
                let settings = settings(whole, place)?;
                ComponentProcessor::load(engine.get()?, &whole.component, &settings).await
            }
            ProcessorKind::Halves(aggregator, serializer) => {
                let none = ProcessorSettings::new("none");
                let of_aggregator = component_of(aggregator)
                    .map_or(Ok(none.clone()), |half| settings(half, half_of("aggregator")))?;
                let of_serializer = component_of(serializer)
                    .map_or(Ok(none), |half| settings(half, half_of("serializer")))?;
                let aggregator = half(aggregator, &of_aggregator);
                ComponentProcessor::of_halves(engine.get()?, aggregator, half(serializer, &of_serializer))
                    .await
            }
        };
        let processor = loaded.map_err(|error| component::refused(&error))?;
        let label = processor.label().to_owned();
        Ok(Self { processor: Arc::new(processor), config: config.clone(), label })
    }

    /// Loads the one processor of a command that runs no pipeline.
    pub async fn alone(config: &ProcessorConfig) -> Result<Self, Failure> {
        Self::load(&LazyEngine::default(), config, None).await
    }

    /// Memory of the instances that its components need for so many callers at once, in bytes.
    pub fn memory(&self, callers: usize) -> usize {
        self.config.memory(callers)
    }

    fn native(codec: Codec, config: &ProcessorConfig) -> Self {
        let label = config.to_string();
        Self { processor: Arc::new(NativeProcessor::from(codec)), config: config.clone(), label }
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

fn settings(config: &ComponentConfig, part: Option<Part>) -> Result<ProcessorSettings, Failure> {
    Ok(ProcessorSettings {
        name: component::name_of(&config.component),
        part,
        sandbox: config.sandbox.resolved()?,
    })
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
