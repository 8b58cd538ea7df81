//! How much a shard delivers, smoothed.

use tokio::time::Instant;

use crate::limits;

/// Bytes a second that were read from a shard, as an average in which the past fades.
#[derive(Debug)]
pub(super) struct Throughput {
    bytes_per_second: f64,
    at: Instant,
}

impl Throughput {
    /// Goes on from what the shard's last holder measured, in bytes a second.
    pub(super) fn new(load: u64, now: Instant) -> Self {
        Self { bytes_per_second: load as f64, at: now }
    }

    /// Takes in what a read gave, which may be nothing. Answers bytes a second.
    pub(super) fn add(&mut self, bytes: usize, now: Instant) -> u64 {
        let span = limits::LOAD_SPAN.as_secs_f64();
        let elapsed = now.duration_since(self.at).as_secs_f64();
        self.bytes_per_second = self.bytes_per_second * (-elapsed / span).exp() + bytes as f64 / span;
        self.at = now;
        // A float becomes an integer by its whole part, and what is out of range the nearest one.
        self.bytes_per_second as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_steady_stream_shows_its_rate_and_a_silent_one_fades() {
        let begun = Instant::now();
        let mut throughput = Throughput::new(0, begun);
        let mut rate = 0;
        for second in 1..=600 {
            rate = throughput.add(1_000, begun + Duration::from_secs(second));
        }
        assert!((990..=1_020).contains(&rate), "rate={rate}");
        assert_eq!(throughput.add(0, begun + Duration::from_secs(3_600)), 0);
    }
}
