//! What to do about the leases of a stream: a pure function of its shards, the leases, and who is alive.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    Lease, LeaseKey, NewLease,
    balance::{Balance, Me, Shares, share},
    lineage::{Lineage, by_shard},
    observer::Standing,
    start_at::{self, StartAt},
};
use crate::{kinesis::Shard, record::ShardId, time::UnixMillis};

/// Where an application without checkpoints starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Start {
    /// At the oldest record still kept.
    #[default]
    TrimHorizon,
    /// After the newest record.
    Latest,
    /// At a moment.
    AtTimestamp(UnixMillis),
}

/// What a plan is made by.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Where to start when there is no checkpoint.
    pub start: Start,
    /// Shards that start at a record of their own then.
    pub start_at: &'a StartAt,
    /// What workers should have the same of.
    pub balance: Balance,
}

/// What a plan is made of: everything about one stream.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Its name.
    pub stream: &'a Arc<str>,
    /// All shards that the service lists.
    pub shards: &'a [Shard],
    /// All leases.
    pub leases: &'a [Lease],
    /// How they stand, as far as they were seen before.
    pub standings: &'a HashMap<LeaseKey, Standing>,
    /// The worker's date when it began to look.
    pub date: UnixMillis,
    /// The worker that plans.
    pub me: Me<'a>,
}

impl View<'_> {
    fn standing(&self, lease: &Lease) -> Standing {
        self.standings.get(&lease.key).copied().unwrap_or_else(|| Standing::of_new(lease))
    }
}

/// What to do. Leases are created first, and nothing is taken whose parents are among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Leases that are missing, parents before children.
    pub create: Vec<NewLease>,
    /// Leases to take, the most urgent first.
    pub take: Vec<Lease>,
    /// Leases to ask their holders for.
    pub ask: Vec<Lease>,
    /// Leases of shards that ended, that the service has forgotten, and that nothing depends on.
    pub delete: Vec<Lease>,
}

/// Makes a plan for one stream.
pub fn plan(rules: Rules<'_>, view: &View<'_>) -> Plan {
    let lineage = Lineage::of(view.shards);
    let leases = by_shard(view.leases);
    let create = lineage.missing(rules.start, view.date, &leases, view.stream);
    let create = start_at::missing(rules.start_at, &lineage, &leases, view.stream, create);
    let coming: HashSet<&ShardId> = create.iter().map(|new| &new.key.shard).collect();
    let readable: Vec<(&Lease, Standing)> = view
        .leases
        .iter()
        .filter(|lease| lineage.is_readable(lease, &leases, &coming))
        .map(|lease| (lease, view.standing(lease)))
        .collect();
    let Shares { take, ask } = share(rules.balance, &view.me, &readable);
    let delete = lineage.done_with(&leases).into_iter().cloned().collect();
    Plan {
        take: take.into_iter().cloned().collect(),
        ask: ask.into_iter().cloned().collect(),
        create,
        delete,
    }
}

#[cfg(test)]
mod tests;
