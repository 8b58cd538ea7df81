//! The seam to lease stores: who reads which shard, and how far it got.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use thiserror::Error;

use crate::record::ShardId;

pub mod audit;
pub mod balance;
pub mod bounded;
pub mod change;
mod checkpoint;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
#[cfg(test)]
pub(crate) mod fixture;
pub mod keeper;
pub mod lineage;
pub mod memory;
#[cfg(test)]
mod model;
pub mod moves;
pub mod observer;
pub mod plan;
pub mod start_at;

pub use change::Update;
pub use checkpoint::{Checkpoint, InvalidCheckpoint};

/// Keeps the leases of one application's pipeline.
///
/// Implementations: [`memory::MemoryLeases`]; and in `tidemill-backends` a file of redb, Redis and DynamoDB.
///
/// Every write names the lease as the caller last saw it, by its `counter`. If the stored counter is another one the
/// write changes nothing and answers [`LeaseError::Lost`]: a worker that was away too long cannot move a checkpoint.
/// Every write but [`Update::Ask`] raises the counter by one, and every write answers the lease as it then is: so a
/// holder learns of an ask from its next renewal. A store never lets a lease expire: observers do, by a counter that
/// stands still on their own clock. [`Change::apply`](change::Change::apply) says what each write does.
/// A future that was dropped may have written; the caller then looks again before it trusts what it knows.
#[async_trait]
pub trait LeaseStore: Send + Sync + fmt::Debug {
    /// All leases, in no order.
    async fn list(&self) -> Result<Vec<Lease>, LeaseError>;

    /// One lease, if it is there.
    async fn get(&self, key: &LeaseKey) -> Result<Option<Lease>, LeaseError>;

    /// Creates a lease that nobody holds. Answers the one that is there if there is one: creating is idempotent.
    async fn create(&self, lease: NewLease) -> Result<Lease, LeaseError>;

    /// Changes a lease.
    async fn update(&self, lease: &Lease, update: Update) -> Result<Lease, LeaseError>;

    /// Deletes the lease with its checkpoint.
    async fn delete(&self, lease: &Lease) -> Result<(), LeaseError>;
}

/// The right of one worker to read one shard, with the checkpoint inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What it is a lease of.
    pub key: LeaseKey,
    /// Who holds it.
    pub owner: Option<WorkerId>,
    /// Who asked its holder to hand it over, or whom it was handed over to; none once somebody took it.
    pub wanted_by: Option<WorkerId>,
    /// Grows by one at every write but an ask: it shows that the holder is alive.
    pub counter: u64,
    /// How far the work on the shard is done.
    pub checkpoint: Checkpoint,
    /// Bytes a second that its holder read from the shard lately, for balancing by throughput.
    pub load: u64,
    /// The shards that must be at their end before this one is read.
    pub parents: Vec<ShardId>,
}

/// A lease to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLease {
    /// What it is a lease of.
    pub key: LeaseKey,
    /// Where reading is to start.
    pub checkpoint: Checkpoint,
    /// The shards that must be at their end before this one is read.
    pub parents: Vec<ShardId>,
}

/// What a lease is of: one shard of one stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseKey {
    /// Name of the stream.
    pub stream: Arc<str>,
    /// The shard.
    pub shard: ShardId,
}

impl fmt::Display for LeaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stream, self.shard)
    }
}

/// One running host process.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(Arc<str>);

impl WorkerId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for WorkerId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LeaseError {
    /// Stop working on the shard: somebody else wrote the lease, or it is gone.
    #[error("the lease was lost: lease={0}")]
    Lost(LeaseKey),
    /// Try again: the store cannot be reached or failed. The write may have happened.
    #[error("the lease store failed: {0}")]
    Unavailable(String),
}
