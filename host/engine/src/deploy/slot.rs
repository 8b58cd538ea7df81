//! The seam to what runs in a part of a pipeline and can be replaced while it runs.

use std::{collections::BTreeMap, collections::BTreeSet, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use thiserror::Error;

use super::{Digest, Trial};

/// Holds the component that is in use in one part of a pipeline, and replaces it between two batches.
///
/// Implementations: handlers and processors of `tidemill-runtime`.
#[async_trait]
pub trait Slot: Send + Sync + fmt::Debug {
    /// Makes the slot run what is wanted: whatever is new is compiled, checked and tried out beside what runs, and
    /// published when all of it is good. Where nothing is new nothing happens. Calls wait for each other.
    ///
    /// After an error everything runs as before. Dropped half way, it either has not happened or has.
    async fn apply(&self, wanted: &Wanted) -> Result<Applied, Refused>;

    /// Waits until what runs on trial, or on probation after a deployment, does so badly that it has to go, or so well
    /// for so long that its probation is over. Waits for ever while there is nothing of the kind. Cancel safe.
    async fn verdict(&self) -> Verdict;

    /// What runs now.
    fn status(&self) -> SlotStatus;
}

/// What a slot is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What all records meet.
    pub component: Arc<Artifact>,
    /// What is tried beside it.
    pub candidate: Option<(Arc<Artifact>, Trial)>,
    /// Capabilities that they may ask for though what runs does not; `all` stands for any.
    pub allow: BTreeSet<String>,
}

/// A component as bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Where it is from, for people: a file's path, or its digest.
    pub from: String,
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// The file.
    pub bytes: Bytes,
}

/// What came of applying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Whether something else runs than before.
    pub has_changed: bool,
    /// The generation that all records meet.
    pub generation: u64,
    /// What compiling took, or loading what was compiled before.
    pub compiled_in: Duration,
}

/// A component was not let in: what is wrong with it and what to do, for people.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// How something on trial, or on probation, did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has to go: why, for people, with the figures.
    Bad(String),
    /// It did well for the whole of its probation.
    Good,
}

/// What runs in a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SlotStatus {
    /// What all records meet.
    pub component: GenerationStatus,
    /// What is tried beside it.
    pub candidate: Option<GenerationStatus>,
    /// How the candidate is tried.
    pub trial: Option<Trial>,
    /// The generation that last handled a batch of each shard, by `stream/shard`; only of handlers.
    pub shards: BTreeMap<String, u64>,
    /// How the candidate does, or what is on probation.
    pub figures: Option<TrialFigures>,
}

/// One generation in a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GenerationStatus {
    /// Counts deployments in this process, from 1.
    pub generation: u64,
    /// Which component.
    pub digest: Digest,
    /// Where it is from.
    pub from: String,
}

/// What was counted of a candidate, and of the other beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrialFigures {
    /// Batches that the candidate was given.
    pub batches: u64,
    /// Of these, batches that failed.
    pub failed: u64,
    /// Of these, batches whose outcome was another than the other generation's; only of shadows.
    pub different: u64,
    /// Batches that a shadow was not given because it was still busy.
    pub passed_over: u64,
    /// Mean time of a record in the candidate, in nanoseconds.
    pub nanos_per_record: u64,
    /// Mean time of a record in the other generation, in nanoseconds.
    pub stable_nanos_per_record: u64,
}

impl Artifact {
    /// A component from somewhere, with the digest that it has.
    pub fn new(from: impl Into<String>, bytes: Bytes) -> Self {
        Self { from: from.into(), digest: Digest::of(&bytes), bytes }
    }
}

impl fmt::Debug for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, digest, bytes } = self;
        let mut shown = f.debug_struct("Artifact");
        shown.field("from", from).field("digest", digest).field("bytes", &bytes.len()).finish()
    }
}
