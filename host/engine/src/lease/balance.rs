//! Which leases a worker should have, so that all workers have about the same: a pure function of who holds and wants
//! what.
//!
//! Every lease weighs one, or what it brings of throughput. A lease that is free goes to the worker with the least; all
//! workers that see the same leases share them out the same way, and take only their own. A worker that has less than
//! another asks it for the leases that make them more alike. A lease that was asked for counts for whoever asked.

use std::{
    collections::{BTreeMap, HashSet},
    hash::BuildHasher,
};

use foldhash::fast::FixedState;

use super::{
    Lease, LeaseKey, WorkerId,
    observer::{Hold, Standing},
};
use crate::limits;

mod asking;
mod taking;

/// What workers should have the same of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// Leases.
    #[default]
    Count,
    /// Bytes a second.
    Throughput,
}

/// The worker that balances.
#[derive(Clone, Debug)]
pub struct Me<'a> {
    /// Who it is.
    pub worker: &'a WorkerId,
    /// The leases that it works on, whoever they belong to by now.
    pub held: &'a HashSet<LeaseKey>,
    /// How many it may work on at once.
    pub most: usize,
}

/// What a worker should do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares<'a> {
    /// Leases to take now.
    pub take: Vec<&'a Lease>,
    /// Leases to ask their holders for.
    pub ask: Vec<&'a Lease>,
}

/// Shares the leases out. `leases` are those of shards that may be read, with how they stand.
pub fn share<'a>(balance: Balance, me: &Me<'a>, leases: &[(&'a Lease, Standing)]) -> Shares<'a> {
    let leases = weighed(balance, me, leases);
    let mut loads = loads(me, &leases);
    let mut take = taking::taken(me, &leases, &mut loads);
    let room = me.most.saturating_sub(me.held.len());
    take.truncate(room);
    let awaited = leases.iter().filter(|lease| lease.is_awaited(me)).count();
    let most = room.saturating_sub(take.len().max(awaited));
    let ask = asking::asked(balance, me, &leases, loads, most);
    Shares { take, ask }
}

/// A lease with what decides about it.
#[derive(Clone, Copy, Debug)]
struct Weighed<'a> {
    lease: &'a Lease,
    standing: Standing,
    weight: u64,
    /// Who has it or is about to.
    claimed_by: Option<&'a WorkerId>,
    /// Differs from worker to worker, so that they do not all begin with the same lease.
    order: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Load {
    weight: u64,
    count: usize,
}

impl Load {
    fn add(&mut self, weight: u64) {
        self.weight += weight;
        self.count += 1;
    }

    fn remove(&mut self, weight: u64) {
        self.weight -= weight;
        self.count -= 1;
    }
}

impl Weighed<'_> {
    /// Whether this worker asked for it, and may not have it yet.
    fn is_awaited(&self, me: &Me<'_>) -> bool {
        self.claimed_by == Some(me.worker) && self.lease.owner.as_ref() != Some(me.worker)
    }
}

fn weighed<'a>(balance: Balance, me: &Me<'a>, leases: &[(&'a Lease, Standing)]) -> Vec<Weighed<'a>> {
    let total: u64 = leases.iter().map(|(lease, _)| lease.load).sum();
    let mean = total / (leases.len() as u64).max(1);
    let hasher = FixedState::default();
    let weigh = |&(lease, standing): &(&'a Lease, Standing)| Weighed {
        lease,
        standing,
        weight: match balance {
            Balance::Count => 1,
            // A shard without records costs something too, and so that all without any are shared out by count.
            Balance::Throughput => 1 + lease.load + mean / 100 * limits::BALANCE_IDLE_PERCENT,
        },
        claimed_by: claimant(lease, standing, me),
        order: hasher.hash_one((me.worker, &lease.key)),
    };
    leases.iter().map(weigh).collect()
}

/// Who has a lease or is about to; nobody if it is there for whoever has the least.
fn claimant<'a>(lease: &'a Lease, standing: Standing, me: &Me<'_>) -> Option<&'a WorkerId> {
    let (owner, asker) = (lease.owner.as_ref(), lease.wanted_by.as_ref());
    let is_working = me.held.contains(&lease.key);
    // Somebody who did not get it in time, and does not take it by force, is not there any more.
    let asker = asker.filter(|asker| !standing.is_overdue || *asker == me.worker || is_working);
    match standing.hold {
        _ if owner == Some(me.worker) && is_working => asker.or(owner),
        Hold::Held => asker.or(owner),
        Hold::Free if owner.is_none() => lease.wanted_by.as_ref(),
        Hold::Free | Hold::Abandoned => None,
    }
}

/// What every worker that is alive has or is about to have; this one too, if only nothing.
fn loads<'a>(me: &Me<'a>, leases: &[Weighed<'a>]) -> BTreeMap<&'a WorkerId, Load> {
    let mut loads = BTreeMap::from([(me.worker, Load::default())]);
    for lease in leases {
        if let Some(worker) = lease.claimed_by {
            loads.entry(worker).or_default().add(lease.weight);
        }
        // Whoever hands everything over is alive all the same.
        if let (Hold::Held, Some(owner)) = (lease.standing.hold, &lease.lease.owner) {
            loads.entry(owner).or_default();
        }
    }
    loads
}

#[cfg(test)]
mod tests;
