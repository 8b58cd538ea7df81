//! Checks that are made while a run goes on, at the moment when something takes effect.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;

use super::{diary::Check, process::ProcessId, scenario::StartAt, world::World};
use crate::{
    kinesis::Position,
    lease::{
        Checkpoint, Lease, LeaseKey, LeaseStore, Update, WorkerId,
        lineage::{Lineage, parents_of},
    },
    record::ShardId,
    time::UnixMillis,
};

/// Who holds which lease, and what processes were told.
#[derive(Debug, Default)]
pub(super) struct Holders {
    leases: BTreeMap<ShardId, Holder>,
    /// When the lease of a shard was first created.
    created: BTreeMap<ShardId, Instant>,
    /// Leases that a process was told that it lost.
    told: BTreeMap<(ProcessId, ShardId), Instant>,
    /// Keys of a shard that a handler of a process is given just now.
    handling: BTreeSet<(ProcessId, ShardId, usize)>,
    /// Since when a worker asks for a lease that it does not have.
    asked: BTreeMap<(ShardId, WorkerId), Instant>,
    gone: BTreeSet<ProcessId>,
    /// Since when processes that were frozen are awake; none while they are not.
    awake: BTreeMap<ProcessId, Option<Instant>>,
}

#[derive(Debug)]
struct Holder {
    process: ProcessId,
    written: Instant,
    /// The writer's date then.
    date: UnixMillis,
}

impl Holders {
    /// The date at which a lease was last written, as its writer tells it.
    pub(super) fn date_of(&self, shard: &ShardId) -> Option<UnixMillis> {
        self.leases.get(shard).map(|holder| holder.date)
    }

    /// Whether a process that is still there and awake holds the lease, and has shown it since it woke.
    pub(super) fn is_held(&self, shard: &ShardId) -> bool {
        let is_awake = |holder: &Holder| match self.awake.get(&holder.process) {
            None => true,
            Some(since) => since.is_some_and(|since| holder.written > since),
        };
        self.leases.get(shard).is_some_and(|holder| !self.gone.contains(&holder.process) && is_awake(holder))
    }

    /// Whether a process took the lease last.
    pub(super) fn holds(&self, process: ProcessId, shard: &ShardId) -> bool {
        self.leases.get(shard).is_some_and(|holder| holder.process == process)
    }

    /// A process is frozen.
    pub(super) fn sleeps(&mut self, process: ProcessId) {
        self.awake.insert(process, None);
    }

    /// A process was told that it lost a lease, or that it has it after all.
    pub(super) fn told(&mut self, process: ProcessId, shard: &ShardId, is_lost: bool) {
        if is_lost {
            self.told.insert((process, shard.clone()), Instant::now());
        } else {
            self.told.remove(&(process, shard.clone()));
        }
    }

    /// A process goes on that was frozen: what it was told just before, it has not acted on.
    pub(super) fn woke(&mut self, process: ProcessId) {
        self.awake.insert(process, Some(Instant::now()));
        let told = self.told.iter_mut().filter(|((of, _), _)| *of == process);
        told.for_each(|(_, at)| *at = Instant::now());
    }

    /// A handler of a process is done with these keys, or its call was dropped.
    pub(super) fn handled(&mut self, process: ProcessId, shard: &ShardId, keys: &BTreeSet<usize>) {
        for key in keys {
            self.handling.remove(&(process, shard.clone(), *key));
        }
    }
}

impl World {
    /// A lease was created.
    pub(super) fn lease_created(&self, process: ProcessId, lease: &Lease) {
        self.note(format_args!("{process} creates {} at {}", lease.key, lease.checkpoint));
        self.holders().created.entry(lease.key.shard.clone()).or_insert_with(Instant::now);
    }

    /// A lease was changed.
    pub(super) async fn lease_changed(
        &self,
        process: ProcessId,
        date: UnixMillis,
        update: &Update,
        before: &Lease,
        after: &Lease,
    ) {
        let shard = &after.key.shard;
        match update {
            Update::Ask(worker) => {
                self.note(format_args!("{process} asks for {}", after.key));
                self.diary().counts.asked += 1;
                let asked = (shard.clone(), worker.clone());
                self.holders().asked.entry(asked).or_insert_with(Instant::now);
                return;
            }
            Update::Take(worker) => {
                self.note(format_args!("{process} takes {} at {}", after.key, after.checkpoint));
                self.may_take(process, worker, before);
                self.ledger().forget_tip(shard);
                self.may_read(process, shard).await;
                let mut holders = self.holders();
                holders.told(process, shard, false);
                holders.asked.retain(|(asked, _), _| asked != shard);
            }
            Update::Renew { .. } => self.must_hold(process, "renews", after),
            Update::Release => self.must_hold(process, "releases", after),
            Update::Checkpoint { checkpoint, .. } => {
                self.must_hold(process, "checkpoints", after);
                self.may_checkpoint(before, checkpoint).await;
            }
        }
        let holder = Holder { process, written: Instant::now(), date };
        self.holders().leases.insert(shard.clone(), holder);
    }

    /// Whether the application has to handle what is put on a shard now.
    pub(super) async fn owes(&self, shard: &ShardId) -> bool {
        if self.scenario.start != StartAt::Latest {
            return self.starts_at().is_none_or(|start| self.now() >= start);
        }
        let shards = self.shards().await;
        let leases = self.leases.list().await.unwrap_or_default();
        if let Some(lease) = leases.iter().find(|lease| lease.key.shard == *shard) {
            return lease.checkpoint != Checkpoint::Latest;
        }
        // What follows a shard with a lease is read from its first record on.
        let leases = leases.iter().map(|lease| &lease.key.shard).collect::<BTreeSet<_>>();
        let ancestors = Lineage::of(&shards).ancestors([shard]);
        ancestors.into_iter().any(|ancestor| leases.contains(ancestor))
    }

    /// A shard of the source is read from a position on. Answers how many documents are before the newest record's
    /// end, where that is the position.
    pub(super) async fn begins_to_read(
        &self,
        process: ProcessId,
        shard: &ShardId,
        position: &Position,
    ) -> Option<usize> {
        self.note(format_args!("{process} reads {shard} from {position:?}"));
        self.may_read(process, shard).await;
        (*position == Position::Latest).then(|| self.ledger().count(shard))
    }

    async fn may_read(&self, process: ProcessId, shard: &ShardId) {
        let shards = self.shards().await;
        let Some(this) = shards.iter().find(|listed| listed.id == *shard) else { return };
        for parent in parents_of(this) {
            let key = LeaseKey { stream: self.source.name().into(), shard: parent.clone() };
            let lease = self.leases.get(&key).await.unwrap_or_default();
            // A parent that has expired, or that was there before the application began, has nothing to wait for.
            let is_listed = shards.iter().any(|listed| listed.id == *parent);
            let is_passed_over = lease.is_none() && !self.owes(parent).await;
            let has_ended = lease.as_ref().is_some_and(|lease| lease.checkpoint == Checkpoint::ShardEnd);
            if is_listed && !has_ended && !is_passed_over && !self.came_late(parent, shard) {
                let at = lease.map(|lease| lease.checkpoint.to_string()).unwrap_or_default();
                let detail = format!("{process} reads {shard}, whose parent {parent} is at {at:?}");
                self.fail(Check::Parents, detail);
            }
        }
    }

    /// Whether the lease of a parent came after that of its child: the application had begun with the child, and a
    /// worker that looked before that began with the parent, at its tip, where a closed shard has nothing.
    fn came_late(&self, parent: &ShardId, child: &ShardId) -> bool {
        let holders = self.holders();
        let created = |shard| holders.created.get(shard);
        self.scenario.start == StartAt::Latest && created(parent) > created(child)
    }

    /// A handler is given documents of these keys.
    pub(super) fn begins_to_handle(&self, process: ProcessId, shard: &ShardId, keys: &BTreeSet<usize>) {
        let mut holders = self.holders();
        // In the moment in which it is told, its tasks run in some order.
        let told = holders.told.get(&(process, shard.clone()));
        let is_deaf = told.is_some_and(|at| *at < Instant::now());
        let twice = keys.iter().find(|key| !holders.handling.insert((process, shard.clone(), **key)));
        drop(holders);
        if is_deaf {
            let detail = format!("{process} handles {shard} though it was told that it lost the lease");
            self.fail(Check::Deaf, detail);
        }
        if let Some(key) = twice {
            self.fail(Check::Concurrent, format!("{process} handles key {key} of {shard} in two calls"));
        }
    }

    /// A process is not there any more, or will never run again.
    pub(super) fn is_gone(&self, process: ProcessId) {
        self.holders().gone.insert(process);
        self.ledger().gone(process, None);
    }

    fn may_take(&self, process: ProcessId, worker: &WorkerId, before: &Lease) {
        let shard = &before.key.shard;
        if before.owner.is_none() {
            self.diary().counts.taken += 1;
            return;
        }
        let (loser, silent, is_gone, waited) = {
            let holders = self.holders();
            let Some(holder) = holders.leases.get(shard) else { return };
            let asked = holders.asked.get(&(shard.clone(), worker.clone()));
            let waited = asked.map_or(Duration::ZERO, Instant::elapsed);
            (holder.process, holder.written.elapsed(), holders.gone.contains(&holder.process), waited)
        };
        self.diary().counts.forced += 1;
        self.ledger().forced(shard, &before.checkpoint, loser);
        if is_gone {
            self.ledger().gone(loser, Some(shard));
        }
        // A process finds its own lease again, and that of the process before it which had its name.
        let is_own = loser == process || (is_gone && before.owner.as_ref() == Some(worker));
        let handover = self.scenario.handover.unwrap_or(self.scenario.failover);
        // Another may have asked since it was decided.
        let is_overdue = waited >= handover;
        if is_overdue {
            self.diary().counts.overdue += 1;
        }
        if silent < self.scenario.failover && !is_own && !is_overdue {
            let detail =
                format!("{process} took {shard} from {loser}, which wrote it {} ms ago", silent.as_millis());
            self.fail(Check::Expiry, detail);
        }
    }

    fn must_hold(&self, process: ProcessId, does: &str, lease: &Lease) {
        self.note(format_args!("{process} {does} {} at {}", lease.key, lease.checkpoint));
        let holder = self.holders().leases.get(&lease.key.shard).map(|holder| holder.process);
        if holder != Some(process) {
            let holder = holder.map_or_else(|| "nobody".to_owned(), |holder| holder.to_string());
            self.fail(Check::Fencing, format!("{process} {does} {}, which {holder} holds", lease.key));
        }
    }

    async fn may_checkpoint(&self, before: &Lease, to: &Checkpoint) {
        let shard = &before.key.shard;
        self.diary().counts.checkpoints += 1;
        if rank(to) < rank(&before.checkpoint) {
            let detail = format!("{shard} went from {} back to {to}", before.checkpoint);
            self.fail(Check::Backwards, detail);
        }
        self.ledger().owe_since_tip(shard);
        let covers = self.ledger().covers(shard, to);
        self.check(covers);
        if *to == Checkpoint::ShardEnd {
            self.may_end(shard).await;
        }
    }

    async fn may_end(&self, shard: &ShardId) {
        let shards = self.shards().await;
        let is_open = shards.iter().any(|listed| listed.id == *shard && listed.ending_sequence.is_none());
        if is_open {
            self.fail(Check::End, format!("{shard} is marked as ended and is open"));
        }
        for child in shards.iter().filter(|child| parents_of(child).any(|parent| parent == shard)) {
            let key = LeaseKey { stream: self.source.name().into(), shard: child.id.clone() };
            if self.leases.get(&key).await.unwrap_or_default().is_none() {
                let child = &child.id;
                self.fail(Check::End, format!("{shard} is marked as ended and {child} has no lease"));
            }
        }
    }
}

/// Where a checkpoint stands among those of its shard.
fn rank(checkpoint: &Checkpoint) -> (u8, Option<(&crate::sequence::SequenceNumber, u32)>) {
    match checkpoint {
        Checkpoint::At { sequence, sub_sequence } => (1, Some((sequence, sub_sequence.unwrap_or(u32::MAX)))),
        Checkpoint::ShardEnd => (2, None),
        _ => (0, None),
    }
}
