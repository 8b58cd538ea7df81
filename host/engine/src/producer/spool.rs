//! The seam to a spool: where entries wait on disk that did not reach the stream in time.

use std::fmt;

use async_trait::async_trait;
use thiserror::Error;

use crate::record::Entry;

/// Keeps the entries of one producer's stream. Only one producer at a time may have it.
///
/// Implementation: a file of redb (`tidemill-backends`). The futures may be dropped at any await; a write that was
/// dropped may have happened.
#[async_trait]
pub trait Spool: Send + Sync + fmt::Debug {
    /// Keeps entries, in order, behind those that are there. They survive the process once this has answered.
    async fn keep(&self, entries: &[Entry]) -> Result<(), SpoolError>;

    /// The oldest entries behind the id given, or of all, in order, at most so many of them.
    async fn oldest(&self, after: Option<SpoolId>, count: usize)
    -> Result<Vec<(SpoolId, Entry)>, SpoolError>;

    /// Forgets entries. Ids that are not there are passed over.
    async fn remove(&self, ids: &[SpoolId]) -> Result<(), SpoolError>;
}

/// Names an entry in its spool; later entries have larger ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpoolId(pub u64);

/// A spool did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the spool failed: {0}")]
pub struct SpoolError(pub String);
