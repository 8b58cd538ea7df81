//! Deploying: which component each part of a pipeline is to run, for all hosts of an application at once.
//!
//! ```text
//! tidemill deploy ──► Deployments (beside the leases) ◄── every host looks, and applies what it finds to its slots
//! ```
//! What is wanted is a record of its own, a [`Deployment`], that grows by versions; the components lie beside it under
//! their digests. A part that was never deployed runs the file that its settings name.

use std::{collections::BTreeSet, fmt, str::FromStr, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::time::UnixMillis;

mod changing;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod deploying;
mod digest;
mod follower;
mod history;
mod memory;
mod slot;

pub use changing::{NoChange, Request, Wish};
pub use deploying::{NotDeployed, deploy};
pub use digest::{Digest, InvalidDigest};
pub use follower::{FollowSettings, Followable, Followed, Follower, NotLetIn};
pub use history::History;
pub use memory::MemoryDeployments;
pub use slot::{
    Applied, Artifact, GenerationStatus, Refused, Slot, SlotStatus, TrialFigures, Verdict, Wanted,
};

/// The seam to what an application is to run, kept beside its leases.
///
/// Implementations: [`MemoryDeployments`]; and in `tidemill-backends` a file of redb, Redis and DynamoDB. A part is
/// named as [`Part`] writes itself. A future that was dropped may have written.
#[async_trait]
pub trait Deployments: Send + Sync + fmt::Debug {
    /// What a part is to run; none where it was never deployed.
    async fn current(&self, part: &Part) -> Result<Option<Deployment>, DeployError>;

    /// Wants another thing of a part. Its version must be that of the current one and one more, 1 where there is none,
    /// or nothing is changed and the answer is [`DeployError::Conflict`]. The one before it becomes history.
    async fn put(&self, part: &Part, deployment: &Deployment) -> Result<(), DeployError>;

    /// What a part was wanted to run, the newest first, the current one included; at most
    /// [`limits::DEPLOYMENTS_KEPT`](crate::limits::DEPLOYMENTS_KEPT).
    async fn history(&self, part: &Part) -> Result<Vec<Deployment>, DeployError>;

    /// Keeps a component under its digest. One that is there already is left alone.
    async fn upload(&self, digest: &Digest, component: Bytes) -> Result<(), DeployError>;

    /// The component with this digest, whole; none where it is not kept.
    async fn download(&self, digest: &Digest) -> Result<Option<Bytes>, DeployError>;

    /// Forgets the components that nothing in the history of any part names. A component that is uploaded meanwhile may
    /// go too, so [`deploy`] makes sure of its own once a deployment names it.
    async fn forget_unused(&self) -> Result<(), DeployError>;
}

/// A place in an application that a component can be deployed to, such as `orders/handler`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Part {
    /// The pipeline.
    pub pipeline: String,
    /// What in it: `handler`; `source` or `sink.NAME` for a component that is a whole processor; with `.aggregator` or
    /// `.serializer` behind it for one that is half of one.
    pub role: String,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pipeline, self.role)
    }
}

impl FromStr for Part {
    type Err = InvalidPart;

    fn from_str(text: &str) -> Result<Self, InvalidPart> {
        match text.split_once('/') {
            Some((pipeline, role)) if !pipeline.is_empty() && !role.is_empty() => {
                Ok(Self { pipeline: pipeline.to_owned(), role: role.to_owned() })
            }
            _ => Err(InvalidPart(text.to_owned())),
        }
    }
}

/// A text that names no part.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a part: PIPELINE/ROLE is one, got={0:?}")]
pub struct InvalidPart(String);

/// What a part is to run from some moment on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deployment {
    /// Counts what was wanted of the part, from 1.
    pub version: u64,
    /// What brought it about.
    pub event: Event,
    /// What all records meet; none for the file that the settings name.
    pub component: Option<Digest>,
    /// What is tried beside it.
    pub candidate: Option<Candidate>,
    /// Capabilities that its components may ask for though the one before them did not.
    pub allow: BTreeSet<String>,
    /// Who wanted it.
    pub by: String,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// Why, for people.
    pub why: String,
}

/// What brought a deployment about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Somebody deployed a component, at once or on trial.
    Deployed,
    /// The candidate took the place of the component before it.
    Promoted,
    /// Somebody, or a host whose candidate did badly, went back.
    RolledBack,
}

/// A component on trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Candidate {
    /// Which.
    pub digest: Digest,
    /// How it is tried.
    pub trial: Trial,
    /// After so many seconds on trial without trouble it is promoted; none waits for somebody to say so.
    pub promote_after_seconds: Option<u64>,
}

/// How a candidate is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trial {
    /// It handles these shards.
    Shards(BTreeSet<String>),
    /// It handles the records of so many of a hundred partition keys.
    Keys {
        /// 1 to 100.
        percent: u8,
    },
    /// It handles all records beside the other, and what it answers is only compared.
    Shadow,
}

impl Deployment {
    /// When it was wanted.
    pub fn at(&self) -> UnixMillis {
        UnixMillis(self.at)
    }
}

impl Candidate {
    /// How long it is tried before it is promoted by itself.
    pub fn promote_after(&self) -> Option<Duration> {
        self.promote_after_seconds.map(Duration::from_secs)
    }
}

/// Deployments could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeployError {
    /// Look again: somebody else deployed to the part meanwhile.
    #[error("somebody else deployed meanwhile: look at the history and try again, part={0}")]
    Conflict(String),
    /// Try again: the store cannot be reached or failed. A write may have happened.
    #[error("the store of deployments failed: {0}")]
    Unavailable(String),
}
