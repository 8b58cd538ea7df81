//! The seam to business logic: a batch in, an outcome out.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use bytestring::ByteString;
use thiserror::Error;

use crate::{batch::Batch, deploy::Digest, hash::HashKey, record::ShardId};

/// Business logic for the batches of many shards.
///
/// Implementations: a component (`tidemill-runtime`), and any closure wrapped in [`HandlerFn`] or [`AsyncHandlerFn`].
/// The engine calls it for one batch of a shard's lane at a time, and for different lanes and shards at once. The
/// future may be dropped at any await; the batch then counts as not handled.
#[async_trait]
pub trait Handler: Send + Sync + fmt::Debug {
    /// Handles a batch. An error means that nothing of the batch counts as done. A batch is empty only under manual
    /// checkpoints, where its shard ends or is given back with records that no checkpoint covers yet.
    async fn handle(&self, batch: &Batch) -> Result<Outcome, HandlerError>;

    /// The shard of this stream will send no more batches to this worker: whatever was kept for it may go. It is
    /// called once no batch of the shard is being handled, and the lease is only forgotten behind it.
    async fn shard_closed(&self, _stream: &str, _shard: &ShardId, _why: Closed) {}
}

/// Why a shard sends no more batches to this worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It was read to its end, and everything of it is done.
    Ended,
    /// It goes on elsewhere or later: its lease was given back, or lost.
    Left,
}

/// One deployment of a handler: what ran, where the same name may have stood for other components before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// The component's name.
    pub component: String,
    /// The component's digest.
    pub digest: Digest,
    /// Counts deployments in this process, from 1.
    pub generation: u64,
}

impl fmt::Display for Deployed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.component, self.digest.short())
    }
}

/// What came of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Documents to send onward, in order.
    pub emits: Vec<Emit>,
    /// The records that were not handled, in any order; no index is named twice.
    pub failures: Vec<Failure>,
    /// Everything before the batch, and the first so many records of it, are done. None says nothing new. It counts
    /// only where the pipeline leaves checkpoints to its handler.
    pub checkpoint: Option<u32>,
    /// What handled it, where that is a component.
    pub by: Option<Arc<Deployed>>,
}

/// A document to be sent onward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emit {
    /// The document, as the sink's processor takes it.
    pub data: Bytes,
    /// Partition key; without one the producer spreads documents over all shards.
    pub partition_key: Option<ByteString>,
    /// Decides the shard in place of the partition key's hash.
    pub explicit_hash_key: Option<HashKey>,
    /// Name of a sink; without one the sink named `default`.
    pub sink: Option<ByteString>,
}

/// A record of the batch that was not handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Position in the batch.
    pub index: u32,
    /// What to do with it.
    pub disposition: Disposition,
}

/// What to do with a record that was not handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Give it again after this long at the least.
    Retry(Duration),
    /// Count it and go on.
    Drop,
    /// Give it up for this reason; the pipeline's policy decides where it goes.
    DeadLetter(String),
}

/// A batch failed as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("handler={handler}: {kind}: {message}")]
pub struct HandlerError {
    /// Which handler: a component's name and the start of its digest.
    pub handler: String,
    /// How it failed.
    pub kind: HandlerErrorKind,
    /// Details, such as the guest's own words or where it trapped.
    pub message: String,
    /// What failed, where that is a component.
    pub by: Option<Arc<Deployed>>,
}

impl HandlerError {
    /// What a handler of an embedding program says when the batch failed and another attempt can help.
    pub fn failed(handler: impl Into<String>, message: impl Into<String>) -> Self {
        Self { handler: handler.into(), kind: HandlerErrorKind::Failed, message: message.into(), by: None }
    }

    /// Whether the handler lost what it kept in memory: every failure but those that a guest itself speaks of costs
    /// its instance.
    pub fn forgets(&self) -> bool {
        !matches!(self.kind, HandlerErrorKind::Failed | HandlerErrorKind::Refused)
    }

    /// Whether the same batch may succeed when it is given again.
    pub fn is_retryable(&self) -> bool {
        self.kind != HandlerErrorKind::Refused
    }
}

/// How a batch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandlerErrorKind {
    /// The guest trapped.
    Trap,
    /// The call took longer than its deadline.
    Deadline,
    /// The guest asked for more memory than it may have.
    Memory,
    /// The guest said that the batch failed and that another attempt can help.
    Failed,
    /// The guest said that the batch failed and that no attempt can help.
    Refused,
    /// The outcome breaks the contract, such as an index outside of the batch.
    Malformed,
    /// The guest emitted more than it may.
    Output,
    /// The guest called the host more often than it may.
    HostCalls,
    /// No instance could be made.
    Instantiate,
    /// The component was replaced, and what its guest kept of records that no checkpoint covers went with it.
    Swapped,
}

impl fmt::Display for HandlerErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trap => "trapped",
            Self::Deadline => "ran past its deadline",
            Self::Memory => "ran out of memory",
            Self::Failed => "failed the batch",
            Self::Refused => "refused the batch",
            Self::Malformed => "returned a malformed outcome",
            Self::Output => "emitted too much",
            Self::HostCalls => "called the host too often",
            Self::Instantiate => "could not be instantiated",
            Self::Swapped => "was replaced",
        })
    }
}

/// A handler made of a function, for programs that embed the engine and for tests.
pub struct HandlerFn<F>(pub F);

impl<F> fmt::Debug for HandlerFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandlerFn")
    }
}

#[async_trait]
impl<F> Handler for HandlerFn<F>
where
    F: Fn(&Batch) -> Result<Outcome, HandlerError> + Send + Sync,
{
    async fn handle(&self, batch: &Batch) -> Result<Outcome, HandlerError> {
        (self.0)(batch)
    }
}

/// A handler made of a function that waits, for programs that embed the engine. The batch is its own: cloning one
/// shares its bytes.
pub struct AsyncHandlerFn<F>(pub F);

impl<F> fmt::Debug for AsyncHandlerFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AsyncHandlerFn")
    }
}

#[async_trait]
impl<F, Fut> Handler for AsyncHandlerFn<F>
where
    F: Fn(Batch) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Outcome, HandlerError>> + Send,
{
    async fn handle(&self, batch: &Batch) -> Result<Outcome, HandlerError> {
        (self.0)(batch.clone()).await
    }
}
