//! Rates, as the service counts them: a bucket that fills with the clock.

use std::{collections::BTreeMap, time::Duration};

use crate::time::UnixMillis;

/// A token bucket that starts full and holds one second's worth.
///
/// What was taken may leave it in debt, because a read's size is known only after it was let through and one record
/// may be larger than a second's worth; in debt it gives nothing. A thousandth of a token is the unit inside, so
/// that a millisecond fills a whole number of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    per_second: u32,
    level: i64,
    filled: UnixMillis,
}

impl Bucket {
    pub(super) fn full(per_second: u32, now: UnixMillis) -> Self {
        Self { per_second, level: i64::from(per_second) * 1_000, filled: now }
    }

    /// Whether this much may be taken now. More than the bucket ever holds may go once it is full.
    pub(super) fn has(&mut self, tokens: u64, now: UnixMillis) -> bool {
        self.fill(now);
        let most = u64::from(self.per_second);
        self.level >= signed(tokens.min(most)).saturating_mul(1_000)
    }

    /// Whether the bucket is out of debt.
    pub(super) fn is_open(&mut self, now: UnixMillis) -> bool {
        self.fill(now);
        self.level >= 0
    }

    pub(super) fn spend(&mut self, tokens: u64) {
        self.level = self.level.saturating_sub(signed(tokens).saturating_mul(1_000));
    }

    /// Takes one token if there is one.
    pub(super) fn take(&mut self, now: UnixMillis) -> bool {
        let has = self.has(1, now);
        if has {
            self.spend(1);
        }
        has
    }

    fn fill(&mut self, now: UnixMillis) {
        let rate = i64::from(self.per_second);
        let gained = signed(now.millis_since(self.filled)).saturating_mul(rate);
        self.level = self.level.saturating_add(gained).min(rate * 1_000);
        self.filled = self.filled.max(now);
    }
}

/// One bucket for each operation of an account.
#[derive(Debug, Default)]
pub(super) struct CallRates(BTreeMap<&'static str, Bucket>);

impl CallRates {
    pub(super) fn take(&mut self, operation: &'static str, per_second: u32, now: UnixMillis) -> bool {
        self.0.entry(operation).or_insert_with(|| Bucket::full(per_second, now)).take(now)
    }
}

/// Whole milliseconds of a span.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_rate_and_no_more() {
        let mut bucket = Bucket::full(5, UnixMillis(0));
        let taken = (0..20).filter(|_| bucket.take(UnixMillis(0))).count();
        assert_eq!(taken, 5);
        assert!(!bucket.take(UnixMillis(199)), "a fifth of a second has not passed");
        assert!(bucket.take(UnixMillis(200)));
        let taken = (0..20).filter(|_| bucket.take(UnixMillis(60_000))).count();
        assert_eq!(taken, 5, "a bucket holds one second's worth");
    }

    #[test]
    fn a_debt_is_worked_off_before_anything_is_given() {
        let mut bucket = Bucket::full(2 << 20, UnixMillis(0));
        assert!(bucket.is_open(UnixMillis(0)));
        bucket.spend(10 << 20);
        assert!(!bucket.is_open(UnixMillis(3_999)));
        assert!(bucket.is_open(UnixMillis(4_000)));
    }

    #[test]
    fn what_is_larger_than_the_bucket_goes_once_it_is_full() {
        let mut bucket = Bucket::full(1_000, UnixMillis(0));
        assert!(bucket.has(10_000, UnixMillis(0)));
        bucket.spend(10_000);
        assert!(!bucket.has(1, UnixMillis(9_000)));
        assert!(bucket.has(1_000, UnixMillis(10_000)));
    }
}
