//! From a deployment to its components, and into the slot.

use std::{collections::BTreeSet, sync::Arc};

use futures::FutureExt;

use super::Follower;
use crate::deploy::{Artifact, DeployError, Deployment, Digest, Wanted};

impl Follower {
    /// Has the slot run what is wanted; or says why not, for people.
    pub(super) async fn apply(&mut self, version: u64, wanted: Wanted) -> Result<(), String> {
        let applied = self.slot.apply(&wanted).await;
        // Whatever the slot has said until now is of what ran before.
        while self.slot.verdict().now_or_never().is_some() {}
        let applied = applied.map_err(|refused| refused.to_string())?;
        let candidate = wanted.candidate.map(|(artifact, _)| artifact);
        let (digest, on_trial) =
            (wanted.component.digest.clone(), candidate.clone().map(|c| c.digest.clone()));
        self.held = candidate.into_iter().chain([wanted.component]).collect();
        if applied.has_changed {
            let (generation, took) = (applied.generation, applied.compiled_in);
            tracing::info!(part = %self.part, version, generation, ?digest, ?on_trial, compiled_in = ?took, "deployed");
            (self.on_change)();
        }
        Ok(())
    }

    /// The components that a deployment names; or why it cannot be followed, for people.
    pub(super) async fn resolve(
        &self,
        deployment: &Deployment,
    ) -> Result<Result<Wanted, String>, DeployError> {
        let component = match &deployment.component {
            None => Arc::clone(&self.base),
            Some(digest) => match self.artifact(digest).await? {
                Ok(artifact) => artifact,
                Err(why) => return Ok(Err(why)),
            },
        };
        let candidate = match &deployment.candidate {
            None => None,
            Some(candidate) => match self.artifact(&candidate.digest).await? {
                Ok(artifact) => Some((artifact, candidate.trial.clone())),
                Err(why) => return Ok(Err(why)),
            },
        };
        // The file may always ask for what it asks for: nobody deployed it.
        let allow = if deployment.component.is_none() { all() } else { deployment.allow.clone() };
        Ok(Ok(Wanted { component, candidate, allow }))
    }

    async fn artifact(&self, digest: &Digest) -> Result<Result<Arc<Artifact>, String>, DeployError> {
        let at_hand = self.held.iter().chain([&self.base]).find(|artifact| artifact.digest == *digest);
        if let Some(artifact) = at_hand {
            return Ok(Ok(Arc::clone(artifact)));
        }
        let Some(bytes) = self.deployments.download(digest).await? else {
            return Ok(Err(format!(
                "the store does not keep the component: deploy it again, digest={digest}"
            )));
        };
        let artifact = Artifact::new(format!("deployed {}", digest.short()), bytes);
        if artifact.digest != *digest {
            let found = artifact.digest;
            return Ok(Err(format!(
                "the store keeps other bytes than were deployed: deploy it again, digest={digest} found={found}"
            )));
        }
        Ok(Ok(Arc::new(artifact)))
    }
}

/// Stands for any capability.
pub(super) fn all() -> BTreeSet<String> {
    ["all".to_owned()].into()
}
