//! Deployments in memory: for applications of one process that forget when they end, and for tests.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{DeployError, Deployment, Deployments, Digest, Part};
use crate::limits;

/// Keeps deployments for as long as the process lives.
#[derive(Debug, Default)]
pub struct MemoryDeployments(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// The newest first.
    parts: HashMap<Part, VecDeque<Deployment>>,
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
        Ok(self.kept().parts.get(part).and_then(|all| all.front().cloned()))
    }

    async fn put(&self, part: &Part, deployment: &Deployment) -> Result<(), DeployError> {
        let mut kept = self.kept();
        let all = kept.parts.entry(part.clone()).or_default();
        if deployment.version != all.front().map_or(0, |newest| newest.version) + 1 {
            return Err(DeployError::Conflict(part.to_string()));
        }
        all.push_front(deployment.clone());
        all.truncate(limits::DEPLOYMENTS_KEPT);
        Ok(())
    }

    async fn history(&self, part: &Part) -> Result<Vec<Deployment>, DeployError> {
        Ok(self.kept().parts.get(part).map_or_else(Vec::new, |all| all.iter().cloned().collect()))
    }

    async fn upload(&self, digest: &Digest, component: Bytes) -> Result<(), DeployError> {
        self.kept().components.entry(digest.clone()).or_insert(component);
        Ok(())
    }

    async fn download(&self, digest: &Digest) -> Result<Option<Bytes>, DeployError> {
        Ok(self.kept().components.get(digest).cloned())
    }

    async fn retain(&self, digests: &BTreeSet<Digest>) -> Result<(), DeployError> {
        self.kept().components.retain(|digest, _| digests.contains(digest));
        Ok(())
    }
}
