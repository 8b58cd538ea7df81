//! What a running host logs now and then.

use std::sync::atomic::Ordering::Relaxed;

use tidemill_engine::{limits, producer::Producer};
use tokio::time::{MissedTickBehavior, interval};

/// Logs at every [`limits::REPORT_INTERVAL`], for ever.
pub async fn now_and_then(log: impl Fn()) {
    let mut ticks = interval(limits::REPORT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        log();
    }
}

/// What producers have done, all together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Entries that the service has acknowledged.
    pub entries: u64,
    /// Entries sent again because the service asked to slow down.
    pub throttled: u64,
    /// Entries sent again because something failed.
    pub retried: u64,
    /// Documents that were not on the stream in time, those in a spool left out.
    pub expired: u64,
    /// Aggregated entries that landed in another shard than predicted and were sent again.
    pub wrong_shard: u64,
}

impl Totals {
    /// The sum over some producers.
    pub fn of<'a>(producers: impl IntoIterator<Item = &'a Producer>) -> Self {
        let mut totals = Self::default();
        for counters in producers.into_iter().map(Producer::counters) {
            totals.entries += counters.entries.load(Relaxed);
            totals.throttled += counters.throttled.load(Relaxed);
            totals.retried += counters.retried.load(Relaxed);
            totals.expired += counters.expired.load(Relaxed);
            totals.wrong_shard += counters.wrong_shard.load(Relaxed);
        }
        totals
    }
}
