//! How a lease stands in the file: its key as application, stream and shard, and the rest as JSON that people can read.

use redb::TableDefinition;
use serde::{Deserialize, Serialize};
use tidemill_engine::{
    lease::{Checkpoint, Lease, LeaseKey, WorkerId},
    time::UnixMillis,
};

/// Application, stream and shard → lease.
pub(super) const LEASES: TableDefinition<'static, (&str, &str, &str), &[u8]> = TableDefinition::new("leases");

#[derive(Serialize, Deserialize)]
struct StoredLease {
    owner: Option<String>,
    counter: u64,
    checkpoint: StoredCheckpoint,
    parents: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StoredCheckpoint {
    TrimHorizon,
    Latest,
    AtTimestamp(u64),
    At { sequence: String, sub_sequence: Option<u32> },
    ShardEnd,
}

/// The lease as bytes for the file.
pub(super) fn encode(lease: &Lease) -> Vec<u8> {
    let stored = StoredLease {
        owner: lease.owner.as_ref().map(|worker| worker.as_str().to_owned()),
        counter: lease.counter,
        checkpoint: store_checkpoint(&lease.checkpoint),
        parents: lease.parents.iter().map(|shard| shard.as_str().to_owned()).collect(),
    };
    serde_json::to_vec(&stored).expect("the struct has no map and no way to fail")
}

/// The lease in these bytes, or what is wrong with them.
pub(super) fn decode(key: LeaseKey, bytes: &[u8]) -> Result<Lease, String> {
    let stored: StoredLease = serde_json::from_slice(bytes)
        .map_err(|error| format!("the lease of {key} is unreadable: {error}"))?;
    Ok(Lease {
        owner: stored.owner.as_deref().map(WorkerId::from),
        counter: stored.counter,
        checkpoint: load_checkpoint(stored.checkpoint)?,
        parents: stored.parents.into_iter().map(Into::into).collect(),
        key,
    })
}

fn store_checkpoint(checkpoint: &Checkpoint) -> StoredCheckpoint {
    match checkpoint {
        Checkpoint::TrimHorizon => StoredCheckpoint::TrimHorizon,
        Checkpoint::Latest => StoredCheckpoint::Latest,
        Checkpoint::AtTimestamp(moment) => StoredCheckpoint::AtTimestamp(moment.0),
        Checkpoint::At { sequence, sub_sequence } => {
            StoredCheckpoint::At { sequence: sequence.as_str().to_owned(), sub_sequence: *sub_sequence }
        }
        Checkpoint::ShardEnd => StoredCheckpoint::ShardEnd,
    }
}

fn load_checkpoint(stored: StoredCheckpoint) -> Result<Checkpoint, String> {
    Ok(match stored {
        StoredCheckpoint::TrimHorizon => Checkpoint::TrimHorizon,
        StoredCheckpoint::Latest => Checkpoint::Latest,
        StoredCheckpoint::AtTimestamp(moment) => Checkpoint::AtTimestamp(UnixMillis(moment)),
        StoredCheckpoint::At { sequence, sub_sequence } => {
            let sequence = sequence.try_into().map_err(|error| format!("{error}"))?;
            Checkpoint::At { sequence, sub_sequence }
        }
        StoredCheckpoint::ShardEnd => Checkpoint::ShardEnd,
    })
}
