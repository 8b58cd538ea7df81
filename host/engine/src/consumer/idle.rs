//! Notices that nothing comes any more.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use tokio::time::{Instant, sleep};

use super::progress::Progress;
use crate::limits;

/// Waits until nothing was read for so long, although the service answered, and nothing is being handled. A worker that
/// reads no shard at all counts as idle too.
pub(super) async fn wait(progress: &Progress, timeout: Duration) {
    let mut seen = Seen::of(progress);
    let mut since = Instant::now();
    loop {
        sleep(timeout / limits::IDLE_LOOKS).await;
        let now = Seen::of(progress);
        if now.busy_reads != seen.busy_reads || now.in_hand > 0 {
            (seen, since) = (now, Instant::now());
        } else if since.elapsed() >= timeout && (now.reads > seen.reads || now.shards == 0) {
            tracing::info!(
                timeout_ms = timeout.as_millis(),
                "nothing came for the idle timeout; the pipeline ends"
            );
            return;
        }
    }
}

/// What a look at the pipeline shows.
struct Seen {
    reads: u64,
    busy_reads: u64,
    in_hand: u64,
    shards: u64,
}

impl Seen {
    fn of(progress: &Progress) -> Self {
        Self {
            reads: progress.reads.load(Relaxed),
            busy_reads: progress.busy_reads.load(Relaxed),
            in_hand: progress.in_hand.load(Relaxed),
            shards: progress.active_shards.load(Relaxed),
        }
    }
}
