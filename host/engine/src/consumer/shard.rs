//! The work on one shard, from the lease won to the lease given back.

use std::sync::Arc;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    ending,
    pipeline::Pipeline,
    source::Source,
    work::{Over, Work},
};
use crate::{
    backoff::Backoff,
    bugs::{Bug, planted},
    hash::HashRange,
    lease::{Lease, keeper::LeaseKeeper},
    limits,
};

/// How the work on a shard ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShardExit {
    /// It was read to its end.
    Ended,
    /// The pipeline was stopped.
    Stopped,
    /// Another worker has the lease, or it could not be kept or given back.
    Lost,
}

impl ShardExit {
    /// The word for logs.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
        }
    }
}

/// The work on one shard.
pub(super) struct ShardTask {
    pipeline: Arc<Pipeline>,
    source: Arc<dyn Source>,
    lease: Lease,
    since: Instant,
    range: Option<HashRange>,
    stop: CancellationToken,
}

impl ShardTask {
    /// `since` is when taking the lease began, `range` are the hash keys that the shard takes, where known. `stop` is this task's own: it is also cancelled
    /// when another worker asks for the lease.
    pub(super) fn new(
        pipeline: Arc<Pipeline>,
        source: Arc<dyn Source>,
        (lease, since): (Lease, Instant),
        range: Option<HashRange>,
        stop: CancellationToken,
    ) -> Self {
        Self { pipeline, source, lease, since, range, stop }
    }

    /// Works until the shard ends, the lease is lost, or the pipeline stops.
    pub(super) async fn run(self) -> ShardExit {
        let (store, settings) = (Arc::clone(&self.pipeline.leases), self.pipeline.settings.keeper);
        let keeper = LeaseKeeper::start(store, self.lease.clone(), self.since, settings, self.stop.clone());
        let lost = keeper.lost().clone();
        let over = tokio::select! {
            biased;
            () = lost.cancelled(), if !planted(Bug::DeafToLoss) => return ShardExit::Lost,
            over = self.work(&keeper) => over,
        };
        match over {
            Over::Ended(children) => {
                match ending::end(&self.pipeline, &self.lease.key, children, keeper).await {
                    Ok(()) => ShardExit::Ended,
                    Err(error) => {
                        tracing::warn!(lease = %self.lease.key, %error, "the end of the shard could not be written; it is read again");
                        ShardExit::Lost
                    }
                }
            }
            Over::Stopping => self.give_back(keeper).await,
            Over::Failed(reason) | Over::Forgot(reason) => {
                let (stream, shard) = (&self.lease.key.stream, &self.lease.key.shard);
                tracing::error!(%stream, %shard, reason,
                    "the shard stopped before a record that has no outcome; nothing is lost, and it goes on from there when the host is started again");
                self.pipeline.progress.stop(shard.clone(), reason);
                // The lease is kept: given back, the shard would be taken and fail again, here or elsewhere.
                tokio::select! {
                    biased;
                    () = lost.cancelled() => ShardExit::Lost,
                    () = self.stop.cancelled() => self.give_back(keeper).await,
                }
            }
        }
    }

    async fn give_back(&self, keeper: LeaseKeeper) -> ShardExit {
        match keeper.finish(true).await {
            Ok(()) => ShardExit::Stopped,
            Err(error) => {
                tracing::warn!(lease = %self.lease.key, %error, "the lease could not be given back; it expires by itself");
                ShardExit::Lost
            }
        }
    }

    /// Works from the checkpoint on, and from the last one again when the handler lost what it kept of the records
    /// behind it, as often as the pipeline allows without getting any further.
    async fn work(&self, keeper: &LeaseKeeper) -> Over {
        let (first, longest) = limits::HANDLER_BACKOFF;
        let mut backoff = Backoff::new(first, longest, self.lease.counter);
        let mut from = self.lease.checkpoint.clone();
        let mut attempt = 1;
        loop {
            let work = Work::new(&self.pipeline, &self.lease, self.range, &self.stop, keeper, backoff.fork());
            let (over, done) = work.run(&*self.source, &from).await;
            let Over::Forgot(reason) = over else { return over };
            attempt = if done == from { attempt + 1 } else { 1 };
            from = done;
            if attempt > self.pipeline.settings.attempts {
                return Over::Forgot(reason);
            }
            tracing::warn!(lease = %self.lease.key, reason, checkpoint = %from, attempt,
                "the handler lost what it had not checkpointed; the shard is read again from its checkpoint");
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Over::Stopping,
                () = sleep(backoff.pause(attempt)) => {}
            }
        }
    }
}
