//! Lineage by example, and of random histories of splits and merges.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    hash::{HashKey, HashRange},
    lease::{
        audit::audit,
        change::Change,
        fixture::{DATE, at, family, lease, shard},
    },
};

fn stream() -> Arc<str> {
    crate::lease::fixture::STREAM.into()
}

#[test]
fn an_ended_lease_goes_when_nothing_depends_on_it() {
    let ended = |id, parents: &[&str]| lease(id, None, Checkpoint::ShardEnd, parents);
    let listed = [shard("c", [Some("z"), None], true)];
    let done = |shards: &[Shard], leases: &[Lease]| {
        let done: Vec<String> = Lineage::of(shards)
            .done_with(&by_shard(leases))
            .into_iter()
            .map(|lease| lease.key.shard.to_string())
            .collect();
        done
    };
    let child = |checkpoint| lease("c", None, checkpoint, &["z"]);
    assert_eq!(done(&listed, &[ended("z", &[]), child(at(1))]), ["z"]);
    assert_eq!(done(&listed, &[ended("z", &[]), child(Checkpoint::TrimHorizon)]), [""; 0], "no progress yet");
    assert_eq!(done(&listed, &[ended("z", &[])]), [""; 0], "the child has no lease yet");
    assert_eq!(done(&family(), &[ended("c", &["a", "b"])]), [""; 0], "the service lists it");
    assert_eq!(done(&[], &[ended("z", &[])]), [""; 0], "an empty listing proves nothing");
    let chain = [ended("y", &[]), ended("z", &["y"]), child(at(1))];
    assert_eq!(done(&listed, &chain), ["y"], "the oldest goes first");
}

/// A stream whose shards are split and merged, as the service would.
#[derive(Debug, Default)]
struct Service {
    shards: Vec<Shard>,
}

impl Service {
    fn new(count: u128) -> Self {
        let mut service = Self::default();
        let width = u128::MAX / count;
        for number in 0..count {
            let end = if number + 1 == count { u128::MAX } else { (number + 1) * width - 1 };
            service.open(HashRange { start: HashKey(number * width), end: HashKey(end) }, [None, None]);
        }
        service
    }

    fn open(&mut self, range: HashRange, parents: [Option<&str>; 2]) {
        let id = format!("{:04}", self.shards.len());
        self.shards.push(Shard { range, ..shard(&id, parents, true) });
    }

    /// The places of the open shards, in the order of their hash keys.
    fn opened(&self) -> Vec<usize> {
        let mut open: Vec<usize> =
            (0..self.shards.len()).filter(|at| self.shards[*at].ending_sequence.is_none()).collect();
        open.sort_by_key(|at| self.shards[*at].range.start);
        open
    }

    fn close(&mut self, at: usize) -> Shard {
        self.shards[at].ending_sequence = Some("2".to_owned().try_into().unwrap());
        self.shards[at].clone()
    }

    fn split(&mut self, nth: usize) {
        let open = self.opened();
        let parent = self.close(open[nth % open.len()]);
        let HashRange { start, end } = parent.range;
        let middle = HashKey(start.0 + (end.0 - start.0) / 2);
        let id = Some(parent.id.as_str());
        self.open(HashRange { start, end: middle }, [id, None]);
        self.open(HashRange { start: HashKey(middle.0 + 1), end }, [id, None]);
    }

    fn merge(&mut self, nth: usize) {
        let open = self.opened();
        if open.len() < 2 {
            return;
        }
        let nth = nth % (open.len() - 1);
        let (low, high) = (self.close(open[nth]), self.close(open[nth + 1]));
        let range = HashRange { start: low.range.start, end: high.range.end };
        self.open(range, [Some(low.id.as_str()), Some(high.id.as_str())]);
    }

    /// What is listed once the oldest shards have expired, in any order.
    fn listed(&self, expired: usize) -> Vec<Shard> {
        let closed = self.shards.iter().take_while(|shard| shard.ending_sequence.is_some()).count();
        self.shards[expired.min(closed)..].iter().rev().cloned().collect()
    }
}

/// The leases of an application, which takes what it may read and reads it in its own time.
#[derive(Debug, Default)]
struct Application {
    leases: BTreeMap<String, Lease>,
    taken: Vec<ShardId>,
}

impl Application {
    fn all(&self) -> Vec<Lease> {
        self.leases.values().cloned().collect()
    }

    /// Looks at what is listed, creates what is missing, and takes what may be read.
    fn look(&mut self, start: Start, shards: &[Shard]) {
        let lineage = Lineage::of(shards);
        let leases = self.all();
        for new in lineage.missing(start, DATE, &by_shard(&leases), &stream()) {
            let id = new.key.shard.to_string();
            let created = Change::Create(new).apply(None).unwrap().unwrap();
            assert!(self.leases.insert(id, created).is_none(), "a lease was created again");
        }
        let leases = self.all();
        let by_shard = by_shard(&leases);
        let readable = leases.iter().filter(|lease| lineage.is_readable(lease, &by_shard, &HashSet::new()));
        self.taken = readable.map(|lease| lease.key.shard.clone()).collect();
    }

    /// Reads up to `most` of the shards that were taken: closed ones to their end, open ones a little. The stream may
    /// have changed since they were. Answers whether one ended.
    fn read(&mut self, shards: &[Shard], most: usize) -> bool {
        let lineage = Lineage::of(shards);
        let now: Vec<ShardId> = self.taken.iter().take(most).cloned().collect();
        let mut has_ended = false;
        for id in now {
            self.check_ancestors(&lineage, &id);
            if lineage.shard(&id).unwrap().ending_sequence.is_none() {
                self.lease(&id).checkpoint = at(1);
                continue;
            }
            has_ended = true;
            self.taken.retain(|taken| *taken != id);
            self.lease(&id).checkpoint = Checkpoint::ShardEnd;
            // At the end of a shard its children get leases, whether or not their other parents have been seen.
            let children =
                lineage.parents_first().iter().filter(|child| parents_of(child).any(|of| *of == id));
            for child in children {
                let parents: Vec<&str> = parents_of(child).map(ShardId::as_str).collect();
                let new = lease(child.id.as_str(), None, Checkpoint::TrimHorizon, &parents);
                self.leases.entry(child.id.to_string()).or_insert(new);
            }
        }
        has_ended
    }

    fn lease(&mut self, id: &ShardId) -> &mut Lease {
        self.leases.get_mut(id.as_str()).expect("what was taken has a lease")
    }

    /// Everything that a shard came from, and that is still there, has been read.
    fn check_ancestors(&self, lineage: &Lineage<'_>, id: &ShardId) {
        for ancestor in lineage.ancestors([id]).into_iter().filter(|id| lineage.shard(id).is_some()) {
            let place = self.leases.get(ancestor.as_str()).map(|lease| &lease.checkpoint);
            assert_eq!(place, Some(&Checkpoint::ShardEnd), "{id} was read before {ancestor}");
        }
    }

    fn tidy(&mut self, shards: &[Shard]) {
        let leases = self.all();
        for lease in Lineage::of(shards).done_with(&by_shard(&leases)) {
            self.leases.remove(lease.key.shard.as_str());
        }
    }
}

#[derive(Clone, Debug)]
enum Event {
    Split(usize),
    Merge(usize),
    Look,
    /// The application reads so many shards.
    Read(usize),
    /// The oldest shards have expired, of those that the application has read to their end.
    Expire,
    Tidy,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => any::<usize>().prop_map(Event::Split),
        3 => any::<usize>().prop_map(Event::Merge),
        2 => Just(Event::Look),
        3 => (1usize..4).prop_map(Event::Read),
        1 => Just(Event::Expire),
        1 => Just(Event::Tidy),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// However a stream is resharded, and however late the application looks: every shard gets one lease and is read
    /// once, after everything that it came from; nothing is forgotten that could be created again; and in the end the
    /// leases cover every hash key once.
    #[test]
    fn i3_every_history_of_splits_and_merges_is_read_parents_first_and_whole(
        count in 1u128..5,
        from_tip: bool,
        events in prop::collection::vec(event(), 0..40),
    ) {
        let start = if from_tip { Start::Latest } else { Start::TrimHorizon };
        let mut service = Service::new(count);
        let mut application = Application::default();
        application.look(start, &service.listed(0));
        let mut expired = 0;
        for event in events {
            match event {
                Event::Split(nth) => service.split(nth),
                Event::Merge(nth) => service.merge(nth),
                Event::Look => application.look(start, &service.listed(expired)),
                Event::Read(most) => drop(application.read(&service.listed(expired), most)),
                Event::Expire => {
                    let is_read = |shard: &Shard| {
                        application.leases.get(shard.id.as_str()).is_none_or(|lease| lease.checkpoint == Checkpoint::ShardEnd)
                    };
                    let known = application.leases.keys().last().map_or(0, |last| last.parse().unwrap());
                    expired = service.shards.iter().take(known).take_while(|shard| is_read(shard)).count();
                }
                Event::Tidy => application.tidy(&service.listed(expired)),
            }
        }
        let listed = service.listed(expired);
        loop {
            application.look(start, &listed);
            if !application.read(&listed, usize::MAX) {
                break;
            }
        }
        let (leases, lineage) = (application.all(), Lineage::of(&listed));
        for shard in &listed {
            let lease = application.leases.get(shard.id.as_str());
            let wanted = if shard.ending_sequence.is_some() { Checkpoint::ShardEnd } else { at(1) };
            prop_assert_eq!(lease.map(|lease| lease.checkpoint.clone()), Some(wanted), "shard={}", shard.id);
        }
        prop_assert_eq!(audit(&lineage, &by_shard(&leases)), Default::default());
    }
}
