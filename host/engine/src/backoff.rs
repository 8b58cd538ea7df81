//! Pauses between attempts: exponential, bounded and jittered.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

/// How long to pause before each further attempt at something.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    random: fastrand::Rng,
}

impl Backoff {
    /// Pauses that double from `first` up to `longest`. The seed decides the jitter.
    pub fn new(first: Duration, longest: Duration, seed: u64) -> Self {
        Self { first, longest, random: fastrand::Rng::with_seed(seed) }
    }

    /// Pauses of the same length with a jitter of their own.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self { random: self.random.fork(), ..self.clone() }
    }

    /// The pause before the attempt after this many failed ones: between the exponential value and twice that,
    /// `longest` at the most.
    pub fn pause(&mut self, failed: u32) -> Duration {
        let steps = ExponentialBuilder::new()
            .with_min_delay(self.first)
            .with_max_delay(self.longest)
            .without_max_times()
            .with_jitter()
            .with_jitter_seed(self.random.u64(..))
            .build();
        // Past this many doublings every pause is the longest one.
        let step = failed.saturating_sub(1).min(32) as usize;
        steps.take(step + 1).last().unwrap_or(self.longest).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(10));
        let mut backoff = Backoff::new(first, longest, 7);
        for (failed, base) in [(1, 100), (2, 200), (4, 800)] {
            let pause = backoff.pause(failed);
            assert!(
                pause >= Duration::from_millis(base) && pause <= Duration::from_millis(2 * base),
                "{pause:?}"
            );
        }
        assert_eq!(backoff.pause(1_000), longest);
    }

    #[test]
    fn a_seed_decides_the_pauses() {
        let pauses = |seed| {
            let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1), seed);
            (1..8).map(|failed| backoff.pause(failed)).collect::<Vec<_>>()
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }
}
