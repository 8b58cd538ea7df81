//! User records that came in another shard than their own keys belong to: counted, and told of now and then.
//!
//! Whoever aggregates records by a map of the shards that a split or a merge has outdated puts some of them where
//! they do not belong. The KCL passes such records over without a word.

use std::sync::atomic::Ordering::Relaxed;

use super::progress::Progress;
use crate::{
    lease::LeaseKey,
    limits,
    processor::{Decoded, HashCheck, HashRangePolicy},
};

/// What one shard had of them.
#[derive(Debug)]
pub(super) struct Misplaced {
    /// What user records of the shard are held against.
    pub check: HashCheck,
    lease: LeaseKey,
    count: u64,
    passed_over: u64,
    /// The count to be told of next.
    tell_at: u64,
}

impl Misplaced {
    pub(super) fn new(lease: LeaseKey, check: HashCheck) -> Self {
        Self { check, lease, count: 0, passed_over: 0, tell_at: 1 }
    }

    /// Counts what one read had.
    pub(super) fn take_in(&mut self, decoded: &Decoded, progress: &Progress) {
        if decoded.misplaced == 0 {
            return;
        }
        progress.misplaced.fetch_add(decoded.misplaced, Relaxed);
        progress.passed_over.fetch_add(decoded.passed_over, Relaxed);
        self.count += decoded.misplaced;
        self.passed_over += decoded.passed_over;
        if self.is_to_be_told() {
            self.tell();
        }
    }

    /// At the first, and then when the count has grown by a factor, so that a log never fills with it.
    fn is_to_be_told(&mut self) -> bool {
        if self.count < self.tell_at {
            return false;
        }
        self.tell_at = self.count.saturating_mul(limits::MISPLACED_LOG_FACTOR);
        true
    }

    fn tell(&self) {
        let (lease, misplaced, passed_over) = (&self.lease, self.count, self.passed_over);
        match self.check.policy {
            HashRangePolicy::Lenient => tracing::warn!(%lease, misplaced,
                "aggregated records hold user records whose keys belong to other shards; they are handled all the \
                 same, and the order of their keys is not certain: let whoever puts them learn the shards anew"),
            HashRangePolicy::StrictKcl => tracing::warn!(%lease, misplaced, passed_over,
                "aggregated records hold user records whose keys belong to other shards, and are passed over as the \
                 KCL does: to have them handled, set hash-range to lenient; let whoever puts them learn the shards \
                 anew"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Documents;

    #[test]
    fn a_shard_with_many_is_told_of_less_and_less_often() {
        let lease = LeaseKey { stream: "in".into(), shard: "shardId-000000000000".into() };
        let mut misplaced = Misplaced::new(lease, HashCheck::default());
        let progress = Progress::default();
        let decoded = Decoded {
            documents: Documents::of_records(&[]),
            rejections: Vec::new(),
            misplaced: 1,
            passed_over: 0,
        };
        let mut told_at = Vec::new();
        for count in 1..=1_000 {
            let before = misplaced.tell_at;
            misplaced.take_in(&decoded, &progress);
            if misplaced.tell_at != before {
                told_at.push(count);
            }
        }
        assert_eq!(told_at, [1, 10, 100, 1_000]);
        assert_eq!(misplaced.count, 1_000);
    }
}
