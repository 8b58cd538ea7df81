//! Decides which shards this worker reads: lists shards and leases, makes a plan, carries it out, and owns one task
//! for every lease it holds.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use futures::{
    FutureExt,
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    pipeline::{Pipeline, PipelineError},
    shard::{ShardExit, ShardTask},
};
use crate::{
    bugs::{Bug, planted},
    hash::HashRange,
    kinesis::{KinesisError, Shard, ShardFilter, list_all_shards},
    lease::{
        Lease, LeaseError, LeaseKey, Update,
        plan::{Observer, Plan, plan},
    },
    record::ShardId,
    task,
};

/// The coordinator of one pipeline.
pub(super) struct Coordinator {
    pipeline: Arc<Pipeline>,
    stop: CancellationToken,
    stream: Arc<str>,
    observer: Observer,
    shards: Vec<Shard>,
    list_shards_at: Instant,
    held: HashSet<LeaseKey>,
    tasks: FuturesUnordered<BoxFuture<'static, (LeaseKey, Option<ShardExit>)>>,
    has_begun: bool,
}

impl Coordinator {
    pub(super) fn new(pipeline: Pipeline, stop: &CancellationToken) -> Self {
        Self {
            stream: pipeline.settings.stream.name().into(),
            pipeline: Arc::new(pipeline),
            stop: stop.child_token(),
            observer: Observer::default(),
            shards: Vec::new(),
            list_shards_at: Instant::now(),
            held: HashSet::new(),
            tasks: FuturesUnordered::new(),
            has_begun: false,
        }
    }

    /// Runs until the pipeline is stopped and every shard task has ended.
    pub(super) async fn run(mut self) -> Result<(), PipelineError> {
        // Others see a lease renewed three times within its failover time; so often is also worth a look at them.
        let interval = self.pipeline.settings.keeper.failover / 3;
        let mut next_round = Instant::now();
        let mut result = Ok(());
        while !self.stop.is_cancelled() {
            if next_round <= Instant::now() {
                result = self.round().await;
                if result.is_err() {
                    // What is being worked on is finished as on any other stop.
                    self.stop.cancel();
                }
                next_round = Instant::now() + interval;
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {}
                Some((key, exit)) = self.tasks.next() => {
                    self.forget(&key, exit);
                    // Its children may be read now.
                    next_round = Instant::now();
                    self.list_shards_at = next_round;
                }
                () = sleep_until(next_round) => {}
            }
        }
        while let Some((key, exit)) = self.tasks.next().await {
            self.forget(&key, exit);
        }
        result
    }

    /// One look at shards and leases. What may pass by itself is left to the next round.
    async fn round(&mut self) -> Result<(), PipelineError> {
        let stream = self.pipeline.settings.stream.clone();
        match self.try_round().await {
            Ok(()) => {
                self.has_begun = true;
                Ok(())
            }
            Err(RoundError::Stream(error)) if is_final(&error, self.has_begun) => {
                Err(PipelineError::Stream { stream, error })
            }
            Err(RoundError::Leases(error)) if !self.has_begun => Err(PipelineError::Leases { stream, error }),
            Err(error) => {
                tracing::warn!(%stream, %error, "shards and leases could not be looked at; trying again");
                Ok(())
            }
        }
    }

    async fn try_round(&mut self) -> Result<(), RoundError> {
        let settings = &self.pipeline.settings;
        if self.list_shards_at <= Instant::now() {
            self.shards =
                list_all_shards(&*self.pipeline.kinesis, &settings.stream, ShardFilter::All).await?;
            self.list_shards_at = Instant::now() + settings.discovery_interval;
        }
        let mut plan = self.plan().await?;
        if !plan.delete.is_empty() && !planted(Bug::DeleteByOldListing) {
            self.confirm_deletions(&mut plan).await?;
        }
        let created_some = !plan.create.is_empty();
        self.carry_out(plan).await?;
        if created_some {
            let plan = self.plan().await?;
            self.carry_out(plan).await?;
        }
        Ok(())
    }

    async fn plan(&mut self) -> Result<Plan, LeaseError> {
        let settings = &self.pipeline.settings;
        let leases = leases_of(&self.pipeline, &self.stream).await?;
        let expired = self.observer.observe(&leases, Instant::now(), settings.keeper.failover);
        Ok(plan(settings.start, &self.shards, &leases, &self.held, &expired, &self.stream))
    }

    /// The leases are younger than the listing of the shards: a shard that only they know may have come, and even
    /// ended, since. So nothing is deleted that another listing still has.
    async fn confirm_deletions(&mut self, plan: &mut Plan) -> Result<(), KinesisError> {
        let Pipeline { kinesis, settings, .. } = &*self.pipeline;
        self.shards = list_all_shards(&**kinesis, &settings.stream, ShardFilter::All).await?;
        let is_listed = |lease: &Lease| self.shards.iter().any(|shard| shard.id == lease.key.shard);
        plan.delete.retain(|lease| !self.shards.is_empty() && !is_listed(lease));
        Ok(())
    }

    async fn carry_out(&mut self, plan: Plan) -> Result<(), LeaseError> {
        for new in plan.create {
            self.pipeline.leases.create(new).await?;
        }
        for lease in plan.take {
            match self.pipeline.leases.update(&lease, Update::Take(self.pipeline.worker.clone())).await {
                Ok(taken) => {
                    let range = self.range_of(&taken.key.shard).await;
                    self.begin(taken, range);
                }
                // Another worker was faster.
                Err(LeaseError::Lost(_)) => {}
                Err(error) => return Err(error),
            }
        }
        for lease in plan.delete {
            match self.pipeline.leases.delete(&lease).await {
                Ok(()) | Err(LeaseError::Lost(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The hash keys that a shard takes. Another worker may have made the lease of a shard that is younger than the
    /// last listing here, so then there is another; none where that fails, because reading does not depend on it.
    async fn range_of(&mut self, shard: &ShardId) -> Option<HashRange> {
        let find =
            |shards: &[Shard]| shards.iter().find(|listed| listed.id == *shard).map(|listed| listed.range);
        if let Some(range) = find(&self.shards) {
            return Some(range);
        }
        let Pipeline { kinesis, settings, .. } = &*self.pipeline;
        match list_all_shards(&**kinesis, &settings.stream, ShardFilter::All).await {
            Ok(shards) => self.shards = shards,
            Err(error) => {
                tracing::warn!(stream = %self.stream, %shard, %error,
                    "the hash keys of the shard are not known, so nothing in it counts as misplaced");
            }
        }
        find(&self.shards)
    }

    fn begin(&mut self, lease: Lease, range: Option<HashRange>) {
        let key = lease.key.clone();
        tracing::info!(lease = %key, checkpoint = %lease.checkpoint, "reading the shard");
        self.held.insert(key.clone());
        self.pipeline.progress.active_shards.fetch_add(1, Relaxed);
        let work = ShardTask::new(Arc::clone(&self.pipeline), lease, range, self.stop.child_token());
        let task = task::spawn("shard", work.run());
        let ended = task.map(move |result| match result {
            Ok(exit) => (key, Some(exit)),
            Err(failed) => {
                tracing::error!(lease = %key, error = %failed, "the task of a shard failed, which is a bug; its lease expires");
                (key, None)
            }
        });
        self.tasks.push(ended.boxed());
    }

    fn forget(&mut self, key: &LeaseKey, exit: Option<ShardExit>) {
        self.pipeline.progress.active_shards.fetch_sub(1, Relaxed);
        self.pipeline.handler.shard_closed(&key.shard);
        self.held.remove(key);
        let why = exit.map_or("failed", ShardExit::as_str);
        tracing::info!(lease = %key, why, "the shard is not read any more");
    }
}

#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Stream(#[from] KinesisError),
    #[error(transparent)]
    Leases(#[from] LeaseError),
}

async fn leases_of(pipeline: &Pipeline, stream: &str) -> Result<Vec<Lease>, LeaseError> {
    let mut leases = pipeline.leases.list().await?;
    leases.retain(|lease| &*lease.key.stream == stream);
    Ok(leases)
}

/// Whether an error of the stream ends the pipeline: at the start whatever cannot pass by itself, later only the
/// stream's going, because permissions are often taken away by mistake and given back.
fn is_final(error: &KinesisError, has_begun: bool) -> bool {
    use crate::kinesis::ErrorKind;
    if has_begun { error.kind == ErrorKind::NotFound } else { !error.is_retryable() }
}
