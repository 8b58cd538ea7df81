//! Components: loading and checking them, and what is said about those that are refused.

use std::{
    fmt,
    path::Path,
    sync::{Arc, OnceLock},
};

use bytesize::ByteSize;
use tidemill_engine::{
    consumer::Checkpointing,
    deploy::{Artifact, Part},
};
use tidemill_runtime::{
    ComponentError, ComponentHandler, Engine, EngineSettings, HandlerSettings, Inspection, Role,
    RolloutSettings, Survey,
};

use crate::{
    config::{CacheConfig, DeployConfig, HandlerConfig, WasmStack},
    exit::Exit,
    failure::Failure,
};

/// The engine of this process, made when the first component needs it.
#[derive(Debug, Default)]
pub struct LazyEngine {
    engine: OnceLock<Engine>,
    cache: CacheConfig,
    stack: WasmStack,
    rollout: RolloutSettings,
}

impl LazyEngine {
    /// One that keeps what it compiles, and replaces components, as the settings say; its guests will have so much stack.
    pub fn new(config: &DeployConfig, stack: WasmStack) -> Result<Self, Failure> {
        let (cache, rollout) = (config.cache.clone(), config.rollout()?);
        Ok(Self { engine: OnceLock::new(), cache, stack, rollout })
    }

    /// What is expected of components that replace others.
    pub fn rollout(&self) -> RolloutSettings {
        self.rollout.clone()
    }

    /// The engine.
    pub fn get(&self) -> Result<&Engine, Failure> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine);
        }
        let engine = engine(&self.cache, self.stack)?;
        Ok(self.engine.get_or_init(|| engine))
    }
}

/// Makes the engine of this process, which keeps there what it compiles.
pub fn engine(cache: &CacheConfig, stack: WasmStack) -> Result<Engine, Failure> {
    let settings = EngineSettings { cache: cache.folder(), stack_bytes: stack.0 };
    Engine::with(settings).map_err(|error| refused(&error))
}

/// Compiles a component and makes it a handler.
pub async fn load(
    engine: &LazyEngine,
    part: Part,
    config: &HandlerConfig,
    artifact: &Arc<Artifact>,
) -> Result<Arc<ComponentHandler>, Failure> {
    let settings = HandlerSettings {
        part: Some(part),
        sandbox: config.sandbox().resolved()?,
        emitted_bytes: config.emitted_bytes,
        emitted_documents: config.emitted_records,
        makes_checkpoints: config.checkpointing() != Checkpointing::Auto,
        rollout: engine.rollout(),
        ..HandlerSettings::new(name_of(&config.component))
    };
    let loaded = ComponentHandler::load(engine.get()?, artifact, settings).await;
    loaded.map(Arc::new).map_err(|error| refused(&error))
}

/// Reads a component's file.
pub async fn artifact(path: &Path) -> Result<Arc<Artifact>, Failure> {
    tidemill_runtime::artifact(path).await.map_err(|error| refused(&error))
}

/// Checks a component as loading it would, and runs nothing of it.
pub async fn inspect(engine: &Engine, path: &Path, role: Role) -> Result<Inspection, Failure> {
    let (engine, path) = (engine.clone(), path.to_owned());
    compiling(move || tidemill_runtime::inspect(&engine, &path, role)).await
}

/// Looks at a file that may be any component, or none, and runs nothing of it.
pub async fn survey(engine: &Engine, path: &Path) -> Result<Survey, Failure> {
    let (engine, path) = (engine.clone(), path.to_owned());
    compiling(move || tidemill_runtime::survey(&engine, &path)).await
}

/// Runs what compiles on a thread for blocking work.
async fn compiling<T: Send + 'static>(
    compile: impl FnOnce() -> Result<T, ComponentError> + Send + 'static,
) -> Result<T, Failure> {
    let compiled = tokio::task::spawn_blocking(compile).await;
    compiled.map_err(|error| Failure::caused(Exit::Unexpected, &error))?.map_err(|error| refused(&error))
}

/// A component in one line, for people.
pub struct Shown<'a>(pub &'a Path, pub &'a Inspection);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path, inspection) = self;
        let digest = inspection.digest.short();
        let size = ByteSize(inspection.bytes as u64);
        let interfaces: Vec<&str> = inspection.interfaces.iter().map(|interface| interface.name()).collect();
        write!(f, "{}@{digest} ({size}, {})", name_of(path), interfaces.join(" and "))
    }
}

/// What a pipeline's component is called in logs: its file's name.
pub fn name_of(path: &Path) -> String {
    path.file_stem().map_or_else(|| path.display().to_string(), |stem| stem.to_string_lossy().into_owned())
}

/// A component that cannot be used.
pub fn refused(error: &ComponentError) -> Failure {
    let exit = match error {
        ComponentError::Engine(_) => Exit::Unexpected,
        _ => Exit::Component,
    };
    Failure::caused(exit, error)
}
