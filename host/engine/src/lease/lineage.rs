//! Which shard came from which, and what follows for their leases, as pure functions of what the service lists.
//!
//! A listing leaves out two kinds of shards: those that are younger than it, and those whose records have all expired.
//! A shard is younger than its parents, so a parent that is left out beside its child has expired.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::{Checkpoint, Lease, LeaseKey, NewLease, plan::Start};
use crate::{
    bugs::{Bug, planted},
    kinesis::Shard,
    limits,
    record::ShardId,
    time::UnixMillis,
};

/// The leases of one stream by their shard, in order: what is done about them is a function of what they are.
pub type ByShard<'a> = BTreeMap<&'a ShardId, &'a Lease>;

/// The shards of one stream as they descend from each other.
#[derive(Debug)]
pub struct Lineage<'a> {
    listed: HashMap<&'a ShardId, &'a Shard>,
    parents_first: Vec<&'a Shard>,
}

impl<'a> Lineage<'a> {
    /// Orders the shards that the service lists.
    pub fn of(shards: &'a [Shard]) -> Self {
        let listed: HashMap<&ShardId, &Shard> = shards.iter().map(|shard| (&shard.id, shard)).collect();
        let parents_first = parents_first(shards, &listed);
        Self { listed, parents_first }
    }

    /// The shards, each behind those of its parents that are listed.
    pub fn parents_first(&self) -> &[&'a Shard] {
        &self.parents_first
    }

    /// A shard, if it is listed.
    pub fn shard(&self, id: &ShardId) -> Option<&'a Shard> {
        self.listed.get(id).copied()
    }

    /// Everything that these shards came from, as far as it is listed, and the parents that are not listed any more.
    pub fn ancestors<'b>(&self, of: impl IntoIterator<Item = &'b ShardId>) -> HashSet<&'b ShardId>
    where
        'a: 'b,
    {
        let mut found = HashSet::new();
        let mut open: Vec<&ShardId> = of.into_iter().collect();
        while let Some(id) = open.pop() {
            let parents = self.shard(id).into_iter().flat_map(parents_of);
            open.extend(parents.filter(|parent| found.insert(*parent)));
        }
        found
    }

    /// The leases that are missing, parents before children.
    ///
    /// A shard that came before one with a lease gets none, because it was passed over when the application started,
    /// unless it follows a shard with a lease itself: then it was resharded again before anybody saw it.
    ///
    /// `date` is the worker's when it began to look, before it saw these leases.
    pub fn missing(
        &self,
        start: Start,
        date: UnixMillis,
        leases: &ByShard<'_>,
        stream: &Arc<str>,
    ) -> Vec<NewLease> {
        let passed_over = self.ancestors(leases.keys().copied());
        // What an application that was away for longer than the stream keeps its records has not seen yet is new to
        // it, wherever it once began.
        let lost_track = leases.values().any(|lease| self.is_gone(lease));
        let mut leased: HashSet<&ShardId> = leases.keys().copied().collect();
        let mut create = Vec::new();
        for &shard in &self.parents_first {
            let follows = parents_of(shard).any(|parent| leased.contains(parent));
            if leased.contains(&shard.id) || (passed_over.contains(&shard.id) && !follows) {
                continue;
            }
            let is_followed = follows || lost_track;
            let Some(checkpoint) = self.first_checkpoint(start, date, shard, is_followed) else { continue };
            leased.insert(&shard.id);
            let key = LeaseKey { stream: Arc::clone(stream), shard: shard.id.clone() };
            create.push(NewLease { key, checkpoint, parents: parents_of(shard).cloned().collect() });
        }
        create
    }

    /// Where to start reading a shard that has no lease; none if it is not to be read at all.
    fn first_checkpoint(
        &self,
        start: Start,
        date: UnixMillis,
        shard: &Shard,
        is_followed: bool,
    ) -> Option<Checkpoint> {
        match start {
            Start::AtTimestamp(at) => Some(Checkpoint::AtTimestamp(at)),
            Start::TrimHorizon => Some(Checkpoint::TrimHorizon),
            Start::Latest if is_followed => Some(Checkpoint::TrimHorizon),
            Start::Latest if shard.ending_sequence.is_some() => None,
            // Another worker that began at the tip may have had an older listing, and the lease of a parent since this
            // look began. What came to this shard after that is the application's, and "latest" would pass over it.
            Start::Latest if parents_of(shard).any(|parent| self.listed.contains_key(parent)) => {
                Some(Checkpoint::AtTimestamp(date.minus(limits::CLOCK_SKEW)))
            }
            Start::Latest => Some(Checkpoint::Latest),
        }
    }

    /// Whether a lease's shard has something left to read and comes after nothing that is still to be read.
    ///
    /// A parent holds its children up while its lease is not at the end, and while it is to get a lease: `coming` are
    /// the shards that do. One without either was passed over, and one that has expired holds nothing any more.
    pub fn is_readable(&self, lease: &Lease, leases: &ByShard<'_>, coming: &HashSet<&ShardId>) -> bool {
        let id = &lease.key.shard;
        let shard = self.shard(id);
        let holds_up = |parent: &ShardId| {
            let has_expired = shard.is_some() && !self.listed.contains_key(parent);
            let is_unread = leases.get(parent).is_some_and(|lease| lease.checkpoint != Checkpoint::ShardEnd);
            coming.contains(parent) || (is_unread && !has_expired)
        };
        // The listing knows both parents of a merge even where the lease, which others may have written, does not.
        let parents = lease.parents.iter().chain(shard.into_iter().flat_map(parents_of));
        let adjacent = shard.and_then(|shard| shard.adjacent_parent.as_ref());
        let mut parents =
            parents.filter(|parent| !planted(Bug::ChildBeforeAdjacentParent) || Some(*parent) != adjacent);
        lease.checkpoint != Checkpoint::ShardEnd && !self.is_gone(lease) && !parents.any(holds_up)
    }

    /// Whether a shard was not read to its end and is not listed: its records have expired, or it is younger than the
    /// listing. A listing of nothing proves nothing.
    pub fn is_gone(&self, lease: &Lease) -> bool {
        lease.checkpoint != Checkpoint::ShardEnd
            && !self.listed.is_empty()
            && !self.listed.contains_key(&lease.key.shard)
    }

    /// The leases of ended shards that nothing depends on any more: the service has forgotten the shard, the leases of
    /// its parents are gone, and each of its children has a lease with progress.
    pub fn done_with<'b>(&self, leases: &ByShard<'b>) -> Vec<&'b Lease> {
        if self.listed.is_empty() {
            return Vec::new();
        }
        let mut needed: HashSet<&ShardId> = HashSet::new();
        for shard in self.listed.values() {
            needed.insert(&shard.id);
            let is_safe = leases.get(&shard.id).is_some_and(|lease| has_progress(lease));
            needed.extend(parents_of(shard).filter(|_| !is_safe));
        }
        for lease in leases.values().filter(|lease| !has_progress(lease)) {
            needed.extend(&lease.parents);
        }
        let is_done = |lease: &&Lease| {
            lease.checkpoint == Checkpoint::ShardEnd
                && !needed.contains(&lease.key.shard)
                && !lease.parents.iter().any(|parent| leases.contains_key(parent))
        };
        leases.values().copied().filter(is_done).collect()
    }
}

/// The leases of one stream by their shard.
pub fn by_shard(leases: &[Lease]) -> ByShard<'_> {
    leases.iter().map(|lease| (&lease.key.shard, lease)).collect()
}

/// The shards that one came from: one after a split, two after a merge.
pub fn parents_of(shard: &Shard) -> impl Iterator<Item = &ShardId> {
    shard.parent.iter().chain(&shard.adjacent_parent)
}

fn has_progress(lease: &Lease) -> bool {
    matches!(lease.checkpoint, Checkpoint::At { .. } | Checkpoint::ShardEnd)
}

fn parents_first<'a>(shards: &'a [Shard], listed: &HashMap<&'a ShardId, &'a Shard>) -> Vec<&'a Shard> {
    let mut done = HashSet::new();
    let mut order = Vec::with_capacity(shards.len());
    let mut open: Vec<&Shard> = shards.iter().rev().collect();
    while let Some(shard) = open.pop() {
        if done.contains(&shard.id) {
            continue;
        }
        let waiting_for: Vec<&Shard> = parents_of(shard)
            .filter(|parent| !done.contains(*parent))
            .filter_map(|parent| listed.get(parent).copied())
            .collect();
        if waiting_for.is_empty() {
            done.insert(&shard.id);
            order.push(shard);
        } else {
            open.push(shard);
            open.extend(waiting_for);
        }
    }
    order
}

#[cfg(test)]
mod tests;
