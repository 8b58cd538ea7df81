//! Workers that share leases out in rounds: each looks, plans and writes in turn, and holders hand over in between.

use super::*;
use crate::lease::{
    Checkpoint, Update,
    fixture::{key, lease},
};

const SETTLED: Standing = Standing { hold: Hold::Held, is_overdue: false, is_settled: true };

struct Fleet {
    balance: Balance,
    most: usize,
    workers: Vec<WorkerId>,
    leases: Vec<Lease>,
}

impl Fleet {
    fn new(balance: Balance, leases: usize) -> Self {
        let name = |number| format!("{number:04}");
        let leases =
            (0..leases).map(|number| lease(&name(number), None, Checkpoint::TrimHorizon, &[])).collect();
        Self { balance, most: usize::MAX, workers: Vec::new(), leases }
    }

    fn join(&mut self, count: usize) {
        let begin = self.workers.len();
        self.workers.extend((begin..begin + count).map(|number| WorkerId::from(&*format!("w{number}"))));
    }

    /// What the lease of a shard brings, whoever reads it.
    fn load(&mut self, load: impl Fn(usize) -> u64) {
        self.leases.iter_mut().enumerate().for_each(|(number, lease)| lease.load = load(number));
    }

    /// Every worker looks once and writes what it planned, then every lease that somebody asked for is handed over.
    /// Answers how many writes that took.
    fn round(&mut self) -> usize {
        let mut writes = 0;
        for worker in self.workers.clone() {
            let (take, ask) = self.plan(&worker);
            writes += take.len() + ask.len();
            self.update(&take, &Update::Take(worker.clone()));
            self.update(&ask, &Update::Ask(worker));
        }
        for lease in self.leases.iter_mut().filter(|lease| lease.wanted_by.is_some()) {
            *lease = Update::Release.apply(lease.clone());
        }
        writes
    }

    fn plan(&self, worker: &WorkerId) -> (Vec<LeaseKey>, Vec<LeaseKey>) {
        let held: HashSet<LeaseKey> = self
            .leases
            .iter()
            .filter(|lease| lease.owner.as_ref() == Some(worker))
            .map(|lease| lease.key.clone())
            .collect();
        let standing = |lease: &Lease| Standing { hold: Standing::of_new(lease).hold, ..SETTLED };
        let leases: Vec<(&Lease, Standing)> =
            self.leases.iter().map(|lease| (lease, standing(lease))).collect();
        let shares = share(self.balance, &Me { worker, held: &held, most: self.most }, &leases);
        let keys = |leases: Vec<&Lease>| leases.into_iter().map(|lease| lease.key.clone()).collect();
        (keys(shares.take), keys(shares.ask))
    }

    fn update(&mut self, keys: &[LeaseKey], update: &Update) {
        for lease in self.leases.iter_mut().filter(|lease| keys.contains(&lease.key)) {
            *lease = update.clone().apply(lease.clone());
        }
    }

    /// Rounds until nobody wants anything, which must be few.
    fn settle(&mut self) {
        let rounds = (0..8).take_while(|_| self.round() > 0).count();
        assert!(rounds < 8, "{:?}", self.counts());
    }

    fn counts(&self) -> Vec<usize> {
        self.workers.iter().map(|worker| self.held_by(worker).count()).collect()
    }

    fn loads(&self) -> Vec<u64> {
        self.workers.iter().map(|worker| self.held_by(worker).map(|lease| lease.load).sum()).collect()
    }

    fn held_by(&self, worker: &WorkerId) -> impl Iterator<Item = &Lease> {
        self.leases.iter().filter(move |lease| lease.owner.as_ref() == Some(worker))
    }
}

#[test]
fn whoever_joins_gets_an_equal_part_and_then_nothing_moves() {
    for (leases, joins) in
        [(1, [1, 1, 1]), (7, [1, 1, 3]), (64, [1, 5, 2]), (300, [3, 1, 20]), (5, [8, 1, 1])]
    {
        let mut fleet = Fleet::new(Balance::Count, leases);
        for count in joins {
            fleet.join(count);
            fleet.settle();
            let counts = fleet.counts();
            let spread = counts.iter().max().unwrap() - counts.iter().min().unwrap();
            assert!(spread <= 1, "leases={leases} {counts:?}");
            assert_eq!(counts.iter().sum::<usize>(), leases);
        }
    }
}

#[test]
fn a_worker_at_its_limit_takes_and_asks_for_nothing_more() {
    let mut fleet = Fleet::new(Balance::Count, 10);
    fleet.most = 3;
    fleet.join(1);
    fleet.settle();
    assert_eq!(fleet.counts(), [3]);
    fleet.join(1);
    fleet.round();
    assert_eq!(fleet.counts(), [3, 3]);
    fleet.most = 4;
    fleet.settle();
    assert_eq!(fleet.counts(), [4, 4]);
}

#[test]
fn workers_that_see_the_same_share_free_leases_out_without_a_race() {
    let mut fleet = Fleet::new(Balance::Count, 12);
    fleet.join(4);
    fleet.settle();
    // The last worker stops.
    let gone = fleet.workers.pop().unwrap();
    let held: Vec<LeaseKey> = fleet.held_by(&gone).map(|lease| lease.key.clone()).collect();
    fleet.update(&held, &Update::Release);
    let taken: Vec<LeaseKey> = fleet.workers.clone().iter().flat_map(|worker| fleet.plan(worker).0).collect();
    assert_eq!(taken.len(), 3);
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 3, "each was taken by one worker");
}

#[test]
fn by_throughput_a_heavy_shard_counts_for_many() {
    let mut fleet = Fleet::new(Balance::Throughput, 9);
    fleet.load(|number| if number == 0 { 8_000 } else { 1_000 });
    fleet.join(1);
    fleet.settle();
    fleet.join(1);
    fleet.settle();
    assert_eq!(fleet.loads(), [8_000, 8_000]);
}

#[test]
fn by_throughput_noise_moves_nothing() {
    let mut fleet = Fleet::new(Balance::Throughput, 40);
    fleet.load(|_| 10_000);
    fleet.join(4);
    fleet.settle();
    assert_eq!(fleet.counts(), [10, 10, 10, 10]);
    for seed in 0..100 {
        let mut random = fastrand::Rng::with_seed(seed);
        let loads: Vec<u64> = (0..40).map(|_| random.u64(8_500..11_500)).collect();
        fleet.load(|number| loads[number]);
        assert_eq!(fleet.round(), 0, "seed={seed}");
    }
}

#[test]
fn by_throughput_everybody_gets_something_while_others_have_several() {
    let mut fleet = Fleet::new(Balance::Throughput, 4);
    fleet.load(|number| if number == 0 { 1_000_000 } else { 0 });
    fleet.join(1);
    fleet.settle();
    fleet.join(3);
    fleet.settle();
    assert_eq!(fleet.counts(), [1, 1, 1, 1]);
    fleet.load(|_| 0);
    assert_eq!(fleet.round(), 0);
}

#[test]
fn by_throughput_a_lease_that_has_just_moved_stays() {
    let a = Lease { load: 100, ..lease("a", Some("x"), Checkpoint::TrimHorizon, &[]) };
    let b = Lease { load: 900, ..lease("b", Some("x"), Checkpoint::TrimHorizon, &[]) };
    let mine = Lease { load: 100, ..lease("c", Some("me"), Checkpoint::TrimHorizon, &[]) };
    let asked = |is_settled| {
        let standing = Standing { is_settled, ..SETTLED };
        let leases = [(&a, standing), (&b, standing), (&mine, standing)];
        let me = Me { worker: &"me".into(), held: &HashSet::from([key("c")]), most: usize::MAX };
        share(Balance::Throughput, &me, &leases)
            .ask
            .into_iter()
            .map(|lease| lease.key.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(asked(true), [key("a")]);
    assert_eq!(asked(false), []);
}

/// What one worker does about one lease, by who owns it, who wants it, and how it stands.
#[test]
fn a_lease_that_somebody_wants_is_left_to_them_until_they_do_not_come() {
    let standing = |hold, is_overdue| Standing { hold, is_overdue, is_settled: true };
    let with = |owner: Option<&str>, wanted_by: Option<&str>, standing: Standing| {
        let lease = Lease {
            wanted_by: wanted_by.map(WorkerId::from),
            ..lease("a", owner, Checkpoint::TrimHorizon, &[])
        };
        let me = Me { worker: &"me".into(), held: &HashSet::new(), most: usize::MAX };
        let shares = share(Balance::Count, &me, &[(&lease, standing)]);
        (shares.take.len(), shares.ask.len())
    };
    let nothing = (0, 0);
    let take = (1, 0);
    assert_eq!(with(Some("x"), None, standing(Hold::Held, false)), nothing);
    assert_eq!(with(Some("x"), None, standing(Hold::Free, false)), take, "its holder is silent");
    assert_eq!(with(None, None, standing(Hold::Free, false)), take);
    assert_eq!(with(None, Some("y"), standing(Hold::Free, false)), nothing, "it was handed over to y");
    assert_eq!(with(None, Some("y"), standing(Hold::Free, true)), nothing, "y may still come");
    assert_eq!(with(None, Some("y"), standing(Hold::Abandoned, true)), take, "y did not come");
    assert_eq!(with(None, Some("me"), standing(Hold::Free, false)), take, "it was handed over to me");
    assert_eq!(with(Some("x"), Some("me"), standing(Hold::Held, false)), nothing, "x may still hand it over");
    assert_eq!(with(Some("x"), Some("me"), standing(Hold::Held, true)), take, "x did not hand it over");
    assert_eq!(with(Some("x"), Some("y"), standing(Hold::Held, true)), nothing);
    assert_eq!(with(Some("me"), None, standing(Hold::Held, false)), take, "I have no task for it");
}

#[test]
fn an_ask_of_a_worker_that_is_gone_is_replaced() {
    let mut leases: Vec<Lease> =
        ["a", "b", "c"].map(|id| lease(id, Some("x"), Checkpoint::TrimHorizon, &[])).into();
    leases.iter_mut().for_each(|lease| lease.wanted_by = Some("gone".into()));
    let asked = |is_overdue| {
        let standing = Standing { is_overdue, ..SETTLED };
        let leases: Vec<(&Lease, Standing)> = leases.iter().map(|lease| (lease, standing)).collect();
        let me = Me { worker: &"me".into(), held: &HashSet::new(), most: usize::MAX };
        let ask = share(Balance::Count, &me, &leases).ask;
        ask.len()
    };
    assert_eq!(asked(true), 1, "x has three, nobody else is there");
    assert_eq!(asked(false), 1, "who wants three can do with two");
}

#[test]
fn a_thousand_leases_among_twenty_workers_are_shared_out_in_moments() {
    let mut fleet = Fleet::new(Balance::Throughput, 1_000);
    fleet.load(|number| 1_000 + number as u64);
    fleet.join(20);
    fleet.settle();
    let loads = fleet.loads();
    let mean = loads.iter().sum::<u64>() / 20;
    let noise = mean * limits::BALANCE_NOISE_PERCENT / 100;
    assert!(loads.iter().all(|load| load.abs_diff(mean) <= noise), "{loads:?}");
}
