//! The component that is in use, from its file to its first instance.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use tidemill_engine::{
    handler::{Deployed, HandlerErrorKind},
    record::ShardId,
};

use crate::{
    component::{Compiled, Inspection},
    contract::{Contract, Role},
    engine::Engine,
    error::ComponentError,
    fault::Fault,
    grants::Grants,
    instance::Instance,
};

/// What the log calls the shard of instances that have none of their own.
const NO_SHARD: &str = "none";

/// Holds the generation of a component that is in use.
#[derive(Debug)]
pub struct Slot<C> {
    current: ArcSwap<Generation<C>>,
    /// Keeps the epochs ticking, without which no deadline would be noticed.
    _engine: Engine,
}

/// What one deployment of a component is to its instances.
#[derive(Debug)]
pub struct Generation<C> {
    /// Counts deployments, from 1.
    pub id: u64,
    /// The component's name and the start of its digest, as errors call it.
    pub label: Arc<str>,
    /// The same for whoever keeps it with a record.
    pub deployed: Arc<Deployed>,
    /// The component.
    pub compiled: Compiled<C>,
    /// What every instance is given.
    pub grants: Grants,
}

impl<C: Contract> Slot<C> {
    /// Reads, compiles and checks a component, and makes one instance of it to see that it can be made.
    ///
    /// It compiles on a thread for blocking work, about a second for each megabyte. It may be dropped at any await;
    /// a compilation under way then ends unheard.
    pub async fn load(
        engine: &Engine,
        path: &Path,
        role: Role,
        grants: Grants,
    ) -> Result<(Self, Instance<C>), ComponentError> {
        let compiled = compile::<C>(engine.clone(), path.to_owned(), role).await?;
        let label = format!("{}@{}", grants.name, compiled.inspection.digest.short());
        let deployed = Deployed {
            component: grants.name.to_string(),
            digest: compiled.inspection.digest.clone(),
            generation: 1,
        };
        let generation =
            Generation { id: 1, label: label.into(), deployed: Arc::new(deployed), compiled, grants };
        let first = generation.within_deadline(generation.instance()).await;
        let first = first.map_err(|fault| not_started(path, fault))?;
        Ok((Self { current: ArcSwap::from_pointee(generation), _engine: engine.clone() }, first))
    }

    /// The generation in use.
    pub fn current(&self) -> Arc<Generation<C>> {
        self.current.load_full()
    }

    /// The component's name and the start of its digest.
    pub fn label(&self) -> Arc<str> {
        Arc::clone(&self.current.load().label)
    }

    /// What the component is.
    pub fn inspection(&self) -> Inspection {
        self.current.load().compiled.inspection.clone()
    }
}

impl<C: Contract> Generation<C> {
    /// Makes an instance that belongs to no shard.
    pub async fn instance(&self) -> Result<Instance<C>, Fault> {
        Instance::new(self, &ShardId::from(NO_SHARD)).await
    }

    /// Waits for a call, to its deadline. The guest lets others run at every tick of the epoch, so the deadline is
    /// noticed even where it never ends.
    pub async fn within_deadline<T>(&self, call: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let deadline = self.grants.sandbox.deadline;
        tokio::time::timeout(deadline, call).await.unwrap_or_else(|_| {
            let message = format!("no answer in time, deadline={deadline:?}");
            Err(Fault { kind: HandlerErrorKind::Deadline, message })
        })
    }
}

/// A component whose first instance failed.
pub fn not_started(path: &Path, Fault { kind, message }: Fault) -> ComponentError {
    ComponentError::Instantiate { path: path.to_owned(), kind, message }
}

async fn compile<C: Contract>(
    engine: Engine,
    path: PathBuf,
    role: Role,
) -> Result<Compiled<C>, ComponentError> {
    let compiling = tokio::task::spawn_blocking(move || Compiled::open(&engine, &path, role));
    compiling.await.unwrap_or_else(|failed| match failed.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(cancelled) => Err(ComponentError::engine(cancelled)),
    })
}
