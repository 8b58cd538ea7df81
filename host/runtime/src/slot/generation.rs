//! One deployment of a component: what is compiled of it, its instances, and how it did.

use std::sync::Arc;

use tidemill_engine::{
    deploy::GenerationStatus,
    handler::{Deployed, HandlerErrorKind},
    record::ShardId,
};
use tokio::sync::Notify;

use super::{instances::Instances, tally::Tally};
use crate::{
    component::Compiled, contract::Contract, fault::Fault, grants::Grants, instance::Instance, seats::Seats,
};

/// What the log calls the shard of instances that have none of their own.
const NO_SHARD: &str = "none";

/// What one deployment of a component is to its instances.
#[derive(Debug)]
pub struct Generation<C: Contract> {
    /// Counts deployments, from 1.
    pub id: u64,
    /// Where the component is from, for people.
    pub from: Arc<str>,
    /// The component's name and the start of its digest, as errors call it.
    pub label: Arc<str>,
    /// The same for whoever keeps it with a record.
    pub deployed: Arc<Deployed>,
    /// Instances between two calls.
    pub instances: Instances<C>,
    /// Which of its calls may run.
    pub seats: Seats,
    /// The component.
    pub compiled: Compiled<C>,
    /// What every instance is given.
    pub grants: Grants,
    /// How it did so far.
    pub tally: Tally,
    /// The last to go, so that whoever hears of it finds that everything is gone.
    gone: Gone,
}

/// Tells a slot when a generation of its own is gone with everything that it had.
#[derive(Debug)]
struct Gone(Arc<Notify>);

impl<C: Contract> Generation<C> {
    /// A new one, without instances, that tells of its end.
    pub fn new(id: u64, from: &str, compiled: Compiled<C>, grants: Grants, gone: &Arc<Notify>) -> Self {
        let digest = compiled.inspection.digest.clone();
        Self {
            id,
            from: from.into(),
            label: format!("{}@{}", grants.name, digest.short()).into(),
            deployed: Arc::new(Deployed { component: grants.name.to_string(), digest, generation: id }),
            instances: Instances::new(),
            seats: Seats::new(grants.sandbox.instances),
            compiled,
            grants,
            tally: Tally::default(),
            gone: Gone(Arc::clone(gone)),
        }
    }

    /// The same component deployed again, with what was compiled of it.
    pub fn again(&self, id: u64) -> Self {
        Self::new(id, &self.from, self.compiled.clone(), self.grants.clone(), &self.gone.0)
    }

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

    /// What it is, for people.
    pub fn status(&self) -> GenerationStatus {
        GenerationStatus {
            generation: self.id,
            digest: self.deployed.digest.clone(),
            from: self.from.to_string(),
        }
    }
}

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.notify_waiters();
    }
}
