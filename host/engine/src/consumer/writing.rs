//! Carries out what was planned about leases: many at once, but not all.

use std::{collections::HashSet, sync::Arc};

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    lease::{Lease, LeaseError, LeaseStore, NewLease, Update, WorkerId, plan::Plan},
    limits,
};

/// What a write was good for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// This worker has the lease now.
    Taken {
        /// The lease as it is then.
        lease: Lease,
        /// When taking it began: from then on it has to be renewed in time.
        since: Instant,
    },
    /// Nothing that needs doing followed, or another worker was faster.
    Nothing,
}

/// Creates leases, parents before children also if it fails half way.
pub(super) async fn create(leases: &Arc<dyn LeaseStore>, mut new: Vec<NewLease>) -> Result<(), LeaseError> {
    while !new.is_empty() {
        let younger = new.split_off(first_generation(&new));
        let creating = stream::iter(new).map(|new| {
            let leases = Arc::clone(leases);
            async move { leases.create(new).await.map(drop) }
        });
        creating.buffer_unordered(limits::LEASE_WRITES).try_collect::<()>().await?;
        new = younger;
    }
    Ok(())
}

/// Takes, asks for and deletes leases, in this order. Ends early on a stop, but finishes what it has begun.
pub(super) fn carry_out(
    leases: &Arc<dyn LeaseStore>,
    me: &WorkerId,
    plan: Plan,
    stop: CancellationToken,
) -> BoxStream<'static, Result<Written, LeaseError>> {
    let take = plan.take.into_iter().map(Step::Take);
    let ask = plan.ask.into_iter().map(Step::Ask);
    let delete = plan.delete.into_iter().map(Step::Delete);
    let steps = take.chain(ask).chain(delete).take_while(move |_| !stop.is_cancelled());
    let (leases, me) = (Arc::clone(leases), me.clone());
    let writes = stream::iter(steps).map(move |step| step.carry_out(Arc::clone(&leases), me.clone()));
    writes.buffer_unordered(limits::LEASE_WRITES).boxed()
}

/// How many of the leases come before the first that is a child of one of them.
fn first_generation(new: &[NewLease]) -> usize {
    let mut before = HashSet::new();
    for (count, new) in new.iter().enumerate() {
        if new.parents.iter().any(|parent| before.contains(parent)) {
            return count;
        }
        before.insert(&new.key.shard);
    }
    new.len()
}

enum Step {
    Take(Lease),
    Ask(Lease),
    Delete(Lease),
}

impl Step {
    async fn carry_out(self, leases: Arc<dyn LeaseStore>, me: WorkerId) -> Result<Written, LeaseError> {
        let written = match self {
            Self::Take(lease) => {
                let since = Instant::now();
                let taken = leases.update(&lease, Update::Take(me)).await;
                taken.map(|lease| Written::Taken { lease, since })
            }
            Self::Ask(lease) => leases.update(&lease, Update::Ask(me)).await.map(|_| Written::Nothing),
            Self::Delete(lease) => leases.delete(&lease).await.map(|()| Written::Nothing),
        };
        match written {
            Err(LeaseError::Lost(_)) => Ok(Written::Nothing),
            other => other,
        }
    }
}
