//! What a pipeline has done so far, for people and tests to look at while it runs.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::{lease::audit::Flaw, record::ShardId};

/// Counters of one pipeline, written once a batch.
#[derive(Debug, Default)]
pub struct Progress {
    /// Kinesis records read.
    pub records: AtomicU64,
    /// User records that the handler was given, each counted once however often it was tried.
    pub documents: AtomicU64,
    /// User records whose outcome is known and acknowledged.
    pub done: AtomicU64,
    /// Batches handled.
    pub batches: AtomicU64,
    /// Documents emitted.
    pub emitted: AtomicU64,
    /// Attempts at batches that failed.
    pub failed_attempts: AtomicU64,
    /// Attempts at records that were given before.
    pub retries: AtomicU64,
    /// Calls with a part of a batch that failed, to find the record that is to blame.
    pub bisected: AtomicU64,
    /// Dead letters kept: user records that were given up, and Kinesis records that did not decode.
    pub dead_lettered: AtomicU64,
    /// User records dropped, because the handler said so or the policy does.
    pub dropped: AtomicU64,
    /// Records, or parts of them, that did not decode.
    pub rejected: AtomicU64,
    /// User records whose own hash keys are outside of the range of the shard that they came in.
    pub misplaced: AtomicU64,
    /// User records passed over, because they or some beside them are misplaced and the policy is strict.
    pub passed_over: AtomicU64,
    /// Subscriptions to shards that were begun.
    pub subscriptions: AtomicU64,
    /// Times that a shard was polled because its subscriptions failed.
    pub polled_instead: AtomicU64,
    /// Times that a shard was subscribed to again after that.
    pub subscribed_again: AtomicU64,
    /// Shards read to their end.
    pub ended_shards: AtomicU64,
    /// Shards being worked on now.
    pub active_shards: AtomicU64,
    /// Reads that the service answered.
    pub reads: AtomicU64,
    /// Reads that gave records, or that were not at the tip of their shard.
    pub busy_reads: AtomicU64,
    /// Reads that are being handled, or gathered for that.
    pub(super) in_hand: AtomicU64,
    stopped: Mutex<Vec<StoppedShard>>,
    flaws: Mutex<BTreeSet<Flaw>>,
}

/// A shard that is read no further until it is told to go on, or the host is started again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoppedShard {
    /// The shard.
    pub shard: ShardId,
    /// Why, with the sequence numbers concerned.
    pub reason: String,
}

impl Progress {
    /// The shards that stopped so far.
    pub fn stopped(&self) -> Vec<StoppedShard> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is wrong with what the leases cover, as far as several audits agree.
    pub fn flaws(&self) -> BTreeSet<Flaw> {
        self.flaws.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn audited(&self, flaws: BTreeSet<Flaw>) {
        *self.flaws.lock().unwrap_or_else(PoisonError::into_inner) = flaws;
    }

    pub(super) fn stop(&self, shard: ShardId, reason: String) {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).push(StoppedShard { shard, reason });
    }

    pub(super) fn go_on(&self, shard: &ShardId) {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        stopped.retain(|stopped| stopped.shard != *shard);
    }

    pub(super) fn count(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Relaxed);
    }

    /// Takes in a read that is to be handled; what is answered is dropped when it is.
    pub(super) fn take_in(&self, records: usize, millis_behind_latest: u64) -> InHand<'_> {
        self.reads.fetch_add(1, Relaxed);
        self.records.fetch_add(records as u64, Relaxed);
        if records > 0 || millis_behind_latest > 0 {
            self.busy_reads.fetch_add(1, Relaxed);
        }
        self.in_hand.fetch_add(1, Relaxed);
        InHand(self)
    }
}

/// A read that is being handled, or that waits for others to be handled with.
#[derive(Debug)]
pub(super) struct InHand<'a>(&'a Progress);

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.0.in_hand.fetch_sub(1, Relaxed);
    }
}
