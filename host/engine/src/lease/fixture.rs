//! Shards and leases for tests, as short as can be.

use std::collections::{HashMap, HashSet};

use super::{
    Checkpoint, Lease, LeaseKey, WorkerId,
    balance::Me,
    plan::{Plan, Rules, Start, View, plan},
};
use crate::{
    hash::{HashKey, HashRange},
    kinesis::Shard,
    record::ShardId,
    time::UnixMillis,
};

pub(crate) const STREAM: &str = "s";

/// A shard that takes all hash keys.
pub(crate) fn shard(id: &str, parents: [Option<&str>; 2], is_open: bool) -> Shard {
    Shard {
        id: id.into(),
        parent: parents[0].map(ShardId::from),
        adjacent_parent: parents[1].map(ShardId::from),
        range: HashRange { start: HashKey(0), end: HashKey::MAX },
        starting_sequence: "1".to_owned().try_into().unwrap(),
        ending_sequence: (!is_open).then(|| "2".to_owned().try_into().unwrap()),
    }
}

pub(crate) fn lease(shard: &str, owner: Option<&str>, checkpoint: Checkpoint, parents: &[&str]) -> Lease {
    Lease {
        key: key(shard),
        owner: owner.map(WorkerId::from),
        wanted_by: None,
        counter: 1,
        checkpoint,
        load: 0,
        parents: parents.iter().map(|parent| ShardId::from(*parent)).collect(),
    }
}

/// When a worker begins to look: five minutes, which a clock may be wrong, before it is 700,000.
pub(crate) const DATE: UnixMillis = UnixMillis(1_000_000);

pub(crate) fn key(shard: &str) -> LeaseKey {
    LeaseKey { stream: STREAM.into(), shard: shard.into() }
}

pub(crate) fn at(sequence: u32) -> Checkpoint {
    Checkpoint::At { sequence: sequence.to_string().try_into().unwrap(), sub_sequence: None }
}

/// a and b were merged into c, which was split into d and e.
pub(crate) fn family() -> Vec<Shard> {
    vec![
        shard("e", [Some("c"), None], true),
        shard("d", [Some("c"), None], true),
        shard("c", [Some("a"), Some("b")], false),
        shard("b", [None, None], false),
        shard("a", [None, None], false),
    ]
}

/// What a worker that holds nothing and has just begun to look plans.
pub(crate) fn plan_of(start: Start, shards: &[Shard], leases: &[Lease]) -> Plan {
    let me = Me { worker: &"me".into(), held: &HashSet::new(), most: usize::MAX };
    let view = View { stream: &STREAM.into(), shards, leases, standings: &HashMap::new(), date: DATE, me };
    plan(Rules { start, start_at: &Default::default(), balance: Default::default() }, &view)
}

pub(crate) fn created(plan: &Plan) -> Vec<(&str, &Checkpoint)> {
    plan.create.iter().map(|new| (new.key.shard.as_str(), &new.checkpoint)).collect()
}

pub(crate) fn ids(leases: &[Lease]) -> Vec<&str> {
    leases.iter().map(|lease| lease.key.shard.as_str()).collect()
}
