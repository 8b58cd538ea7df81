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
    /// Deletes a lease if it is as the caller last saw it.
    Delete {
        /// Which lease.
        key: LeaseKey,
        /// The counter that the caller saw.
        seen: u64,
    },
}

/// What is to become of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// This worker holds it, whoever held or wanted it.
    Take(WorkerId),
    /// Its holder is alive, and reads this many bytes a second.
    Renew {
        /// Bytes a second.
        load: u64,
    },
    /// Its checkpoint moves. It also renews.
    Checkpoint {
        /// How far the work is done.
        checkpoint: Checkpoint,
        /// Bytes a second.
        load: u64,
    },
    /// Nobody holds it; its checkpoint stays, and so does the name of whoever wants it.
    Release,
    /// This worker wants it. The counter stays as it is, so that an ask neither disturbs the holder's next write nor
    /// looks like a sign of life. The last one who asks is remembered.
    Ask(WorkerId),
}

impl Change {
    /// An update of the lease as the caller last saw it.
    pub fn update(lease: &Lease, update: Update) -> Self {
        Self::Update { key: lease.key.clone(), seen: lease.counter, update }
    }

    /// A deletion of the lease as the caller last saw it.
    pub fn delete(lease: &Lease) -> Self {
        Self::Delete { key: lease.key.clone(), seen: lease.counter }
    }

    /// The lease that is to be changed.
    pub fn key(&self) -> &LeaseKey {
        match self {
            Self::Create(lease) => &lease.key,
            Self::Update { key, .. } | Self::Delete { key, .. } => key,
        }
    }

    /// What is to be stored in place of what is stored: nothing after a deletion.
    ///
    /// # Errors
    /// [`LeaseError::Lost`] when the stored lease is not the one that the caller saw; nothing is to be written then.
    pub fn apply(self, stored: Option<Lease>) -> Result<Option<Lease>, LeaseError> {
        match self {
            Self::Create(new) => Ok(Some(stored.unwrap_or_else(|| fresh(new)))),
            Self::Update { key, seen, update } => {
                as_seen(stored, key, seen).map(|lease| Some(update.apply(lease)))
            }
            Self::Delete { key, seen } => as_seen(stored, key, seen).map(|_| None),
        }
    }
}

impl Update {
    /// The lease after this update.
    pub fn apply(self, mut lease: Lease) -> Lease {
        match self {
            Self::Take(worker) => {
                lease.owner = Some(worker);
                lease.wanted_by = None;
            }
            Self::Renew { load } => lease.load = load,
            Self::Checkpoint { checkpoint, load } => {
                lease.checkpoint = checkpoint;
                lease.load = load;
            }
            Self::Release => lease.owner = None,
            Self::Ask(worker) => {
                lease.wanted_by = Some(worker);
                return lease;
            }
        }
        lease.counter += 1;
        lease
    }
}

fn as_seen(stored: Option<Lease>, key: LeaseKey, seen: u64) -> Result<Lease, LeaseError> {
    stored.filter(|lease| lease.counter == seen).ok_or(LeaseError::Lost(key))
}

fn fresh(new: NewLease) -> Lease {
    let NewLease { key, checkpoint, parents } = new;
    Lease { key, owner: None, wanted_by: None, counter: 0, checkpoint, load: 0, parents }
}
