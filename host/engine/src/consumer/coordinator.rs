//! Owns one task for every lease that this worker holds, and looks at shards and leases again and again.
//!
//! A look is due three times in a failover time; more often while another worker is to hand a lease over; and at once
//! when a shard has ended, because its children may be read now.

use std::{
    collections::HashSet,
    num::NonZeroUsize,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures::{
    FutureExt,
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    looking::{LookError, Shards, Watch},
    pipeline::{Pipeline, PipelineError},
    shard::{ShardExit, ShardTask},
    source::{self, Source},
    writing::{self, Written},
};
use crate::{
    handler::Closed,
    kinesis::KinesisError,
    lease::{Lease, LeaseError, LeaseKey, balance::Balance, bounded::BoundedLeases, plan::Plan},
    limits, task,
};

/// How workers share the shards of a pipeline.
#[derive(Clone, Copy, Debug, Default)]
pub struct SharingSettings {
    /// What workers should have the same of.
    pub balance: Balance,
    /// How long another worker may take to hand a lease over before it is taken by force; the failover time where
    /// this is none.
    pub handover: Option<Duration>,
    /// How many shards this worker reads at once; any number where this is none.
    pub max_shards: Option<NonZeroUsize>,
}

/// The coordinator of one pipeline.
pub(super) struct Coordinator {
    pipeline: Arc<Pipeline>,
    source: Arc<dyn Source>,
    stop: CancellationToken,
    shards: Shards,
    watch: Watch,
    held: HashSet<LeaseKey>,
    tasks: FuturesUnordered<BoxFuture<'static, Exit>>,
    has_begun: bool,
}

/// The end of a shard's task, or that it panicked.
type Exit = (LeaseKey, Option<ShardExit>);

impl Coordinator {
    pub(super) fn new(mut pipeline: Pipeline, stop: &CancellationToken) -> Self {
        let limit = pipeline.settings.keeper.failover / 3;
        pipeline.leases = Arc::new(BoundedLeases::new(pipeline.leases, limit));
        Self {
            source: source::of(&pipeline),
            pipeline: Arc::new(pipeline),
            stop: stop.child_token(),
            shards: Shards::new(),
            watch: Watch::default(),
            held: HashSet::new(),
            tasks: FuturesUnordered::new(),
            has_begun: false,
        }
    }

    /// Runs until the pipeline is stopped and every shard task has ended.
    pub(super) async fn run(mut self) -> Result<(), PipelineError> {
        let mut next_round = Instant::now();
        let mut result = Ok(());
        while !self.stop.is_cancelled() {
            if next_round <= Instant::now() {
                let begun = Instant::now();
                result = self.round().await;
                if result.is_err() {
                    // What is being worked on is finished as on any other stop.
                    self.stop.cancel();
                }
                next_round = begun + self.interval();
            }
            let soon = Instant::now() + limits::ROUND_PAUSE;
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {}
                Some(exit) = self.tasks.next() => {
                    if self.forget(exit) {
                        next_round = next_round.min(soon);
                    }
                }
                () = sleep_until(next_round) => {}
            }
        }
        while let Some(exit) = self.tasks.next().await {
            self.forget(exit);
        }
        result
    }

    fn interval(&self) -> Duration {
        let failover = self.pipeline.settings.keeper.failover;
        // Others see a lease renewed three times within its failover time; so often is also worth a look at them.
        if self.watch.is_waiting() { failover / limits::HANDOVER_LOOKS } else { failover / 3 }
    }

    /// One look at shards and leases, and what follows. What may pass by itself is left to the next round.
    async fn round(&mut self) -> Result<(), PipelineError> {
        let stream = self.pipeline.settings.stream.clone();
        match self.try_round().await {
            Ok(()) => {
                self.has_begun = true;
                Ok(())
            }
            Err(LookError::Stream(error)) if is_final(&error, self.has_begun) => {
                Err(PipelineError::Stream { stream, error })
            }
            Err(LookError::Leases(error)) if !self.has_begun => Err(PipelineError::Leases { stream, error }),
            Err(error) => {
                tracing::warn!(%stream, %error, "shards and leases could not be looked at; trying again");
                Ok(())
            }
        }
    }

    async fn try_round(&mut self) -> Result<(), LookError> {
        let stop = self.stop.clone();
        // A look changes nothing, so a stop need not wait for it.
        let Some(plan) = stop.run_until_cancelled(self.plan()).await else { return Ok(()) };
        let plan = plan?;
        if !plan.create.is_empty() {
            writing::create(&self.pipeline.leases, plan.create).await?;
            let Some(plan) = stop.run_until_cancelled(self.plan()).await else { return Ok(()) };
            return Ok(self.share(plan?).await?);
        }
        Ok(self.share(plan).await?)
    }

    async fn plan(&mut self) -> Result<Plan, LookError> {
        self.watch.plan(&self.pipeline, &mut self.shards, &self.held).await
    }

    /// Takes and asks for leases, and deletes those that are done with. A lease that was taken is worked on at once.
    async fn share(&mut self, plan: Plan) -> Result<(), LeaseError> {
        let Pipeline { leases, worker, .. } = &*self.pipeline;
        let mut writes = writing::carry_out(leases, worker, plan, self.stop.clone());
        while let Some(written) = writes.next().await {
            match written? {
                Written::Taken { lease, since } => self.begin(lease, since),
                Written::Nothing => {}
            }
        }
        Ok(())
    }

    fn begin(&mut self, lease: Lease, since: Instant) {
        let key = lease.key.clone();
        let range = self.shards.range_of(&key.shard);
        tracing::info!(lease = %key, checkpoint = %lease.checkpoint, "reading the shard");
        self.held.insert(key.clone());
        self.pipeline.progress.active_shards.fetch_add(1, Relaxed);
        let (pipeline, source) = (Arc::clone(&self.pipeline), Arc::clone(&self.source));
        let work = ShardTask::new(pipeline, source, (lease, since), range, self.stop.child_token());
        let task = task::spawn("shard", work.run());
        let handler = Arc::clone(&self.pipeline.handler);
        let ended = async move {
            let exit = match task.await {
                Ok(exit) => Some(exit),
                Err(failed) => {
                    tracing::error!(lease = %key, error = %failed, "the task of a shard failed, which is a bug; it is begun again");
                    None
                }
            };
            let why = if exit == Some(ShardExit::Ended) { Closed::Ended } else { Closed::Left };
            handler.shard_closed(&key.stream, &key.shard, why).await;
            (key, exit)
        };
        self.tasks.push(ended.boxed());
    }

    /// Lets go of a task. Answers whether its shard ended, so that there are others to read now.
    fn forget(&mut self, (key, exit): Exit) -> bool {
        self.pipeline.progress.active_shards.fetch_sub(1, Relaxed);
        self.held.remove(&key);
        let why = exit.map_or("failed", ShardExit::as_str);
        tracing::info!(lease = %key, why, "the shard is not read any more");
        let has_ended = exit == Some(ShardExit::Ended);
        if has_ended {
            self.shards.expire();
        }
        has_ended
    }
}

/// Whether an error of the stream ends the pipeline: at the start whatever cannot pass by itself, later only the
/// stream's going, because permissions are often taken away by mistake and given back.
fn is_final(error: &KinesisError, has_begun: bool) -> bool {
    use crate::kinesis::ErrorKind;
    if has_begun { error.kind == ErrorKind::NotFound } else { !error.is_retryable() }
}
