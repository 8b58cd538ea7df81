//! When to list the shards of the stream. Pure: time and results come in, decisions go out.

use std::time::Duration;

use tokio::time::Instant;

use crate::{backoff::Backoff, limits};

/// Decides when the shards are listed: when somebody wants it, with growing pauses while listing brings nothing new.
#[derive(Debug)]
pub(super) struct Listing {
    backoff: Backoff,
    wanted: bool,
    under_way: bool,
    /// Listings in a row that failed, or told what was known.
    vain: u32,
    not_before: Option<Instant>,
}

/// What a listing brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// Shards that were not known.
    New,
    /// What was known, and enough of it.
    Known,
    /// An error, or a state of the stream that is already over.
    Nothing,
}

impl Listing {
    /// The seed decides the jitter of the pauses.
    pub(super) fn new(seed: u64) -> Self {
        let (first, longest) = limits::SHARD_LIST_BACKOFF;
        let backoff = Backoff::new(first, longest, seed);
        Self { backoff, wanted: false, under_way: false, vain: 0, not_before: None }
    }

    /// Somebody needs the shards as they are now.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// When to list; none while nobody wants it or it is being done.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        (self.wanted && !self.under_way).then(|| self.not_before.map_or(now, |at| at.max(now)))
    }

    /// The shards are being listed.
    pub(super) fn begin(&mut self) {
        self.wanted = false;
        self.under_way = true;
    }

    /// The listing is over; a vain one is tried again. Answers how many were vain in a row.
    pub(super) fn end(&mut self, listed: Listed, now: Instant) -> u32 {
        self.under_way = false;
        self.wanted |= listed == Listed::Nothing;
        self.vain = if listed == Listed::New { 0 } else { self.vain + 1 };
        let pause: Duration = self.backoff.pause(self.vain.max(1));
        self.not_before = Some(now + pause);
        self.vain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn shards_are_listed_at_once_when_wanted_and_then_ever_more_slowly() {
        let mut now = Instant::now();
        let mut listing = Listing::new(1);
        assert_eq!(listing.due_at(now), None, "nobody wants it");
        listing.want();
        assert_eq!(listing.due_at(now), Some(now));
        let (first, longest) = limits::SHARD_LIST_BACKOFF;
        for failed in 1..12 {
            listing.begin();
            assert_eq!(listing.due_at(now), None, "one at a time");
            assert_eq!(listing.end(Listed::Nothing, now), failed);
            let due = listing.due_at(now).unwrap();
            assert!(due - now >= (first * 2_u32.pow(failed - 1)).min(longest) && due - now <= longest);
            now = due;
        }
        listing.begin();
        assert_eq!(listing.end(Listed::New, now), 0);
        assert_eq!(listing.due_at(now), None);
        listing.want();
        assert!(listing.due_at(now).unwrap() <= now + first * 2, "what is new ends the waiting");
    }
}
