//! The lease store as one process sees it: over the network.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    network::{Fault, NoAnswer, Trip},
    process::ProcessId,
    world::World,
};
use crate::{
    bugs::{Bug, planted},
    lease::{Lease, LeaseError, LeaseKey, LeaseStore, NewLease, Update},
    time::Clock,
};

/// The lease store of a process.
#[derive(Debug)]
pub(super) struct SimulatedLeases {
    pub world: Arc<World>,
    pub process: ProcessId,
    pub clock: Clock,
}

impl SimulatedLeases {
    async fn call<T: Send + 'static>(
        &self,
        effect: impl Future<Output = Result<T, LeaseError>> + Send + 'static,
    ) -> Result<T, LeaseError> {
        let trip = self.world.network.trip();
        self.world.diary().counts.calls += 1;
        if matches!(trip.fault, Some(Fault::Refused | Fault::IteratorExpired)) {
            self.world.diary().counts.refused += 1;
            trip.waste().await;
            return Err(LeaseError::Unavailable("the store was told to refuse".to_owned()));
        }
        self.answer(trip, trip.make(effect).await)
    }

    fn answer<T>(&self, _: Trip, answer: Result<Result<T, LeaseError>, NoAnswer>) -> Result<T, LeaseError> {
        answer.unwrap_or_else(|NoAnswer| {
            self.world.diary().counts.answers_lost += 1;
            Err(LeaseError::Unavailable("the store did not answer".to_owned()))
        })
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl LeaseStore for SimulatedLeases {
    async fn list(&self) -> Result<Vec<Lease>, LeaseError> {
        let (world, clock) = (Arc::clone(&self.world), self.clock);
        self.call(async move {
            let mut leases = world.leases.list().await?;
            if planted(Bug::WallClockExpiry) {
                leases.iter_mut().for_each(|lease| expire_by_date(&world, clock, lease));
            }
            Ok(leases)
        })
        .await
    }

    async fn get(&self, key: &LeaseKey) -> Result<Option<Lease>, LeaseError> {
        let (world, wanted) = (Arc::clone(&self.world), key.clone());
        // Whoever looks at a lease that it lost may find that it was its own write that was in the way.
        self.world.holders().told(self.process, &key.shard, false);
        self.call(async move { world.leases.get(&wanted).await }).await
    }

    async fn create(&self, lease: NewLease) -> Result<Lease, LeaseError> {
        let (world, process) = (Arc::clone(&self.world), self.process);
        self.call(async move {
            let created = world.leases.create(lease).await;
            if let Ok(lease) = &created {
                world.lease_created(process, lease);
            }
            created
        })
        .await
    }

    async fn update(&self, lease: &Lease, update: Update) -> Result<Lease, LeaseError> {
        let (world, process, clock) = (Arc::clone(&self.world), self.process, self.clock);
        let (seen, asked) = (lease.clone(), update.clone());
        let changed = self.call(async move {
            let before = world.leases.get(&seen.key).await?;
            let changed = world.leases.update(&seen, asked.clone()).await;
            match (&before, &changed) {
                (Some(before), Ok(after)) => {
                    world.lease_changed(process, clock.now(), &asked, before, after).await;
                }
                _ => {
                    world.diary().counts.writes_lost += 1;
                    world.note(format_args!("{process} does not have {} any more: {asked:?}", seen.key));
                }
            }
            changed
        });
        let changed = changed.await;
        let is_keeping = matches!(update, Update::Renew { .. } | Update::Checkpoint { .. } | Update::Release);
        if is_keeping && matches!(changed, Err(LeaseError::Lost(_))) {
            self.world.holders().told(self.process, &lease.key.shard, true);
        }
        changed
    }

    async fn delete(&self, lease: &Lease) -> Result<(), LeaseError> {
        let (world, process, seen) = (Arc::clone(&self.world), self.process, lease.clone());
        self.call(async move {
            let deleted = world.leases.delete(&seen).await;
            if deleted.is_ok() {
                world.note(format_args!("{process} deletes {}", seen.key));
            }
            deleted
        })
        .await
    }
}

/// What a store does that lets leases expire by the date: its reader's, held against its writer's.
fn expire_by_date(world: &World, reader: Clock, lease: &mut Lease) {
    let Some(written) = world.holders().date_of(&lease.key.shard) else { return };
    if u128::from(reader.now().millis_since(written)) > world.scenario.failover.as_millis() {
        lease.owner = None;
    }
}
