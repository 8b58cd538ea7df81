//! Whether an application is running, seen from outside of it.

use std::{collections::HashMap, time::Duration};

use tokio::time::{Instant, sleep};

use super::super::{Lease, LeaseError, LeaseKey, LeaseStore};
use crate::limits;

/// A lease that somebody holds who is alive; none when the application is not running.
///
/// A holder is alive when it writes its lease within the failover time on this process's clock. Without any holder the
/// answer is there at once; with silent ones only, after the failover time.
///
/// # Cancel safety
/// Safe: nothing is written.
pub async fn running(store: &dyn LeaseStore, failover: Duration) -> Result<Option<Lease>, LeaseError> {
    let end = Instant::now() + failover;
    let mut seen: HashMap<LeaseKey, u64> = HashMap::new();
    loop {
        let held: Vec<Lease> =
            store.list().await?.into_iter().filter(|lease| lease.owner.is_some()).collect();
        let alive = |lease: &&Lease| seen.get(&lease.key).is_some_and(|counter| *counter != lease.counter);
        if let Some(lease) = held.iter().find(alive) {
            return Ok(Some(lease.clone()));
        }
        if held.is_empty() || Instant::now() >= end {
            return Ok(None);
        }
        for lease in held {
            seen.entry(lease.key).or_insert(lease.counter);
        }
        sleep(failover / limits::RUNNING_LOOKS).await;
    }
}
