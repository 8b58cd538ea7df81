//! A component as a handler.
//!
//! Each shard has an instance of its own. A call takes the shard's instance out of the map, and puts it back when
//! the guest answered. An instance that trapped, ran past its deadline or broke the contract is not put back, and
//! neither is one whose call was dropped half way: the shard's next batch meets a fresh one.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use tidemill_engine::{
    batch::Batch,
    handler::{Handler, HandlerError, HandlerErrorKind, Outcome},
    record::ShardId,
};

use crate::{
    component::{Compiled, Inspection},
    engine::Engine,
    error::ComponentError,
    fault::Fault,
    instance::{Generation, Instance},
    settings::HandlerSettings,
};

/// A component that handles batches.
#[derive(Debug)]
pub struct ComponentHandler {
    settings: HandlerSettings,
    slot: ArcSwap<Generation>,
    idle: Mutex<HashMap<ShardId, Idle>>,
    /// Keeps the epochs ticking, without which no deadline would be noticed.
    _engine: Engine,
}

/// An instance between two batches of its shard.
#[derive(Debug)]
struct Idle {
    generation: u64,
    instance: Instance,
}

impl ComponentHandler {
    /// Reads, compiles and checks a component, and makes one instance of it to see that it can be made.
    ///
    /// It compiles on a thread for blocking work, about a second for each megabyte. It may be dropped at any await;
    /// a compilation under way then ends unheard.
    pub async fn load(
        engine: &Engine,
        path: &Path,
        settings: HandlerSettings,
    ) -> Result<Self, ComponentError> {
        let compiled = compile(engine.clone(), path.to_owned()).await?;
        let label = format!("{}@{}", settings.name, &compiled.inspection.digest[..8]);
        let config = Arc::new(settings.config.clone());
        let generation = Generation { id: 1, label: label.into(), compiled, config };
        smoke_test(&generation, &settings).await.map_err(|fault| {
            let Fault { kind, message } = fault;
            ComponentError::Instantiate { path: path.to_owned(), kind, message }
        })?;
        let slot = ArcSwap::from_pointee(generation);
        Ok(Self { settings, slot, idle: Mutex::default(), _engine: engine.clone() })
    }

    /// The component's name and the start of its digest, as errors and logs call it.
    pub fn label(&self) -> Arc<str> {
        Arc::clone(&self.slot.load().label)
    }

    /// What the component is.
    pub fn inspection(&self) -> Inspection {
        self.slot.load().compiled.inspection.clone()
    }

    async fn run(&self, generation: &Generation, batch: &Batch) -> Result<Outcome, Fault> {
        let shard = &batch.info.shard;
        let idle = self.idle().remove(shard).filter(|idle| idle.generation == generation.id);
        let mut instance = match idle {
            Some(idle) => idle.instance,
            None => Instance::new(generation, shard, &self.settings).await?,
        };
        let outcome = instance.call(generation.id, batch, &self.settings).await;
        if outcome.as_ref().err().is_none_or(Fault::is_spoken) {
            self.idle().insert(shard.clone(), Idle { generation: generation.id, instance });
        }
        outcome
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<ShardId, Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Handler for ComponentHandler {
    async fn handle(&self, batch: &Batch) -> Result<Outcome, HandlerError> {
        if batch.documents().is_empty() {
            return Ok(Outcome::default());
        }
        let generation = self.slot.load_full();
        let outcome = within_deadline(&self.settings, self.run(&generation, batch)).await;
        outcome.map_err(|Fault { kind, message }| HandlerError {
            handler: generation.label.to_string(),
            kind,
            message,
        })
    }

    fn shard_closed(&self, shard: &ShardId) {
        self.idle().remove(shard);
    }
}

async fn compile(engine: Engine, path: PathBuf) -> Result<Compiled, ComponentError> {
    let compiling = tokio::task::spawn_blocking(move || Compiled::open(&engine, &path));
    compiling.await.unwrap_or_else(|failed| match failed.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(cancelled) => Err(ComponentError::engine(cancelled)),
    })
}

async fn smoke_test(generation: &Generation, settings: &HandlerSettings) -> Result<(), Fault> {
    let shard = ShardId::from("none");
    within_deadline(settings, Instance::new(generation, &shard, settings)).await.map(drop)
}

/// The guest lets others run at every tick of the epoch, so the deadline is noticed even where it never ends.
async fn within_deadline<T>(
    settings: &HandlerSettings,
    call: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::time::timeout(settings.deadline, call).await.unwrap_or_else(|_| {
        let message = format!("no answer in time, deadline={:?}", settings.deadline);
        Err(Fault { kind: HandlerErrorKind::Deadline, message })
    })
}
