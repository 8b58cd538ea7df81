//! A component as a handler.
//!
//! Each lane of a shard has an instance of its own. A call takes the lane's instance out of the map, and puts it back when
//! the guest answered. An instance that trapped, ran past its deadline or broke the contract is not put back, and
//! neither is one whose call was dropped half way: the shard's next batch meets a fresh one.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tidemill_engine::{
    batch::{Batch, BatchInfo},
    handler::{Closed, Handler, HandlerError, Outcome},
    record::ShardId,
};
use tokio::time::Instant;

use crate::{
    bindings::life::Ending,
    component::Inspection,
    contract::Role,
    engine::Engine,
    error::ComponentError,
    fault::Fault,
    instance::Instance,
    settings::HandlerSettings,
    slot::{Generation, Slot, not_started},
};

mod call;
mod life;

pub use call::HandlerContract;

use life::Served;

/// A component that handles batches.
#[derive(Debug)]
pub struct ComponentHandler {
    settings: HandlerSettings,
    slot: Slot<HandlerContract>,
    idle: Mutex<HashMap<Lane, Idle>>,
}

/// Whose batches an instance handles: all that a pipeline may keep apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Lane {
    stream: Arc<str>,
    shard: ShardId,
    lane: u32,
}

/// An instance between two batches of its lane.
#[derive(Debug)]
struct Idle {
    generation: u64,
    since: Instant,
    instance: Instance<HandlerContract>,
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
        let (slot, mut first) = Slot::load(engine, path, Role::Handler, settings.grants()).await?;
        let generation = slot.current();
        life::begin(&generation, &mut first, None).await.map_err(|fault| not_started(path, fault))?;
        life::end(&generation, first, None, Ending::Left).await;
        Ok(Self { settings, slot, idle: Mutex::default() })
    }

    /// The component's name and the start of its digest, as errors and logs call it.
    pub fn label(&self) -> Arc<str> {
        self.slot.label()
    }

    /// What the component is.
    pub fn inspection(&self) -> Inspection {
        self.slot.inspection()
    }

    async fn run(&self, generation: &Generation<HandlerContract>, batch: &Batch) -> Result<Outcome, Fault> {
        let BatchInfo { stream, shard, lane, .. } = &batch.info;
        let lane = Lane { stream: Arc::clone(stream), shard: shard.clone(), lane: *lane };
        let served = Some(Served { stream, shard });
        let idle = self.idle().remove(&lane);
        let mut instance = match idle {
            Some(idle) if idle.generation == generation.id => idle.instance,
            replaced => {
                if let Some(replaced) = replaced {
                    life::end(generation, replaced.instance, served, Ending::Replaced).await;
                }
                if batch.info.uncovered > 0 {
                    return Err(Fault::forgotten());
                }
                self.make_room(generation).await;
                let mut fresh = Instance::new(generation, shard).await?;
                life::begin(generation, &mut fresh, served).await?;
                fresh
            }
        };
        let outcome = instance.handle(generation.id, batch, &self.settings).await;
        if outcome.as_ref().err().is_none_or(Fault::is_spoken) {
            self.idle().insert(lane, Idle { generation: generation.id, since: Instant::now(), instance });
        }
        outcome
    }

    /// Lets go of the instances that were idle longest, until there is room for one more.
    async fn make_room(&self, generation: &Generation<HandlerContract>) {
        while let Some((lane, idle)) = self.surplus(generation.grants.turns.left()) {
            let served = Served { stream: &lane.stream, shard: &lane.shard };
            life::end(generation, idle.instance, Some(served), Ending::Left).await;
        }
    }

    /// Takes out the instance that was idle longest, where there are more than this.
    fn surplus(&self, most: usize) -> Option<(Lane, Idle)> {
        let mut idle = self.idle();
        if idle.len() <= most {
            return None;
        }
        let oldest = idle.iter().min_by_key(|(_, idle)| idle.since).map(|(lane, _)| lane.clone())?;
        idle.remove_entry(&oldest)
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<Lane, Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Handler for ComponentHandler {
    async fn handle(&self, batch: &Batch) -> Result<Outcome, HandlerError> {
        let generation = self.slot.current();
        let _turn = generation.grants.turns.take().await;
        let outcome = generation.within_deadline(self.run(&generation, batch)).await;
        let by = || Some(Arc::clone(&generation.deployed));
        match outcome {
            Ok(outcome) => Ok(Outcome { by: by(), ..outcome }),
            Err(Fault { kind, message }) => {
                Err(HandlerError { handler: generation.label.to_string(), kind, message, by: by() })
            }
        }
    }

    async fn shard_closed(&self, stream: &str, shard: &ShardId, why: Closed) {
        let is_of_shard = |lane: &Lane, _: &mut Idle| *lane.stream == *stream && lane.shard == *shard;
        let closed: Vec<(Lane, Idle)> = self.idle().extract_if(is_of_shard).collect();
        let generation = self.slot.current();
        for (_, idle) in closed {
            life::end(&generation, idle.instance, Some(Served { stream, shard }), why.into()).await;
        }
    }
}
