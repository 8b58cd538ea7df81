//! What a part was wanted to run: one value that every store keeps as a whole.

use serde::{Deserialize, Serialize};

use super::{DeployError, Deployment, Digest, Part};
use crate::limits;

/// The deployments of one part, the newest first; at most [`limits::DEPLOYMENTS_KEPT`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History(Vec<Deployment>);

impl History {
    /// What the part is to run; none where it was never deployed.
    pub fn current(&self) -> Option<&Deployment> {
        self.0.first()
    }

    /// The version of the newest; 0 where there is none.
    pub fn version(&self) -> u64 {
        self.current().map_or(0, |newest| newest.version)
    }

    /// Adds the next one and forgets what is too old.
    ///
    /// # Errors
    /// [`DeployError::Conflict`] where it is not the next; nothing was changed.
    pub fn add(&mut self, part: &Part, deployment: Deployment) -> Result<(), DeployError> {
        if deployment.version != self.version() + 1 {
            return Err(DeployError::Conflict(part.to_string()));
        }
        self.0.insert(0, deployment);
        self.0.truncate(limits::DEPLOYMENTS_KEPT);
        Ok(())
    }

    /// Whether a component is in it.
    pub fn names(&self, digest: &Digest) -> bool {
        self.digests().any(|named| named == digest)
    }

    /// The components in it, some of them more than once.
    pub fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.0.iter().flat_map(|deployment| {
            let candidate = deployment.candidate.as_ref().map(|candidate| &candidate.digest);
            deployment.component.iter().chain(candidate)
        })
    }
}

impl From<History> for Vec<Deployment> {
    fn from(history: History) -> Self {
        history.0
    }
}
