//! What a worker sees when it looks, and what it plans by that.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

use super::{
    protocol::{Bug, Protocol},
    state::{Id, Known, NAMES, PARENT, SHARDS, State, Write, shard_number, worker_name},
};
use crate::{
    kinesis::Shard,
    lease::{
        Lease, LeaseKey,
        balance::{Balance, Me},
        fixture::{DATE, STREAM, key, shard},
        observer::{Hold, Standing},
        plan::{Rules, Start, View, plan},
        start_at::StartAt,
    },
};

/// Plans that were made before: many states look the same to a worker.
pub(super) type Plans = Mutex<HashMap<Sight, Vec<Write>>>;

/// All that a plan is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sight {
    me: Id,
    leases: [Option<Known>; SHARDS],
    held: [bool; SHARDS],
    is_still: [bool; SHARDS],
    is_overdue: [bool; SHARDS],
    is_split: bool,
}

impl Sight {
    pub(super) fn of(state: &State, me: Id) -> Self {
        let worker = &state.workers[me];
        Self {
            me,
            leases: state.leases,
            held: worker.keepers.map(|keeper| keeper.is_some()),
            is_still: worker.still.map(|still| still.is_some()),
            is_overdue: worker.overdue,
            is_split: state.is_split,
        }
    }

    /// The writes that a worker sends which sees this.
    pub(super) fn plan(self, protocol: &Protocol) -> Vec<Write> {
        if let Some(writes) = protocol.plans.lock().unwrap().get(&self) {
            return writes.clone();
        }
        let writes = self.plan_anew(protocol);
        protocol.plans.lock().unwrap().insert(self, writes.clone());
        writes
    }

    fn plan_anew(&self, protocol: &Protocol) -> Vec<Write> {
        let known = || (0..SHARDS).filter_map(|number| Some((number, self.leases[number]?.lease(number))));
        let standings: HashMap<LeaseKey, Standing> =
            known().map(|(number, lease)| (lease.key.clone(), self.standing(number, &lease))).collect();
        let held: HashSet<LeaseKey> =
            (0..SHARDS).filter(|number| self.held[*number]).map(|number| key(NAMES[number])).collect();
        let mut leases: Vec<Lease> = known().map(|(_, lease)| lease).collect();
        let mut shards = self.listed();
        if protocol.bug == Some(Bug::NoParents) {
            leases.iter_mut().for_each(|lease| lease.parents.clear());
            shards.iter_mut().for_each(|shard| shard.parent = None);
        }
        let view = View {
            stream: &STREAM.into(),
            shards: &shards,
            leases: &leases,
            standings: &standings,
            date: DATE,
            me: Me { worker: &worker_name(self.me), held: &held, most: usize::MAX },
        };
        let plan = plan(
            Rules { start: Start::TrimHorizon, start_at: &StartAt::default(), balance: Balance::Count },
            &view,
        );
        let number = |key: &LeaseKey| shard_number(key.shard.as_str());
        let create = plan.create.iter().map(|new| Write::Create(number(&new.key)));
        let take = plan.take.iter().map(|lease| Write::Take(number(&lease.key), lease.counter));
        let ask = plan.ask.iter().map(|lease| Write::Ask(number(&lease.key), lease.counter));
        // Leases are created before anything is taken, and then everything is looked at anew.
        if plan.create.is_empty() { take.chain(ask).collect() } else { create.collect() }
    }

    fn standing(&self, number: usize, lease: &Lease) -> Standing {
        let hold = match Standing::of_new(lease).hold {
            Hold::Held if self.is_still[number] => Hold::Free,
            Hold::Free if self.is_still[number] => Hold::Abandoned,
            hold => hold,
        };
        Standing { hold, is_overdue: self.is_overdue[number], is_settled: true }
    }

    fn listed(&self) -> Vec<Shard> {
        let child = |name| shard(name, [Some(NAMES[PARENT]), None], true);
        let mut shards = vec![shard(NAMES[PARENT], [None, None], !self.is_split)];
        shards.extend(NAMES[1..].iter().copied().map(child).filter(|_| self.is_split));
        shards
    }
}
