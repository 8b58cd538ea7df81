//! The work on one shard, from the lease won to the lease given back.

use std::sync::Arc;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    breaker::Breaker,
    control::Why,
    ending,
    pipeline::Pipeline,
    progress::StoppedShard,
    source::Source,
    work::{Over, Work},
};
use crate::{
    backoff::Backoff,
    bugs::{Bug, planted},
    handler::Closed,
    hash::HashRange,
    lease::{Checkpoint, Lease, LeaseKey, keeper::LeaseKeeper},
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
        let mut from = self.lease.checkpoint.clone();
        loop {
            let over = tokio::select! {
                biased;
                () = lost.cancelled(), if !planted(Bug::DeafToLoss) => return ShardExit::Lost,
                over = self.work(&keeper, &mut from) => over,
            };
            match over {
                Over::Ended(children) => {
                    return match ending::end(&self.pipeline, &self.lease.key, children, keeper).await {
                        Ok(()) => ShardExit::Ended,
                        Err(error) => {
                            tracing::warn!(lease = %self.lease.key, %error, "the end of the shard could not be written; it is read again");
                            ShardExit::Lost
                        }
                    };
                }
                Over::Stopping => return self.give_back(keeper).await,
                Over::Failed(reason) | Over::Forgot(reason) | Over::Swapped(reason) => {
                    // The lease is kept: given back, the shard would be taken and fail again, here or elsewhere.
                    tokio::select! {
                        biased;
                        () = lost.cancelled() => return ShardExit::Lost,
                        () = self.stop.cancelled() => return self.give_back(keeper).await,
                        () = self.resumed(reason) => {}
                    }
                }
            }
        }
    }

    /// Lists the shard as stopped until it is told to go on.
    async fn resumed(&self, reason: String) {
        let LeaseKey { stream, shard } = &self.lease.key;
        tracing::error!(%stream, %shard, reason,
            "the shard stopped before a record that has no outcome; nothing is lost, and it goes on from there when it is told to, or when the host is started again");
        let Pipeline { control, progress, handler, .. } = &*self.pipeline;
        progress.stop(shard.clone(), reason.clone());
        let hold = control.hold(Why::Stopped(StoppedShard { shard: shard.clone(), reason }));
        hold.resumed().cancelled().await;
        tracing::info!(%stream, %shard, "the shard goes on, as it was told to");
        progress.go_on(shard);
        // What it kept of records behind the checkpoint is read again.
        handler.shard_closed(stream, shard, Closed::Left).await;
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

    /// Works from a place on, and from the last checkpoint again when the handler lost what it kept of the records
    /// behind it, as often as the pipeline allows without getting any further. `from` is moved to how far it came.
    async fn work(&self, keeper: &LeaseKeeper, from: &mut Checkpoint) -> Over {
        let Pipeline { settings, control, clock, .. } = &*self.pipeline;
        let (first, longest) = limits::HANDLER_BACKOFF;
        let mut backoff = Backoff::new(first, longest, self.lease.counter);
        let breaker = Breaker::new(settings.breaker, self.lease.key.clone(), Arc::clone(control), *clock);
        let breaker = Arc::new(breaker);
        let mut attempt = 1;
        loop {
            let (stop, backing_off) = (&self.stop, backoff.fork());
            let work =
                Work::new(&self.pipeline, &self.lease, self.range, stop, keeper, &breaker, backing_off);
            let (over, done) = work.run(&*self.source, from).await;
            let has_moved = done != *from;
            *from = done;
            let reason = match over {
                Over::Forgot(reason) => {
                    attempt = if has_moved { 1 } else { attempt + 1 };
                    if attempt > settings.attempts {
                        return Over::Forgot(reason);
                    }
                    reason
                }
                // A swap is no attempt, however many there are.
                Over::Swapped(reason) => reason,
                over => return over,
            };
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
