//! What to do about the leases of a stream: a pure function of its shards, the leases, and who is alive.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{Checkpoint, Lease, LeaseKey, NewLease};
use crate::{
    bugs::{Bug, planted},
    kinesis::Shard,
    record::ShardId,
    time::UnixMillis,
};

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

/// What to do, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Leases that are missing, parents before children.
    pub create: Vec<NewLease>,
    /// Leases to take: their shards may be read and nobody alive reads them.
    pub take: Vec<Lease>,
    /// Leases of shards that ended and that the service has forgotten.
    pub delete: Vec<Lease>,
}

/// Makes a plan for one stream.
///
/// `shards` are all that the service lists, `leases` all of this stream, `held` the leases that this worker holds,
/// `expired` those whose holder has been silent for too long.
pub fn plan(
    start: Start,
    shards: &[Shard],
    leases: &[Lease],
    held: &HashSet<LeaseKey>,
    expired: &HashSet<LeaseKey>,
    stream: &Arc<str>,
) -> Plan {
    let by_shard: HashMap<&ShardId, &Lease> = leases.iter().map(|lease| (&lease.key.shard, lease)).collect();
    let listed: HashSet<&ShardId> = shards.iter().map(|shard| &shard.id).collect();
    let create = missing(start, shards, &by_shard, stream);
    let take = leases.iter().filter(|lease| {
        let free = lease.owner.is_none() || expired.contains(&lease.key);
        free && !held.contains(&lease.key) && is_readable(lease, &by_shard)
    });
    let delete = leases.iter().filter(|lease| {
        lease.checkpoint == Checkpoint::ShardEnd && !listed.contains(&lease.key.shard) && !shards.is_empty()
    });
    Plan { create, take: take.cloned().collect(), delete: delete.cloned().collect() }
}

/// Whether the lease's shard has something left to read and every parent that has a lease is at its end.
fn is_readable(lease: &Lease, by_shard: &HashMap<&ShardId, &Lease>) -> bool {
    let ended = |parent: &ShardId| {
        by_shard.get(parent).is_none_or(|parent| parent.checkpoint == Checkpoint::ShardEnd)
    };
    let parents = if planted(Bug::ChildBeforeAdjacentParent) { 1 } else { usize::MAX };
    lease.checkpoint != Checkpoint::ShardEnd && lease.parents.iter().take(parents).all(ended)
}

fn missing(
    start: Start,
    shards: &[Shard],
    by_shard: &HashMap<&ShardId, &Lease>,
    stream: &Arc<str>,
) -> Vec<NewLease> {
    let listed: HashMap<&ShardId, &Shard> = shards.iter().map(|shard| (&shard.id, shard)).collect();
    // Shards that came before one with a lease: they were passed over on purpose when the application started.
    let passed_over = ancestors(by_shard.keys().copied(), &listed);
    let mut leased: HashSet<&ShardId> = by_shard.keys().copied().collect();
    let mut create = Vec::new();
    for shard in parents_first(shards, &listed) {
        if leased.contains(&shard.id) || passed_over.contains(&shard.id) {
            continue;
        }
        let parents: Vec<ShardId> = parents_of(shard).cloned().collect();
        let follows_a_lease = parents.iter().any(|parent| leased.contains(parent));
        let Some(checkpoint) = first_checkpoint(start, shard, follows_a_lease) else { continue };
        leased.insert(&shard.id);
        let key = LeaseKey { stream: Arc::clone(stream), shard: shard.id.clone() };
        create.push(NewLease { key, checkpoint, parents });
    }
    create
}

/// Where to start reading a shard that has no lease; none if it is not to be read at all.
fn first_checkpoint(start: Start, shard: &Shard, follows_a_lease: bool) -> Option<Checkpoint> {
    match start {
        Start::AtTimestamp(at) => Some(Checkpoint::AtTimestamp(at)),
        _ if follows_a_lease => Some(Checkpoint::TrimHorizon),
        Start::TrimHorizon => Some(Checkpoint::TrimHorizon),
        Start::Latest => shard.ending_sequence.is_none().then_some(Checkpoint::Latest),
    }
}

fn parents_of(shard: &Shard) -> impl Iterator<Item = &ShardId> {
    shard.parent.iter().chain(&shard.adjacent_parent)
}

fn ancestors<'a>(
    of: impl Iterator<Item = &'a ShardId>,
    listed: &HashMap<&'a ShardId, &'a Shard>,
) -> HashSet<&'a ShardId> {
    let mut found = HashSet::new();
    let mut open: Vec<&ShardId> = of.collect();
    while let Some(id) = open.pop() {
        let parents = listed.get(id).into_iter().flat_map(|shard| parents_of(shard));
        open.extend(parents.filter(|parent| found.insert(*parent)));
    }
    found
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

/// Notices leases whose holder is silent: their counter stood still for the failover time on this worker's clock.
#[derive(Debug, Default)]
pub struct Observer {
    seen: HashMap<LeaseKey, (u64, Instant)>,
}

impl Observer {
    /// Takes in the leases as they are now and answers those that have expired.
    pub fn observe(&mut self, leases: &[Lease], now: Instant, failover: Duration) -> HashSet<LeaseKey> {
        let mut seen = HashMap::with_capacity(leases.len());
        let mut expired = HashSet::new();
        for lease in leases {
            let since = match self.seen.get(&lease.key) {
                Some((counter, since)) if *counter == lease.counter => *since,
                _ => now,
            };
            if lease.owner.is_some() && now.duration_since(since) >= failover {
                expired.insert(lease.key.clone());
            }
            seen.insert(lease.key.clone(), (lease.counter, since));
        }
        self.seen = seen;
        expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{HashKey, HashRange};
    use crate::lease::WorkerId;

    fn stream() -> Arc<str> {
        "s".into()
    }

    fn shard(id: &str, parents: [Option<&str>; 2], open: bool) -> Shard {
        Shard {
            id: id.into(),
            parent: parents[0].map(ShardId::from),
            adjacent_parent: parents[1].map(ShardId::from),
            range: HashRange { start: HashKey(0), end: HashKey::MAX },
            starting_sequence: "1".to_owned().try_into().unwrap(),
            ending_sequence: (!open).then(|| "2".to_owned().try_into().unwrap()),
        }
    }

    fn lease(shard: &str, owner: Option<&str>, checkpoint: Checkpoint, parents: &[&str]) -> Lease {
        Lease {
            key: LeaseKey { stream: stream(), shard: shard.into() },
            owner: owner.map(WorkerId::from),
            wanted_by: None,
            counter: 1,
            checkpoint,
            load: 0,
            parents: parents.iter().map(|parent| ShardId::from(*parent)).collect(),
        }
    }

    fn make(start: Start, shards: &[Shard], leases: &[Lease]) -> Plan {
        plan(start, shards, leases, &HashSet::new(), &HashSet::new(), &stream())
    }

    fn created(plan: &Plan) -> Vec<(&str, &Checkpoint)> {
        plan.create.iter().map(|new| (new.key.shard.as_str(), &new.checkpoint)).collect()
    }

    /// a and b were merged into c, which was split into d and e.
    fn family() -> Vec<Shard> {
        vec![
            shard("e", [Some("c"), None], true),
            shard("d", [Some("c"), None], true),
            shard("c", [Some("a"), Some("b")], false),
            shard("b", [None, None], false),
            shard("a", [None, None], false),
        ]
    }

    #[test]
    fn a_new_application_gets_leases_parents_first() {
        let plan = make(Start::TrimHorizon, &family(), &[]);
        let order: Vec<_> = created(&plan).into_iter().map(|(id, _)| id).collect();
        let place = |id| order.iter().position(|other| *other == id).unwrap();
        assert_eq!(order.len(), 5);
        assert!(
            place("a") < place("c") && place("b") < place("c") && place("c") < place("d").min(place("e"))
        );
    }

    #[test]
    fn a_start_at_the_tip_takes_open_shards_and_never_their_ancestors() {
        let first = make(Start::Latest, &family(), &[]);
        assert_eq!(created(&first), [("e", &Checkpoint::Latest), ("d", &Checkpoint::Latest)]);
        let leases =
            [lease("d", None, Checkpoint::Latest, &["c"]), lease("e", None, Checkpoint::Latest, &["c"])];
        assert_eq!(make(Start::Latest, &family(), &leases).create, []);
    }

    #[test]
    fn a_child_found_later_starts_at_its_first_record() {
        let shards = [shard("a", [None, None], false), shard("b", [Some("a"), None], true)];
        let leases = [lease("a", Some("w"), Checkpoint::Latest, &[])];
        assert_eq!(created(&make(Start::Latest, &shards, &leases)), [("b", &Checkpoint::TrimHorizon)]);
    }

    #[test]
    fn i3_a_child_is_not_taken_before_both_parents_ended() {
        let child = lease("c", None, Checkpoint::TrimHorizon, &["a", "b"]);
        let parent = |id, checkpoint| lease(id, Some("w"), checkpoint, &[]);
        let one = [parent("a", Checkpoint::ShardEnd), parent("b", Checkpoint::TrimHorizon), child.clone()];
        assert_eq!(make(Start::TrimHorizon, &family(), &one).take, []);
        let both = [parent("a", Checkpoint::ShardEnd), parent("b", Checkpoint::ShardEnd), child.clone()];
        assert_eq!(make(Start::TrimHorizon, &family(), &both).take, [child]);
    }

    #[test]
    fn ended_leases_go_when_the_service_forgot_their_shard() {
        let ended = lease("z", None, Checkpoint::ShardEnd, &[]);
        let listed = make(Start::TrimHorizon, &family(), std::slice::from_ref(&ended));
        assert_eq!(listed.delete, std::slice::from_ref(&ended));
        assert_eq!(make(Start::TrimHorizon, &[], &[ended]).delete, [], "an empty listing proves nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_expires_when_its_counter_stands_still_and_not_before() {
        let failover = Duration::from_secs(10);
        let start = Instant::now();
        let mut observer = Observer::default();
        let mut held = lease("a", Some("w"), Checkpoint::TrimHorizon, &[]);
        assert!(observer.observe(&[held.clone()], start, failover).is_empty());
        assert!(observer.observe(&[held.clone()], start + failover / 2, failover).is_empty());
        held.counter += 1;
        assert!(observer.observe(&[held.clone()], start + failover, failover).is_empty());
        assert_eq!(observer.observe(&[held.clone()], start + failover * 2, failover).len(), 1);
        held.owner = None;
        assert!(observer.observe(&[held], start + failover * 3, failover).is_empty(), "nobody holds it");
    }
}
