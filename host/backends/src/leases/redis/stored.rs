//! How a lease stands in Redis: JSON whose values are all texts, because scripts would round numbers.

use std::error::Error;

use serde::{Deserialize, Serialize};
use tidemill_engine::{
    lease::{Lease, LeaseKey, NewLease, Update},
    record::ShardId,
};

#[derive(Serialize, Deserialize)]
struct StoredLease {
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted_by: Option<String>,
    counter: String,
    checkpoint: String,
    load: String,
    /// Ids of shards with a blank between: scripts cannot tell an empty list from an empty object.
    parents: String,
}

/// A new lease as text.
pub(super) fn encode(lease: &NewLease) -> String {
    let parents: Vec<_> = lease.parents.iter().map(ShardId::as_str).collect();
    let stored = StoredLease {
        owner: None,
        wanted_by: None,
        counter: "0".to_owned(),
        checkpoint: lease.checkpoint.to_string(),
        load: "0".to_owned(),
        parents: parents.join(" "),
    };
    serde_json::to_string(&stored).expect("the struct has no map and no way to fail")
}

/// What an update sets, by name; an empty text takes the name away.
pub(super) fn changes(update: Update) -> Vec<(&'static str, String)> {
    match update {
        Update::Take(worker) => vec![("owner", worker.to_string()), ("wanted_by", String::new())],
        Update::Renew { load } => vec![("load", load.to_string())],
        Update::Checkpoint { checkpoint, load } => {
            vec![("checkpoint", checkpoint.to_string()), ("load", load.to_string())]
        }
        Update::Release => vec![("owner", String::new())],
        Update::Ask(worker) => vec![("wanted_by", worker.to_string())],
    }
}

/// The field of a lease.
pub(super) fn field(key: &LeaseKey) -> String {
    key.to_string()
}

/// The lease of a field and its text, or what is wrong with them.
pub(super) fn decode(field: &str, text: &str) -> Result<Lease, String> {
    let unreadable = |reason: &dyn std::fmt::Display| format!("the lease {field} is unreadable: {reason}");
    let error = |error: &dyn Error| unreadable(&error);
    let (stream, shard) =
        field.rsplit_once('/').ok_or_else(|| unreadable(&"its name is not STREAM/SHARD"))?;
    let stored: StoredLease = serde_json::from_str(text).map_err(|e| error(&e))?;
    Ok(Lease {
        key: LeaseKey { stream: stream.into(), shard: shard.into() },
        owner: stored.owner.as_deref().map(Into::into),
        wanted_by: stored.wanted_by.as_deref().map(Into::into),
        counter: stored.counter.parse().map_err(|e| error(&e))?,
        checkpoint: stored.checkpoint.parse().map_err(|e| error(&e))?,
        load: stored.load.parse().map_err(|e| error(&e))?,
        parents: stored.parents.split_whitespace().map(Into::into).collect(),
    })
}
