//! Processors: loading the components in them, and what they are called.

use std::{fmt, path::Path, sync::Arc};

use tidemill_engine::{
    deploy::{Artifact, Part, Slot},
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
    config: ProcessorConfig,
    label: String,
    slots: Vec<(Role, Arc<dyn Slot>)>,
}

impl LoadedProcessor {
    /// Loads a processor, with its components if it has any, from the files that the settings name.
    pub async fn load(engine: &LazyEngine, config: &ProcessorConfig) -> Result<Self, Failure> {
        let mut components = Vec::new();
        for (file, role) in parts(config) {
            components.push(Given { role, part: None, artifact: component::artifact(file).await? });
        }
        Self::load_from(engine, config, &components).await
    }

    /// Loads a processor with these components.
    pub async fn load_from(
        engine: &LazyEngine,
        config: &ProcessorConfig,
        components: &[Given],
    ) -> Result<Self, Failure> {
        let of = |role: Role| {
            let given = components.iter().find(|given| given.role == role);
            given.expect("every component of the processor is given")
        };
        let loaded = match &config.kind {
            ProcessorKind::Native(codec) => return Ok(Self::native(*codec, config)),
            ProcessorKind::Whole(whole) => {
                let given = of(Role::Processor);
                let settings = given.settings(whole, engine)?;
                ComponentProcessor::load(engine.get()?, &given.artifact, &settings).await
            }
            ProcessorKind::Halves(aggregator, serializer) => {
                let of_aggregator = settings(aggregator, || of(Role::Aggregator), engine)?;
                let of_serializer = settings(serializer, || of(Role::Serializer), engine)?;
                let aggregator = half(aggregator, of_aggregator.as_ref());
                let serializer = half(serializer, of_serializer.as_ref());
                ComponentProcessor::of_halves(engine.get()?, aggregator, serializer).await
            }
        };
        let processor = loaded.map_err(|error| component::refused(&error))?;
        let (label, slots) = (processor.label(), processor.slots());
        Ok(Self { processor: Arc::new(processor), config: config.clone(), label, slots })
    }

    /// Loads the one processor of a command that runs no pipeline.
    pub async fn alone(config: &ProcessorConfig) -> Result<Self, Failure> {
        Self::load(&LazyEngine::default(), config).await
    }

    /// Where its components are, by what each is for.
    pub fn slots(&self) -> &[(Role, Arc<dyn Slot>)] {
        &self.slots
    }

    /// Memory of the instances that its components need for so many callers at once, in bytes.
    pub fn memory(&self, callers: usize) -> usize {
        self.config.memory(callers)
    }

    fn native(codec: Codec, config: &ProcessorConfig) -> Self {
        let (processor, label) = (Arc::new(NativeProcessor::from(codec)), config.to_string());
        Self { processor, config: config.clone(), label, slots: Vec::new() }
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

/// A component that a processor is loaded with.
#[derive(Clone, Debug)]
pub struct Given {
    /// What it is for.
    pub role: Role,
    /// Where in an application it works, if it is a pipeline's.
    pub part: Option<Part>,
    /// The component.
    pub artifact: Arc<Artifact>,
}

impl Given {
    fn settings(&self, config: &ComponentConfig, engine: &LazyEngine) -> Result<ProcessorSettings, Failure> {
        Ok(ProcessorSettings {
            part: self.part.clone(),
            sandbox: config.sandbox.resolved()?,
            rollout: engine.rollout(),
            ..ProcessorSettings::new(component::name_of(&config.component))
        })
    }
}

fn component_of<N>(half: &HalfConfig<N>) -> Option<&ComponentConfig> {
    match half {
        HalfConfig::Native(_) => None,
        HalfConfig::Component(component) => Some(component),
    }
}

/// The component of a half with its settings, if it has one.
fn settings<'a, N>(
    half: &HalfConfig<N>,
    given: impl FnOnce() -> &'a Given,
    engine: &LazyEngine,
) -> Result<Option<(&'a Arc<Artifact>, ProcessorSettings)>, Failure> {
    let Some(config) = component_of(half) else { return Ok(None) };
    let given = given();
    Ok(Some((&given.artifact, given.settings(config, engine)?)))
}

fn half<'a, N: Copy>(
    half: &HalfConfig<N>,
    component: Option<&'a (&'a Arc<Artifact>, ProcessorSettings)>,
) -> Half<'a, N> {
    match (half, component) {
        (HalfConfig::Component(_), Some((artifact, settings))) => Half::Component(artifact, settings),
        (HalfConfig::Native(native), _) => Half::Native(*native),
        (HalfConfig::Component(_), None) => unreachable!("a component has settings"),
    }
}
