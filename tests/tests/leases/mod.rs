//! Lease stores on the real thing: each keeps the contract, and says what is wrong when its server is away.

mod dynamodb;
mod hosts;
mod redis;

use std::{
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use tidemill_engine::lease::{Checkpoint, LeaseKey, NewLease, Update};

/// A name that no other test has, so that tests share a server.
pub fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn new_lease() -> NewLease {
    let key = LeaseKey { stream: "orders".into(), shard: "shardId-000000000000".into() };
    NewLease { key, checkpoint: Checkpoint::TrimHorizon, parents: vec!["shardId-000000000100".into()] }
}

fn move_to(checkpoint: Checkpoint) -> Update {
    Update::Checkpoint { checkpoint, load: 7 }
}

fn at(sequence: &str) -> Checkpoint {
    let sequence = sequence.to_owned().try_into().expect("the tests write good sequence numbers");
    Checkpoint::At { sequence, sub_sequence: None }
}
