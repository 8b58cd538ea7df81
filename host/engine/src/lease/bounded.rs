//! Leases whose store answers in time or counts as away.

use std::{future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::time::timeout;

use super::{Lease, LeaseError, LeaseKey, LeaseStore, NewLease, Update};

/// A store none of whose calls takes longer than a limit: a holder must be able to try again before its lease expires.
/// A write that took too long may still happen.
#[derive(Debug)]
pub struct BoundedLeases {
    store: Arc<dyn LeaseStore>,
    limit: Duration,
}

impl BoundedLeases {
    /// Bounds the calls of a store.
    pub fn new(store: Arc<dyn LeaseStore>, limit: Duration) -> Self {
        Self { store, limit }
    }

    async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, LeaseError>> + Send,
    ) -> Result<T, LeaseError> {
        let late = |_| {
            Err(LeaseError::Unavailable(format!("no answer in time: limit_ms={}", self.limit.as_millis())))
        };
        timeout(self.limit, call).await.unwrap_or_else(late)
    }
}

#[async_trait]
impl LeaseStore for BoundedLeases {
    async fn list(&self) -> Result<Vec<Lease>, LeaseError> {
        self.within(self.store.list()).await
    }

    async fn get(&self, key: &LeaseKey) -> Result<Option<Lease>, LeaseError> {
        self.within(self.store.get(key)).await
    }

    async fn create(&self, lease: NewLease) -> Result<Lease, LeaseError> {
        self.within(self.store.create(lease)).await
    }

    async fn update(&self, lease: &Lease, update: Update) -> Result<Lease, LeaseError> {
        self.within(self.store.update(lease, update)).await
    }

    async fn delete(&self, lease: &Lease) -> Result<(), LeaseError> {
        self.within(self.store.delete(lease)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::{contract, memory::MemoryLeases};

    const LIMIT: Duration = Duration::from_secs(3);

    /// A store that never answers.
    #[derive(Debug)]
    struct Mute;

    #[async_trait]
    impl LeaseStore for Mute {
        async fn list(&self) -> Result<Vec<Lease>, LeaseError> {
            std::future::pending().await
        }

        async fn get(&self, _: &LeaseKey) -> Result<Option<Lease>, LeaseError> {
            std::future::pending().await
        }

        async fn create(&self, _: NewLease) -> Result<Lease, LeaseError> {
            std::future::pending().await
        }

        async fn update(&self, _: &Lease, _: Update) -> Result<Lease, LeaseError> {
            std::future::pending().await
        }

        async fn delete(&self, _: &Lease) -> Result<(), LeaseError> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_bounded_store_keeps_the_contract_of_lease_stores() {
        contract::check(async || BoundedLeases::new(Arc::new(MemoryLeases::new()), LIMIT)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_does_not_answer_is_away() {
        let store = BoundedLeases::new(Arc::new(Mute), LIMIT);
        let error = store.list().await.unwrap_err();
        assert_eq!(error.to_string(), "the lease store failed: no answer in time: limit_ms=3000");
    }
}
