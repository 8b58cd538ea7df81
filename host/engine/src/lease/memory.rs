//! Leases in memory: for one process that needs no memory of its past, and for tests.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{Lease, LeaseError, LeaseKey, LeaseStore, NewLease, Update, change::Change};

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
}

#[async_trait]
impl LeaseStore for MemoryLeases {
    async fn list(&self) -> Result<Vec<Lease>, LeaseError> {
        Ok(self.leases().values().cloned().collect())
    }

    async fn get(&self, key: &LeaseKey) -> Result<Option<Lease>, LeaseError> {
        Ok(self.leases().get(key).cloned())
    }

    async fn create(&self, lease: NewLease) -> Result<Lease, LeaseError> {
        let key = lease.key.clone();
        self.write(Change::Create(lease))?.ok_or(LeaseError::Lost(key))
    }

    async fn update(&self, lease: &Lease, update: Update) -> Result<Lease, LeaseError> {
        self.write(Change::update(lease, update))?.ok_or_else(|| LeaseError::Lost(lease.key.clone()))
    }

    async fn delete(&self, lease: &Lease) -> Result<(), LeaseError> {
        self.write(Change::delete(lease)).map(drop)
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
