//! The model as the checker sees it: where it begins, what may happen, and what must hold.

use std::{collections::BTreeSet, sync::Mutex};

use stateright::{Model, Property};

use super::{
    sight::Plans,
    state::{Faults, Id, Known, PARENT, Place, ShardNumber, State, WORKERS, Worker, Write},
    steps,
};

/// The protocol, with as many faults as a run may have.
#[derive(Debug)]
pub(super) struct Protocol {
    pub faults: Faults,
    pub bug: Option<Bug>,
    /// What happened in any order of events.
    pub happened: Mutex<BTreeSet<&'static str>>,
    pub plans: Plans,
}

/// What is wrong on purpose, to see that the model notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    /// Writes do not name the lease as it was seen.
    Unfenced,
    /// Nobody knows which shard came from which.
    NoParents,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    /// The shard `a` becomes `b` and `c`.
    Split,
    /// A worker looks at everything, and sends what it planned.
    Look { worker: Id, writes: Vec<Write> },
    /// The first write of the last look reaches the store.
    Arrive { worker: Id, answer: Answer },
    /// A write of a worker that crashed reaches the store.
    ArriveLate { nth: usize },
    /// A worker's clock says that a lease has stood still for the failover time.
    StandStill { worker: Id, shard: ShardNumber },
    /// A worker's clock says that a hand-over took too long.
    Overdue { worker: Id, shard: ShardNumber },
    /// A keeper renews its lease or moves its checkpoint.
    Keep { worker: Id, shard: ShardNumber, answer: Answer },
    /// A keeper gives its lease back.
    Release { worker: Id, shard: ShardNumber },
    /// The holder of the parent creates the leases of the children.
    CreateChildren { worker: Id },
    /// A worker dies, or crashes and starts again under its name; its writes that were on their way arrive late.
    Crash { worker: Id, for_good: bool },
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    Arrives,
    /// The write happened, and the worker does not know.
    Lost,
    /// The write did not happen, and the worker does not know.
    RequestLost,
}

impl Bug {
    /// The promise that it breaks.
    pub(super) fn breaks(self) -> &'static str {
        match self {
            Self::Unfenced => FENCED,
            Self::NoParents => IN_ORDER,
        }
    }
}

/// Whoever moves a checkpoint holds its lease.
const FENCED: &str = "who writes holds the lease";
/// A child is read when its parents are done.
const IN_ORDER: &str = "parents are read before their children";
/// Workers do share.
pub(super) const TWO_READ: &str = "two workers read the children";

impl Protocol {
    pub(super) fn new(faults: Faults, bug: Option<Bug>) -> Self {
        Self { faults, bug, happened: Mutex::default(), plans: Plans::default() }
    }

    pub(super) fn note(&self, what: &'static str) {
        self.happened.lock().unwrap().insert(what);
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let free = Known { owner: None, wanted_by: None, counter: 0, place: Place::Begin };
        let mut leases = [None; 3];
        leases[PARENT] = Some(free);
        vec![State {
            leases,
            workers: [const { Worker::NEW }; WORKERS],
            orphans: Vec::new(),
            is_split: false,
            faults: self.faults,
            broken: Default::default(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if !state.is_split {
            actions.push(Action::Split);
        }
        actions.extend((0..state.orphans.len()).map(|nth| Action::ArriveLate { nth }));
        for worker in 0..WORKERS {
            steps::of_worker(self, state, worker, actions);
            for shard in 0..3 {
                steps::of_clock(state, worker, shard, actions);
                steps::of_keeper(state, worker, shard, actions);
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        next.step(self, action);
        Some(next.tidied())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("a lease has one writer", |_, state: &State| {
                (0..3).all(|shard| {
                    let can_write = |worker: &&Worker| {
                        let known = worker.keepers[shard].map(|keeper| keeper.known.counter);
                        known.is_some() && known == state.leases[shard].map(|lease| lease.counter)
                    };
                    state.workers.iter().filter(can_write).count() <= 1
                })
            }),
            Property::always(FENCED, |_, state: &State| !state.broken.wrote_without_lease),
            Property::always("a checkpoint never moves back", |_, state: &State| !state.broken.moved_back),
            Property::always(IN_ORDER, |_, state: &State| !state.broken.read_early),
            Property::eventually("everything is read to its end", |_, state: &State| {
                state.is_read_to_the_end()
            }),
            Property::sometimes(TWO_READ, |_, state: &State| {
                let [b, c] = [1, 2].map(|child| state.leases[child].and_then(|lease| lease.owner));
                state.is_read_to_the_end() && b.is_some() && c.is_some() && b != c
            }),
        ]
    }
}
