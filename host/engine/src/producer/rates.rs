//! How fast each shard is sent to: two buckets a shard, slowed down while the service throttles it. Pure: time
//! comes in.
//!
//! The buckets are our own: a quota that changes while it is used up, and an entry larger than a second's worth, are
//! what the crates for rates leave out.

use tokio::time::Instant;

use super::{settings::ShardRate, shards::ShardMap};
use crate::{limits, record::ShardId};

/// The rates of all shards of a map; without a map, of one shard that stands for all and has no limit.
#[derive(Debug)]
pub(super) struct Rates {
    rate: Option<ShardRate>,
    pace: Vec<Pace>,
    ids: Vec<ShardId>,
}

impl Rates {
    pub(super) fn new(rate: Option<ShardRate>, now: Instant) -> Self {
        Self { rate, pace: vec![Pace::new(None, now)], ids: Vec::new() }
    }

    /// Goes over to another map; shards in both keep their state.
    pub(super) fn adopt(&mut self, map: Option<&ShardMap>, now: Instant) {
        let ids = map.map_or(&[][..], ShardMap::ids);
        let old = std::mem::replace(&mut self.ids, ids.to_vec());
        let mut known: std::collections::HashMap<ShardId, Pace> =
            old.into_iter().zip(std::mem::take(&mut self.pace)).collect();
        self.pace = if ids.is_empty() {
            vec![Pace::new(None, now)]
        } else {
            let rate = self.rate;
            ids.iter().map(|id| known.remove(id).unwrap_or_else(|| Pace::new(rate, now))).collect()
        };
    }

    /// Takes room for an entry of this size, or answers when there will be.
    pub(super) fn take(&mut self, shard: usize, bytes: usize, now: Instant) -> Result<(), Instant> {
        self.pace[shard].take(bytes, now)
    }

    /// A request was throttled there.
    pub(super) fn throttled(&mut self, shard: usize, now: Instant) {
        if !self.ids.is_empty() {
            self.pace[shard].slow_down(now);
        }
    }

    /// How many shards are being sent to more slowly than they may be.
    pub(super) fn slowed(&mut self, now: Instant) -> usize {
        self.pace.iter_mut().map(|pace| usize::from(pace.level(now) < FULL)).sum()
    }
}

/// How fast one shard is sent to.
#[derive(Debug)]
struct Pace {
    /// None: without limit until it is throttled.
    rate: Option<ShardRate>,
    /// Thousandths of the rate that are used.
    level: u32,
    /// When the level changed.
    changed: Instant,
    records: Bucket,
    bytes: Bucket,
}

const FULL: u32 = 1_000;

impl Pace {
    fn new(rate: Option<ShardRate>, now: Instant) -> Self {
        let full = rate.unwrap_or_default();
        Self {
            rate,
            level: FULL,
            changed: now,
            records: Bucket::full(f64::from(full.records_per_second), now),
            bytes: Bucket::full(full.bytes_per_second as f64, now),
        }
    }

    fn take(&mut self, bytes: usize, now: Instant) -> Result<(), Instant> {
        let level = self.level(now);
        if self.rate.is_none() && level == FULL {
            return Ok(());
        }
        let share = f64::from(level) / f64::from(FULL);
        // The service counts whole kibibytes.
        let bytes = bytes.next_multiple_of(limits::SHARD_WRITE_ROUNDING_BYTES) as f64;
        let wait = self.records.wait_for(1.0, share, now).max(self.bytes.wait_for(bytes, share, now));
        if wait > 0.0 {
            return Err(now + std::time::Duration::from_secs_f64(wait));
        }
        self.records.tokens -= 1.0;
        self.bytes.tokens -= bytes;
        Ok(())
    }

    /// Thousandths of the rate that may be used now.
    fn level(&mut self, now: Instant) -> u32 {
        let seconds = now.duration_since(self.changed).as_secs();
        if seconds > 0 && self.level < FULL {
            let gained = u64::from(limits::RATE_RECOVERY_THOUSANDTHS).saturating_mul(seconds);
            self.level =
                u32::try_from(u64::from(self.level).saturating_add(gained)).map_or(FULL, |l| l.min(FULL));
            self.changed += std::time::Duration::from_secs(seconds);
        }
        self.level
    }

    fn slow_down(&mut self, now: Instant) {
        let level = self.level(now);
        if level == FULL && self.rate.is_none() {
            // Nobody counted so far: the shard is known to be empty of room now.
            let full = ShardRate::default();
            self.records = Bucket::empty(f64::from(full.records_per_second), now);
            self.bytes = Bucket::empty(full.bytes_per_second as f64, now);
        }
        let slower = level * limits::RATE_SLOWDOWN_THOUSANDTHS / FULL;
        self.level = slower.max(limits::RATE_SLOWEST_THOUSANDTHS);
        self.changed = now;
    }
}

/// Holds one second's worth. An entry larger than that goes when the bucket is full, and leaves a debt.
#[derive(Debug)]
struct Bucket {
    per_second: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn full(per_second: f64, now: Instant) -> Self {
        Self { per_second, tokens: per_second, filled: now }
    }

    fn empty(per_second: f64, now: Instant) -> Self {
        Self { per_second, tokens: 0.0, filled: now }
    }

    /// Fills at a share of the rate and answers the seconds until so many tokens are there.
    fn wait_for(&mut self, tokens: f64, share: f64, now: Instant) -> f64 {
        let rate = self.per_second * share;
        let elapsed = now.duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + elapsed * rate).min(self.per_second);
        self.filled = now;
        let lacking = tokens.min(self.per_second) - self.tokens;
        // What rounding leaves out must not cost another wait.
        if lacking < 1e-6 { 0.0 } else { lacking / rate }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn rates(rate: Option<ShardRate>, now: Instant) -> Rates {
        let mut rates = Rates::new(rate, now);
        rates.adopt(Some(&ShardMap::halves()), now);
        rates
    }

    /// How many entries of this size may go now.
    fn allowed(rates: &mut Rates, bytes: usize, now: Instant) -> usize {
        (0..100_000).take_while(|_| rates.take(0, bytes, now).is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_shard_gets_its_records_and_bytes_a_second_and_no_more() {
        let now = Instant::now();
        let mut rates = rates(Some(ShardRate::default()), now);
        assert_eq!(allowed(&mut rates, 10, now), 1_000);
        let next = rates.take(0, 10, now).unwrap_err();
        assert!(next > now && next <= now + Duration::from_micros(1_001), "{:?}", next - now);
        assert_eq!(allowed(&mut rates, 10, now + Duration::from_millis(500)), 500);
        let later = now + Duration::from_secs(10);
        assert_eq!(allowed(&mut rates, 100 << 10, later), 10, "ten times 100 KiB are a second's worth");
        let later = later + Duration::from_millis(500);
        assert_eq!(allowed(&mut rates, 1, later), 536, "one byte counts as 1 KiB, and 24 KiB were left");
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_larger_than_a_seconds_worth_goes_and_is_worked_off() {
        let now = Instant::now();
        let mut rates = rates(Some(ShardRate::default()), now);
        assert_eq!(rates.take(0, 4 << 20, now), Ok(()));
        let next = rates.take(0, 1 << 20, now).unwrap_err();
        assert!((next - now).abs_diff(Duration::from_secs(4)) < Duration::from_millis(1));
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_slows_a_shard_down_and_calm_brings_it_back() {
        let now = Instant::now();
        let mut rates = rates(Some(ShardRate::default()), now);
        for _ in 0..100 {
            rates.throttled(0, now);
        }
        allowed(&mut rates, 10, now);
        let later = now + Duration::from_millis(900);
        assert_eq!(allowed(&mut rates, 10, later), 45, "a twentieth of the rate");
        assert_eq!(rates.slowed(now + Duration::from_secs(18)), 1);
        assert_eq!(rates.slowed(now + Duration::from_secs(19)), 0, "a twentieth comes back each second");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_a_shard_has_none_until_it_is_throttled() {
        let now = Instant::now();
        let mut rates = rates(None, now);
        assert_eq!(allowed(&mut rates, 10, now), 100_000);
        rates.throttled(0, now);
        assert_eq!(allowed(&mut rates, 10, now), 0);
        assert_eq!(allowed(&mut rates, 10, now + Duration::from_millis(500)), 400);
        assert_eq!(allowed(&mut rates, 10, now + Duration::from_secs(60)), 100_000, "it has recovered");
    }
}
