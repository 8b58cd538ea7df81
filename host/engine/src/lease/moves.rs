//! Moving checkpoints by hand: what is to be written, what has to be told before, and the writing itself.
//!
//! The plan is a pure function of what is wished for, the leases and the stream's shards, so that it can be shown and
//! then carried out as it was shown: every write names the lease as it was when the plan was made.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use super::{Checkpoint, Lease, LeaseError, LeaseKey, LeaseStore, NewLease, Update, WorkerId, plan::Start};
use crate::{kinesis::Shard, record::ShardId};

mod finding;
mod running;
#[cfg(test)]
mod tests;

pub use finding::Finding;
pub use running::running;

/// What is wished for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Everything starts anew at one place: these shards, or all of them.
    Start {
        /// Where.
        start: Start,
        /// Which shards; all when there is none.
        only: BTreeSet<ShardId>,
    },
    /// Each shard goes to a place of its own, and one that the stream does not have is an error.
    Each(BTreeMap<ShardId, Checkpoint>),
    /// Likewise, from a record of the past: a shard that the stream no longer has is told and left out.
    Recorded(BTreeMap<ShardId, Checkpoint>),
}

impl Wish {
    /// Whether it is about some shards and no others, so that nobody has to be told of the others' leases.
    fn names_shards(&self) -> bool {
        match self {
            Self::Start { only, .. } => !only.is_empty(),
            Self::Each(_) => true,
            Self::Recorded(_) => false,
        }
    }
}

/// A lease that is to be moved, or to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which lease.
    pub key: LeaseKey,
    /// The lease as it is; none when it is to be created.
    pub from: Option<Lease>,
    /// Its checkpoint from now on.
    pub to: Checkpoint,
    /// The parents of a lease that is to be created.
    pub parents: Vec<ShardId>,
}

/// What is to be done, and what has to be told before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// What is to be written, parents before children.
    pub moves: Vec<Move>,
    /// Leases that are already where they are wished to be.
    pub unchanged: usize,
    /// What whoever wishes should know. Nothing may be written while one of them is a problem.
    pub findings: Vec<Finding>,
}

impl Outlook {
    /// What fulfils the wish. `shards` are all that the service lists; none where it cannot be asked.
    pub fn new(stream: &Arc<str>, wish: Wish, leases: &[Lease], shards: Option<&[Shard]>) -> Self {
        let known = Known::new(leases, shards);
        let names_shards = wish.names_shards();
        let mut outlook = Self::default();
        let places = known.places(wish, &mut outlook.findings);
        for shard in known.in_order(places.keys()) {
            let to = places[&shard].clone();
            outlook.findings.extend(known.misplacement(&shard, &to));
            let from = known.leases.get(&shard).map(|lease| (*lease).clone());
            if from.as_ref().is_some_and(|lease| lease.checkpoint == to) {
                outlook.unchanged += 1;
                continue;
            }
            let parents = known.parents(&shard);
            let key = LeaseKey { stream: Arc::clone(stream), shard };
            outlook.moves.push(Move { key, from, to, parents });
        }
        if !names_shards {
            outlook.findings.extend(known.left_alone(&places));
        }
        outlook.findings.extend(known.without_lease(&places));
        outlook
    }

    /// The findings because of which nothing may be written.
    pub fn problems(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_problem())
    }
}

impl Move {
    /// Writes it if the lease still is as it was when the plan was made. A lease that somebody holds is taken first
    /// and given back last, so that its holder notices, and anybody goes on from the new place at once.
    ///
    /// # Errors
    /// [`LeaseError::Lost`] when somebody else wrote the lease: look again. [`LeaseError::Unavailable`] when the store
    /// failed; some of it may have happened, and doing it again does no harm.
    ///
    /// # Cancel safety
    /// Not safe: a dropped future may leave the lease held by `worker`. It expires as any other does.
    pub async fn write(&self, store: &dyn LeaseStore, worker: &WorkerId) -> Result<(), LeaseError> {
        let Some(lease) = &self.from else { return self.create(store).await };
        let to = |load| Update::Checkpoint { checkpoint: self.to.clone(), load };
        if lease.owner.is_none() {
            return store.update(lease, to(lease.load)).await.map(drop);
        }
        let taken = store.update(lease, Update::Take(worker.clone())).await?;
        let moved = store.update(&taken, to(taken.load)).await?;
        store.update(&moved, Update::Release).await.map(drop)
    }

    async fn create(&self, store: &dyn LeaseStore) -> Result<(), LeaseError> {
        let new =
            NewLease { key: self.key.clone(), checkpoint: self.to.clone(), parents: self.parents.clone() };
        let created = store.create(new).await?;
        // Creating answers the lease that is there, so another one shows that somebody was faster.
        if created.checkpoint == self.to { Ok(()) } else { Err(LeaseError::Lost(self.key.clone())) }
    }
}

/// What is known of the application and its stream.
struct Known<'a> {
    leases: BTreeMap<ShardId, &'a Lease>,
    shards: Option<BTreeMap<ShardId, &'a Shard>>,
}

impl<'a> Known<'a> {
    fn new(leases: &'a [Lease], shards: Option<&'a [Shard]>) -> Self {
        let leases = leases.iter().map(|lease| (lease.key.shard.clone(), lease)).collect();
        let shards = shards.map(|shards| shards.iter().map(|shard| (shard.id.clone(), shard)).collect());
        Self { leases, shards }
    }

    /// Whether the shard is there; every shard may be when the stream cannot be asked.
    fn has(&self, shard: &ShardId) -> bool {
        self.shards.as_ref().is_none_or(|shards| shards.contains_key(shard))
    }

    fn parents(&self, shard: &ShardId) -> Vec<ShardId> {
        let listed = self.shards.as_ref().and_then(|shards| shards.get(shard));
        match (listed, self.leases.get(shard)) {
            (Some(shard), _) => shard.parent.iter().chain(&shard.adjacent_parent).cloned().collect(),
            (None, Some(lease)) => lease.parents.clone(),
            (None, None) => Vec::new(),
        }
    }

    /// The place that each shard is to have.
    fn places(&self, wish: Wish, findings: &mut Vec<Finding>) -> BTreeMap<ShardId, Checkpoint> {
        let (wished, is_record) = match wish {
            Wish::Start { start, only } => (self.all_at(start, only), false),
            Wish::Each(places) => (places, false),
            Wish::Recorded(places) => (places, true),
        };
        let (known, unknown): (BTreeMap<_, _>, BTreeMap<_, _>) =
            wished.into_iter().partition(|(shard, _)| self.has(shard));
        let is_record = is_record && !known.is_empty();
        findings.extend(unknown.into_keys().map(|shard| match is_record {
            true => Finding::Gone(shard),
            false => Finding::Unknown(shard),
        }));
        known
    }

    /// One place for many shards. What is closed already has nothing after its newest record.
    fn all_at(&self, start: Start, only: BTreeSet<ShardId>) -> BTreeMap<ShardId, Checkpoint> {
        let shards = if !only.is_empty() {
            only
        } else if let Some(shards) = &self.shards {
            shards.keys().cloned().collect()
        } else {
            self.leases.keys().cloned().collect()
        };
        let is_closed = |shard: &ShardId| {
            let listed = self.shards.as_ref().and_then(|shards| shards.get(shard));
            listed.is_some_and(|shard| shard.ending_sequence.is_some())
        };
        let place = |shard: &ShardId| match start {
            Start::TrimHorizon => Checkpoint::TrimHorizon,
            Start::Latest if is_closed(shard) => Checkpoint::ShardEnd,
            Start::Latest => Checkpoint::Latest,
            Start::AtTimestamp(at) => Checkpoint::AtTimestamp(at),
        };
        shards.into_iter().map(|shard| (shard.clone(), place(&shard))).collect()
    }

    /// Whether a sequence number cannot be one of the shard's.
    fn misplacement(&self, shard: &ShardId, to: &Checkpoint) -> Option<Finding> {
        let (Checkpoint::At { sequence, .. } | Checkpoint::AtSequence(sequence)) = to else { return None };
        let listed = self.shards.as_ref()?.get(shard)?;
        let is_late = listed.ending_sequence.as_ref().is_some_and(|end| sequence > end);
        (is_late || *sequence < listed.starting_sequence).then(|| Finding::OutOfRange {
            shard: shard.clone(),
            sequence: sequence.clone(),
            first: listed.starting_sequence.clone(),
            last: listed.ending_sequence.clone(),
        })
    }

    /// The leases that the wish says nothing of.
    fn left_alone(&self, places: &BTreeMap<ShardId, Checkpoint>) -> impl Iterator<Item = Finding> {
        self.leases.keys().filter(|shard| !places.contains_key(*shard)).cloned().map(Finding::LeftAlone)
    }

    /// The shards that will have no lease, and what becomes of them.
    fn without_lease(&self, places: &BTreeMap<ShardId, Checkpoint>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Some(shards) = &self.shards else { return findings };
        let leased: HashSet<&ShardId> = places.keys().chain(self.leases.keys()).collect();
        let passed_over = self.ancestors(leased.iter().copied());
        for shard in shards.keys().filter(|shard| !leased.contains(shard)) {
            let finding = if self.ancestors([shard].into_iter()).iter().any(|shard| leased.contains(shard)) {
                Finding::Follows
            } else if passed_over.contains(shard) {
                Finding::PassedOver
            } else {
                Finding::Starts
            };
            findings.push(finding(shard.clone()));
        }
        findings
    }

    fn ancestors<'b>(&self, of: impl Iterator<Item = &'b ShardId>) -> HashSet<ShardId> {
        let mut found = HashSet::new();
        let mut open: Vec<ShardId> = of.cloned().collect();
        while let Some(shard) = open.pop() {
            let parents = self.parents(&shard).into_iter();
            open.extend(parents.filter(|parent| found.insert(parent.clone())));
        }
        found
    }

    /// The shards by generation, so that parents come before children.
    fn in_order<'b>(&self, shards: impl Iterator<Item = &'b ShardId>) -> Vec<ShardId> {
        let mut in_order: Vec<(usize, &ShardId)> =
            shards.map(|shard| (self.ancestors([shard].into_iter()).len(), shard)).collect();
        // A child has every ancestor of its parents and the parents besides.
        in_order.sort();
        in_order.into_iter().map(|(_, shard)| shard.clone()).collect()
    }
}
