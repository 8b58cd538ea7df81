//! What every write does to a lease, apart from where leases are kept.

use super::{Checkpoint, Lease, LeaseError, LeaseKey, NewLease, WorkerId};

/// A write that a [`super::LeaseStore`] was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Creates a lease unless it is there.
    Create(NewLease),
    /// Changes a lease if it is as the caller last saw it.
    Update {
        /// Which lease.
        key: LeaseKey,
        /// The counter that the caller saw.
        seen: u64,
        /// What is to become of it.
        update: Update,
    },
}

/// What is to become of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// This worker holds it.
    Take(WorkerId),
    /// Nothing but its counter changes.
    Renew,
    /// Its checkpoint moves.
    Checkpoint(Checkpoint),
    /// Nobody holds it.
    Release,
    /// It is no more.
    Delete,
}

impl Change {
    /// An update of the lease as the caller last saw it.
    pub fn update(lease: &Lease, update: Update) -> Self {
        Self::Update { key: lease.key.clone(), seen: lease.counter, update }
    }

    /// The lease that is to be changed.
    pub fn key(&self) -> &LeaseKey {
        match self {
            Self::Create(lease) => &lease.key,
            Self::Update { key, .. } => key,
        }
    }

    /// What is to be stored in place of what is stored: nothing after a deletion.
    ///
    /// # Errors
    /// [`LeaseError::Lost`] when the stored lease is not the one that the caller saw; nothing is to be written then.
    pub fn apply(self, stored: Option<Lease>) -> Result<Option<Lease>, LeaseError> {
        let (key, seen, update) = match self {
            Self::Create(new) => return Ok(Some(stored.unwrap_or_else(|| fresh(new)))),
            Self::Update { key, seen, update } => (key, seen, update),
        };
        let Some(mut lease) = stored.filter(|lease| lease.counter == seen) else {
            return Err(LeaseError::Lost(key));
        };
        lease.counter += 1;
        match update {
            Update::Take(worker) => lease.owner = Some(worker),
            Update::Renew => {}
            Update::Checkpoint(checkpoint) => lease.checkpoint = checkpoint,
            Update::Release => lease.owner = None,
            Update::Delete => return Ok(None),
        }
        Ok(Some(lease))
    }
}

fn fresh(new: NewLease) -> Lease {
    Lease { key: new.key, owner: None, counter: 0, checkpoint: new.checkpoint, parents: new.parents }
}
