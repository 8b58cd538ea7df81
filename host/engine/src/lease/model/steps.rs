//! What may happen in a state, and what it does.

use super::{
    protocol::{Action, Answer, Bug, Protocol},
    sight::Sight,
    state::{
        Id, Keeper, Known, NAMES, PARENT, Place, ShardNumber, State, VICTIM, Worker, Write, worker_name,
    },
};
use crate::lease::{
    Checkpoint, NewLease, Update,
    change::Change,
    fixture::{at, key},
    keeper::is_own,
};

/// What a worker may do: look, if something follows from it; see its writes arrive; crash.
pub(super) fn of_worker(protocol: &Protocol, state: &State, id: Id, actions: &mut Vec<Action>) {
    let worker = &state.workers[id];
    if worker.is_dead {
        return;
    }
    if let Some(write) = worker.sent.first() {
        actions.push(Action::Arrive { worker: id, answer: Answer::Arrives });
        if state.faults.losses > 0 && matches!(write, Write::Take(..)) {
            actions.push(Action::Arrive { worker: id, answer: Answer::Lost });
        }
    } else {
        let writes = Sight::of(state, id).plan(protocol);
        if !writes.is_empty() {
            actions.push(Action::Look { worker: id, writes });
        }
    }
    // Workers differ in nothing but their names, so it is enough that one of them crashes.
    let is_reading = worker.keepers.iter().any(Option::is_some);
    if id == VICTIM && is_reading && state.faults.deaths > 0 {
        actions.push(Action::Crash { worker: id, for_good: true });
    }
    if id == VICTIM && (is_reading || !worker.sent.is_empty()) && state.faults.restarts > 0 {
        actions.push(Action::Crash { worker: id, for_good: false });
    }
}

/// What a worker's clock may tell it. Of a holder that is gone it does so in the end; of one that lives it is wrong.
pub(super) fn of_clock(state: &State, id: Id, shard: ShardNumber, actions: &mut Vec<Action>) {
    let worker = &state.workers[id];
    let Some(lease) = state.leases[shard].filter(|_| !worker.is_dead) else { return };
    let is_waiting_for = lease.owner.or(lease.wanted_by).filter(|other| *other != id);
    let is_news = worker.still[shard] != Some(lease.counter);
    if is_waiting_for.is_some_and(|other| state.workers[other].is_dead || state.faults.suspicions > 0)
        && is_news
    {
        actions.push(Action::StandStill { worker: id, shard });
    }
    if lease.wanted_by == Some(id) && !worker.overdue[shard] && state.faults.delays > 0 {
        actions.push(Action::Overdue { worker: id, shard });
    }
}

/// What a keeper may do.
pub(super) fn of_keeper(state: &State, worker: Id, shard: ShardNumber, actions: &mut Vec<Action>) {
    let Some(keeper) = state.workers[worker].keepers[shard] else { return };
    let has_news = state.leases[shard] != Some(keeper.known);
    if has_news || next_place(state, shard, &keeper) != keeper.known.place {
        actions.push(Action::Keep { worker, shard, answer: Answer::Arrives });
        if state.faults.losses > 0 {
            actions.push(Action::Keep { worker, shard, answer: Answer::Lost });
            actions.push(Action::Keep { worker, shard, answer: Answer::RequestLost });
        }
    }
    if keeper.is_leaving || keeper.known.place == Place::End {
        actions.push(Action::Release { worker, shard });
    }
    if shard == PARENT && keeper.known.place == Place::Read && state.is_split && !keeper.has_created {
        actions.push(Action::CreateChildren { worker });
    }
}

/// How far the shard is read when its keeper writes next.
fn next_place(state: &State, shard: ShardNumber, keeper: &Keeper) -> Place {
    match keeper.known.place {
        Place::Begin => Place::Read,
        Place::Read if shard == PARENT && state.is_split && keeper.has_created => Place::End,
        place => place,
    }
}

impl State {
    /// Does what happens.
    pub(super) fn step(&mut self, protocol: &Protocol, action: Action) {
        match action {
            Action::Split => self.is_split = true,
            Action::Look { worker, writes } => self.workers[worker].sent = writes,
            Action::Arrive { worker, answer } => {
                let write = self.workers[worker].sent.remove(0);
                let written = self.arrive(protocol, worker, write);
                match (write, written) {
                    (Write::Take(shard, _), Some(known)) if answer == Answer::Arrives => {
                        let keeper =
                            Keeper { known, is_unsure: false, is_leaving: false, has_created: false };
                        self.workers[worker].keepers[shard] = Some(keeper);
                    }
                    _ => {}
                }
                self.faults.losses -= u8::from(answer != Answer::Arrives);
            }
            Action::ArriveLate { nth } => {
                let (worker, write) = self.orphans.remove(nth);
                self.arrive(protocol, worker, write);
            }
            Action::StandStill { worker, shard } => {
                let lease = self.leases[shard].expect("the clock tells of leases that are there");
                let other = lease.owner.or(lease.wanted_by).expect("somebody is waited for");
                self.faults.suspicions -= u8::from(!self.workers[other].is_dead);
                self.workers[worker].still[shard] = Some(lease.counter);
            }
            Action::Overdue { worker, shard } => {
                self.faults.delays -= 1;
                self.workers[worker].overdue[shard] = true;
            }
            Action::Keep { worker, shard, answer } => self.keep(protocol, worker, shard, answer),
            Action::Release { worker, shard } => {
                let keeper = self.workers[worker].keepers[shard].take().expect("a keeper releases");
                let released = self.update(protocol, shard, keeper.known, worker, Update::Release);
                if released.is_some_and(|lease| lease.wanted_by.is_some()) {
                    protocol.note("a lease was handed over");
                }
            }
            Action::CreateChildren { worker } => {
                for child in [1, 2] {
                    self.create(child);
                }
                let keeper = self.workers[worker].keepers[PARENT].as_mut();
                keeper.expect("the holder of the parent creates them").has_created = true;
            }
            Action::Crash { worker, for_good } => {
                self.faults.deaths -= u8::from(for_good);
                self.faults.restarts -= u8::from(!for_good);
                let lost = std::mem::replace(&mut self.workers[worker], Worker::NEW);
                self.workers[worker].is_dead = for_good;
                self.orphans.extend(lost.sent.into_iter().map(|write| (worker, write)));
            }
        }
    }

    fn arrive(&mut self, protocol: &Protocol, worker: Id, write: Write) -> Option<Known> {
        match write {
            Write::Create(shard) => {
                self.create(shard);
                None
            }
            Write::Take(shard, counter) => {
                let before = self.leases[shard]?;
                let taken = self.write(protocol, shard, counter, Update::Take(worker_name(worker)))?;
                let was_kept = before.owner.is_some_and(|owner| self.is_kept_by(owner, shard));
                if was_kept {
                    let by_force = before.wanted_by == Some(worker);
                    protocol.note(if by_force { "a lease was taken by force" } else { "a lease expired" });
                }
                Some(taken)
            }
            Write::Ask(shard, counter) => {
                self.write(protocol, shard, counter, Update::Ask(worker_name(worker)))
            }
        }
    }

    fn keep(&mut self, protocol: &Protocol, worker: Id, shard: ShardNumber, answer: Answer) {
        let keeper = self.workers[worker].keepers[shard].expect("a keeper writes");
        self.faults.losses -= u8::from(answer != Answer::Arrives);
        if answer == Answer::RequestLost {
            self.workers[worker].keepers[shard] = Some(Keeper { is_unsure: true, ..keeper });
            return;
        }
        let place = next_place(self, shard, &keeper);
        self.broken.read_early |= shard != PARENT
            && place != keeper.known.place
            && self.leases[PARENT].map(|lease| lease.place) != Some(Place::End);
        let update = match place {
            place if place == keeper.known.place => Update::Renew { load: 0 },
            Place::End => Update::Checkpoint { checkpoint: Checkpoint::ShardEnd, load: 0 },
            _ => Update::Checkpoint { checkpoint: at(1), load: 0 },
        };
        let written = self.update(protocol, shard, keeper.known, worker, update);
        let kept = match (written, answer) {
            (_, Answer::Lost) => Some(Keeper { is_unsure: true, ..keeper }),
            (Some(known), _) => {
                let is_leaving = keeper.is_leaving || known.wanted_by.is_some();
                Some(Keeper { known, is_unsure: false, is_leaving, ..keeper })
            }
            (None, _) => self.leases[shard]
                .filter(|stored| keeper.is_unsure && is_own(&keeper.known.lease(shard), &stored.lease(shard)))
                .map(|known| Keeper { known, is_unsure: false, ..keeper }),
        };
        if written.is_none() && answer == Answer::Arrives && kept.is_some() {
            protocol.note("a keeper knew its own write");
        }
        self.workers[worker].keepers[shard] = kept;
    }

    /// A keeper's write, which only the holder may do.
    fn update(
        &mut self,
        protocol: &Protocol,
        shard: ShardNumber,
        known: Known,
        worker: Id,
        update: Update,
    ) -> Option<Known> {
        let before = self.leases[shard]?;
        let written = self.write(protocol, shard, known.counter, update)?;
        self.broken.wrote_without_lease |= before.owner != Some(worker);
        self.broken.moved_back |= written.place < before.place;
        Some(written)
    }

    fn write(&mut self, protocol: &Protocol, shard: ShardNumber, seen: u64, update: Update) -> Option<Known> {
        let stored = self.leases[shard]?;
        let seen = if protocol.bug == Some(Bug::Unfenced) { stored.counter } else { seen };
        let change = Change::Update { key: key(NAMES[shard]), seen, update };
        let changed = change.apply(Some(stored.lease(shard))).ok().flatten()?;
        self.leases[shard] = Some(Known::of(&changed));
        self.leases[shard]
    }

    fn create(&mut self, shard: ShardNumber) {
        let new = NewLease {
            key: key(NAMES[shard]),
            checkpoint: Checkpoint::TrimHorizon,
            parents: vec![NAMES[PARENT].into()],
        };
        let stored = self.leases[shard].map(|known| known.lease(shard));
        let created = Change::Create(new).apply(stored).expect("creating is never lost");
        self.leases[shard] = created.as_ref().map(Known::of);
    }
}
