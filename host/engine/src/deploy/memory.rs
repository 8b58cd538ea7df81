//! Deployments in memory: for applications of one process that forget when they end, and for tests.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{DeployError, Deployment, Deployments, Digest, History, Part};

/// Keeps deployments for as long as the process lives.
#[derive(Debug, Default)]
pub struct MemoryDeployments(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    parts: HashMap<Part, History>,
    components: HashMap<Digest, Bytes>,
}

impl MemoryDeployments {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Deployments for MemoryDeployments {
    async fn current(&self, part: &Part) -> Result<Option<Deployment>, DeployError> {
        Ok(self.kept().parts.get(part).and_then(|history| history.current().cloned()))
    }

    async fn put(&self, part: &Part, deployment: &Deployment) -> Result<(), DeployError> {
        self.kept().parts.entry(part.clone()).or_default().add(part, deployment.clone())
    }

    async fn history(&self, part: &Part) -> Result<Vec<Deployment>, DeployError> {
        Ok(self.kept().parts.get(part).cloned().unwrap_or_default().into())
    }

    async fn upload(&self, digest: &Digest, component: Bytes) -> Result<(), DeployError> {
        self.kept().components.entry(digest.clone()).or_insert(component);
        Ok(())
    }

    async fn download(&self, digest: &Digest) -> Result<Option<Bytes>, DeployError> {
        Ok(self.kept().components.get(digest).cloned())
    }

    async fn forget_unused(&self) -> Result<(), DeployError> {
        let mut kept = self.kept();
        let Kept { parts, components } = &mut *kept;
        components.retain(|digest, _| parts.values().any(|history| history.names(digest)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::contract;

    #[tokio::test]
    async fn memory_keeps_the_contract_of_deployments() {
        contract::check(async || MemoryDeployments::default()).await;
    }
}
