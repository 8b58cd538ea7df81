//! What can be told of a lease by watching it: whether its holder is alive, and how long somebody has wanted it.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::{Lease, LeaseKey, WorkerId};
use crate::limits;

/// How a lease stands, as far as this worker has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Standing {
    /// Whether somebody has it.
    pub hold: Hold,
    /// Somebody has asked for it for as long as a hand-over may take.
    pub is_overdue: bool,
    /// It has had the same owner for long enough to be moved for the sake of balance again.
    pub is_settled: bool,
}

impl Standing {
    /// How a lease stands that was not seen before.
    pub fn of_new(lease: &Lease) -> Self {
        let hold = if lease.owner.is_some() { Hold::Held } else { Hold::Free };
        Self { hold, ..Self::default() }
    }
}

/// Whether somebody has a lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Hold {
    /// Its holder is alive.
    #[default]
    Held,
    /// Nobody holds it, or its holder was silent for the failover time.
    Free,
    /// It has been free for the failover time: nobody whose turn it was took it.
    Abandoned,
}

/// How long to wait for others.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// After how long without a write a lease has expired.
    pub failover: Duration,
    /// How long the holder of a lease that somebody asked for may take to hand it over.
    pub handover: Duration,
}

/// When leases were looked at. A look takes time: a lease may have changed until it was answered, and stood still only
/// until it was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// When the store was asked.
    pub asked: Instant,
    /// When it answered.
    pub answered: Instant,
}

/// Watches the leases of one stream on this worker's own clock.
#[derive(Debug, Default)]
pub struct Observer {
    seen: HashMap<LeaseKey, Seen>,
}

/// A lease as it was last seen, with the moments since which it has been so.
#[derive(Debug)]
struct Seen {
    counter: u64,
    still: Instant,
    owner: Option<WorkerId>,
    owned: Instant,
    wanted_by: Option<WorkerId>,
    wanted: Instant,
}

impl Observer {
    /// Takes in the leases as they are now, and answers how each of them stands.
    pub fn observe(
        &mut self,
        leases: &[Lease],
        look: Look,
        patience: Patience,
    ) -> HashMap<LeaseKey, Standing> {
        let mut before = std::mem::take(&mut self.seen);
        let mut standings = HashMap::with_capacity(leases.len());
        for lease in leases {
            let seen = match before.remove(&lease.key) {
                Some(seen) => seen.updated(lease, look.answered),
                None => Seen::new(lease, look.answered),
            };
            standings.insert(lease.key.clone(), seen.standing(look.asked, patience));
            self.seen.insert(lease.key.clone(), seen);
        }
        standings
    }
}

impl Seen {
    fn new(lease: &Lease, now: Instant) -> Self {
        Self {
            counter: lease.counter,
            still: now,
            owner: lease.owner.clone(),
            owned: now,
            wanted_by: lease.wanted_by.clone(),
            wanted: now,
        }
    }

    fn updated(mut self, lease: &Lease, now: Instant) -> Self {
        if self.counter != lease.counter {
            (self.counter, self.still) = (lease.counter, now);
        }
        if self.owner != lease.owner {
            (self.owner, self.owned) = (lease.owner.clone(), now);
        }
        if self.wanted_by != lease.wanted_by {
            (self.wanted_by, self.wanted) = (lease.wanted_by.clone(), now);
        }
        self
    }

    fn standing(&self, now: Instant, patience: Patience) -> Standing {
        let still = now.saturating_duration_since(self.still);
        let free_for = match self.owner {
            Some(_) => still.checked_sub(patience.failover),
            None => Some(still),
        };
        let hold = match free_for {
            None => Hold::Held,
            Some(time) if time < patience.failover => Hold::Free,
            Some(_) => Hold::Abandoned,
        };
        let wanted = now.saturating_duration_since(self.wanted);
        let owned = now.saturating_duration_since(self.owned);
        Standing {
            hold,
            is_overdue: self.wanted_by.is_some() && wanted >= patience.handover,
            is_settled: owned >= patience.failover * limits::BALANCE_REST_FAILOVERS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::{Checkpoint, Update};

    const PATIENCE: Patience =
        Patience { failover: Duration::from_secs(10), handover: Duration::from_secs(20) };

    fn lease() -> Lease {
        Lease {
            key: LeaseKey { stream: "s".into(), shard: "a".into() },
            owner: Some("w".into()),
            wanted_by: None,
            counter: 1,
            checkpoint: Checkpoint::TrimHorizon,
            load: 0,
            parents: Vec::new(),
        }
    }

    /// Watches one lease; looks are told in seconds from the start.
    struct Watch(Observer, Instant);

    impl Watch {
        fn new() -> Self {
            Self(Observer::default(), Instant::now())
        }

        fn look(&mut self, lease: &Lease, asked: u64, answered: u64) -> Standing {
            let at = |seconds| self.1 + Duration::from_secs(seconds);
            let look = Look { asked: at(asked), answered: at(answered) };
            self.0.observe(std::slice::from_ref(lease), look, PATIENCE)[&lease.key]
        }

        fn hold(&mut self, lease: &Lease, at: u64) -> Hold {
            self.look(lease, at, at).hold
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_expires_when_its_counter_stands_still_and_not_before() {
        let (mut watch, mut held) = (Watch::new(), lease());
        assert_eq!(watch.hold(&held, 0), Hold::Held);
        assert_eq!(watch.hold(&held, 9), Hold::Held);
        held.counter += 1;
        assert_eq!(watch.hold(&held, 10), Hold::Held);
        assert_eq!(watch.hold(&held, 19), Hold::Held);
        assert_eq!(watch.hold(&held, 20), Hold::Free);
        assert_eq!(watch.hold(&held, 29), Hold::Free);
        assert_eq!(watch.hold(&held, 30), Hold::Abandoned);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_that_a_look_takes_counts_for_the_holder() {
        let (mut watch, held) = (Watch::new(), lease());
        assert_eq!(watch.look(&held, 0, 8).hold, Hold::Held);
        assert_eq!(watch.look(&held, 17, 30).hold, Hold::Held, "it stood still from 8 to 17 for sure");
        assert_eq!(watch.look(&held, 18, 30).hold, Hold::Free);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_without_a_holder_is_free_at_once_and_abandoned_when_nobody_takes_it() {
        let mut watch = Watch::new();
        let free = Update::Release.apply(lease());
        assert_eq!(watch.hold(&free, 0), Hold::Free);
        assert_eq!(watch.hold(&free, 9), Hold::Free);
        assert_eq!(watch.hold(&free, 10), Hold::Abandoned);
    }

    #[tokio::test(start_paused = true)]
    async fn an_ask_is_overdue_once_the_same_worker_asked_for_as_long_as_a_hand_over_may_take() {
        let mut watch = Watch::new();
        let asked = Update::Ask("x".into()).apply(lease());
        assert!(!watch.look(&asked, 0, 0).is_overdue);
        assert!(!watch.look(&asked, 19, 19).is_overdue);
        assert!(watch.look(&asked, 20, 20).is_overdue);
        let other = Update::Ask("y".into()).apply(asked);
        assert!(!watch.look(&other, 21, 21).is_overdue);
        assert!(watch.look(&other, 41, 41).is_overdue);
        assert!(!watch.look(&lease(), 80, 80).is_overdue, "nobody wants it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_changed_hands_is_left_to_rest() {
        let mut watch = Watch::new();
        let rest = 10 * u64::from(limits::BALANCE_REST_FAILOVERS);
        let mut held = lease();
        assert!(!watch.look(&held, 0, 0).is_settled);
        held.counter += 1;
        assert!(watch.look(&held, rest, rest).is_settled, "renewals change nothing");
        held.owner = Some("x".into());
        assert!(!watch.look(&held, rest + 1, rest + 1).is_settled);
    }
}
