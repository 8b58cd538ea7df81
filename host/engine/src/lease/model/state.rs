//! What the model knows at one moment: small, because there are many of them.

use crate::lease::{
    Checkpoint, Lease,
    fixture::{at, lease},
};

pub(super) type Id = usize;
pub(super) type ShardNumber = usize;

pub(super) const WORKERS: usize = 3;
/// The worker that crashes.
pub(super) const VICTIM: Id = 0;
pub(super) const SHARDS: usize = 3;
/// The shard that is split into the other two.
pub(super) const PARENT: ShardNumber = 0;
pub(super) const NAMES: [&str; SHARDS] = ["a", "b", "c"];

/// How far a shard was read: every shard has one record, and only the parent ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Place {
    Begin,
    Read,
    End,
}

/// A lease, as the store or a worker knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Known {
    pub owner: Option<Id>,
    pub wanted_by: Option<Id>,
    pub counter: u64,
    pub place: Place,
}

/// A write on its way to the store. Asks and takes name the counter that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Write {
    Create(ShardNumber),
    Take(ShardNumber, u64),
    Ask(ShardNumber, u64),
}

/// A worker's keeping of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Keeper {
    pub known: Known,
    /// A write of its own may have happened without its knowing.
    pub is_unsure: bool,
    /// Another worker asked for the lease.
    pub is_leaving: bool,
    /// The children have leases.
    pub has_created: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Worker {
    pub keepers: [Option<Keeper>; SHARDS],
    /// Writes of the last look that have not reached the store yet.
    pub sent: Vec<Write>,
    /// The counters that stood still for the failover time.
    pub still: [Option<u64>; SHARDS],
    /// The leases that this worker asked for and was not given in time.
    pub overdue: [bool; SHARDS],
    pub is_dead: bool,
}

/// How often something may still go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Faults {
    /// A living holder is taken for dead.
    pub suspicions: u8,
    /// A hand-over takes too long.
    pub delays: u8,
    /// An answer or a request is lost.
    pub losses: u8,
    /// A worker dies.
    pub deaths: u8,
    /// A worker crashes, and starts again under the same name.
    pub restarts: u8,
}

/// What must never be. Set by the step that does it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Broken {
    pub moved_back: bool,
    pub wrote_without_lease: bool,
    pub read_early: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub leases: [Option<Known>; SHARDS],
    pub workers: [Worker; WORKERS],
    /// Writes of workers that crashed meanwhile.
    pub orphans: Vec<(Id, Write)>,
    pub is_split: bool,
    pub faults: Faults,
    pub broken: Broken,
}

impl Worker {
    pub(super) const NEW: Self = Self {
        keepers: [None; SHARDS],
        sent: Vec::new(),
        still: [None; SHARDS],
        overdue: [false; SHARDS],
        is_dead: false,
    };
}

impl Known {
    pub(super) fn lease(self, shard: ShardNumber) -> Lease {
        let checkpoint = match self.place {
            Place::Begin => Checkpoint::TrimHorizon,
            Place::Read => at(1),
            Place::End => Checkpoint::ShardEnd,
        };
        let parents: &[&str] = if shard == PARENT { &[] } else { &NAMES[..1] };
        Lease {
            counter: self.counter,
            wanted_by: self.wanted_by.map(worker_name),
            owner: self.owner.map(worker_name),
            ..lease(NAMES[shard], None, checkpoint, parents)
        }
    }

    pub(super) fn of(lease: &Lease) -> Self {
        let place = match lease.checkpoint {
            Checkpoint::At { .. } => Place::Read,
            Checkpoint::ShardEnd => Place::End,
            _ => Place::Begin,
        };
        let id = |worker: &crate::lease::WorkerId| worker.as_str().parse().expect("workers are numbers");
        let [owner, wanted_by] = [&lease.owner, &lease.wanted_by].map(|worker| worker.as_ref().map(id));
        Self { owner, wanted_by, counter: lease.counter, place }
    }
}

impl State {
    /// Whether somebody keeps the lease who believes to hold it.
    pub(super) fn is_kept_by(&self, worker: Id, shard: ShardNumber) -> bool {
        self.workers[worker].keepers[shard].is_some()
    }

    /// Forgets what does not count any more, so that states that differ in nothing else are one.
    pub(super) fn tidied(mut self) -> Self {
        for (id, worker) in self.workers.iter_mut().enumerate() {
            for (shard, lease) in self.leases.iter().enumerate() {
                let counter = lease.map(|lease| lease.counter);
                worker.still[shard] = worker.still[shard].filter(|still| Some(*still) == counter);
                worker.overdue[shard] &= lease.is_some_and(|lease| lease.wanted_by == Some(id));
            }
        }
        self
    }

    /// Whether nothing is left to do.
    pub(super) fn is_read_to_the_end(&self) -> bool {
        let place = |shard: ShardNumber| self.leases[shard].map(|lease| lease.place);
        place(0) == Some(Place::End) && [1, 2].iter().all(|child| place(*child) == Some(Place::Read))
    }
}

pub(super) fn worker_name(id: Id) -> crate::lease::WorkerId {
    ["0", "1", "2"][id].into()
}

pub(super) fn shard_number(name: &str) -> ShardNumber {
    NAMES.iter().position(|other| *other == name).expect("the model has three shards")
}
