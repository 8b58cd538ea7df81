//! Lease stores on the real thing: each keeps the contract, and says what is wrong when its server is away.

mod dynamodb;
mod redis;

use std::sync::atomic::{AtomicU32, Ordering};

use tidemill_engine::lease::{Checkpoint, LeaseKey, NewLease};

/// A name that no other test of this process has, so that tests share a server.
fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

fn new_lease() -> NewLease {
    let key = LeaseKey { stream: "orders".into(), shard: "shardId-000000000000".into() };
    NewLease { key, checkpoint: Checkpoint::TrimHorizon, parents: vec![] }
}
