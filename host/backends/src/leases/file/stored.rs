//! How a lease stands in the file: its key as application, stream and shard, and the rest as JSON that people can read.

use std::error::Error;

use redb::TableDefinition;
use serde::{Deserialize, Serialize};
use tidemill_engine::lease::{Lease, LeaseKey, WorkerId};

/// Application, stream and shard → lease.
pub(super) const LEASES: TableDefinition<'static, (&str, &str, &str), &[u8]> = TableDefinition::new("leases");

#[derive(Serialize, Deserialize)]
struct StoredLease {
    owner: Option<String>,
    wanted_by: Option<String>,
    counter: u64,
    checkpoint: String,
    load: u64,
    parents: Vec<String>,
}

/// The lease as bytes for the file.
pub(super) fn encode(lease: &Lease) -> Vec<u8> {
    let name = |worker: &Option<WorkerId>| worker.as_ref().map(|worker| worker.as_str().to_owned());
    let stored = StoredLease {
        owner: name(&lease.owner),
        wanted_by: name(&lease.wanted_by),
        counter: lease.counter,
        checkpoint: lease.checkpoint.to_string(),
        load: lease.load,
        parents: lease.parents.iter().map(|shard| shard.as_str().to_owned()).collect(),
    };
    serde_json::to_vec(&stored).expect("the struct has no map and no way to fail")
}

/// The lease in these bytes, or what is wrong with them.
pub(super) fn decode(key: LeaseKey, bytes: &[u8]) -> Result<Lease, String> {
    let unreadable = |error: &dyn Error| format!("the lease of {key} is unreadable: {error}");
    let stored: StoredLease = serde_json::from_slice(bytes).map_err(|error| unreadable(&error))?;
    Ok(Lease {
        owner: stored.owner.as_deref().map(WorkerId::from),
        wanted_by: stored.wanted_by.as_deref().map(WorkerId::from),
        counter: stored.counter,
        checkpoint: stored.checkpoint.parse().map_err(|error| unreadable(&error))?,
        load: stored.load,
        parents: stored.parents.into_iter().map(Into::into).collect(),
        key,
    })
}
