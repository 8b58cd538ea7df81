//! What happens to the fleet, and when: a function of a seed.

use std::time::Duration;

/// Longest pause between two events.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Something that happens to a host, or to the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A host is killed.
    Kill,
    /// A host is asked to stop, and does.
    Stop,
    /// A host that was killed or stopped is started.
    Start,
    /// A host is frozen until others have all of its leases, and then goes on.
    Freeze,
    /// A shard is split.
    Split,
    /// Two shards are merged.
    Merge,
}

/// Every kind of event, with as many starts as hosts go.
const ROUND: [Event; 7] =
    [Event::Kill, Event::Stop, Event::Start, Event::Start, Event::Freeze, Event::Split, Event::Merge];

/// The events to come.
pub struct Schedule {
    random: fastrand::Rng,
}

impl Schedule {
    /// The schedule of a seed.
    pub fn new(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed) }
    }

    /// Every kind of event, in another order each time.
    pub fn round(&mut self) -> Vec<Event> {
        let mut round = ROUND.to_vec();
        self.random.shuffle(&mut round);
        round
    }

    /// How long to wait for the next event.
    pub fn pause(&mut self) -> Duration {
        LONGEST_PAUSE.mul_f64(self.random.f64())
    }

    /// One of so many.
    pub fn pick(&mut self, count: usize) -> usize {
        self.random.usize(..count)
    }
}

#[test]
fn a_seed_gives_the_same_schedule_again_and_another_another() {
    let events = |seed| {
        let mut schedule = Schedule::new(seed);
        (0..4).map(|_| (schedule.round(), schedule.pause())).collect::<Vec<_>>()
    };
    assert_eq!(events(1), events(1));
    assert_ne!(events(1), events(2));
}
