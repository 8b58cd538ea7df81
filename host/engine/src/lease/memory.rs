//! Leases in memory: for one process that needs no memory of its past, and for tests.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{
    Checkpoint, Lease, LeaseError, LeaseKey, LeaseStore, NewLease, WorkerId,
    change::{Change, Update},
};

/// Leases that live as long as this value. Its calls never wait and never fail but with [`LeaseError::Lost`].
#[derive(Debug, Default)]
pub struct MemoryLeases {
    leases: Mutex<BTreeMap<LeaseKey, Lease>>,
}

impl MemoryLeases {
    /// No leases.
    pub fn new() -> Self {
        Self::default()
    }

    fn leases(&self) -> MutexGuard<'_, BTreeMap<LeaseKey, Lease>> {
        // A lease is changed by one assignment, so a panic elsewhere leaves none half changed.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, change: Change) -> Result<Option<Lease>, LeaseError> {
        let mut leases = self.leases();
        let key = change.key().clone();
        let changed = change.apply(leases.get(&key).cloned())?;
        match &changed {
            Some(lease) => leases.insert(key, lease.clone()),
            None => leases.remove(&key),
        };
        Ok(changed)
    }

    fn update(&self, lease: &Lease, update: Update) -> Result<Lease, LeaseError> {
        self.write(Change::update(lease, update))?.ok_or_else(|| LeaseError::Lost(lease.key.clone()))
    }
}

#[async_trait]
impl LeaseStore for MemoryLeases {
    async fn list(&self) -> Result<Vec<Lease>, LeaseError> {
        Ok(self.leases().values().cloned().collect())
    }

    async fn create(&self, lease: NewLease) -> Result<Lease, LeaseError> {
        let key = lease.key.clone();
        self.write(Change::Create(lease))?.ok_or(LeaseError::Lost(key))
    }

    async fn take(&self, lease: &Lease, worker: &WorkerId) -> Result<Lease, LeaseError> {
        self.update(lease, Update::Take(worker.clone()))
    }

    async fn renew(&self, lease: &Lease) -> Result<Lease, LeaseError> {
        self.update(lease, Update::Renew)
    }

    async fn checkpoint(&self, lease: &Lease, checkpoint: Checkpoint) -> Result<Lease, LeaseError> {
        self.update(lease, Update::Checkpoint(checkpoint))
    }

    async fn release(&self, lease: &Lease) -> Result<Lease, LeaseError> {
        self.update(lease, Update::Release)
    }

    async fn delete(&self, lease: &Lease) -> Result<(), LeaseError> {
        self.write(Change::update(lease, Update::Delete)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::contract;

    #[tokio::test]
    async fn memory_keeps_the_contract_of_lease_stores() {
        contract::check(async || MemoryLeases::new()).await;
    }
}
