//! Looks at the shards and leases of a stream, and plans by what it sees.

use std::{collections::HashSet, sync::Arc};

use tokio::time::{Instant, timeout};

use super::pipeline::Pipeline;
use crate::{
    hash::HashRange,
    kinesis::{ErrorKind, Kinesis, KinesisError, Shard, ShardFilter, list_all_shards},
    lease::{
        Checkpoint, Lease, LeaseError, LeaseKey,
        audit::{Auditor, audit},
        balance::Me,
        lineage::{Lineage, by_shard},
        observer::{Look, Observer, Patience},
        plan::{Plan, Rules, View, plan},
        start_at,
    },
    limits,
    record::ShardId,
    stream::StreamRef,
};

/// Why shards and leases could not be looked at.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    #[error(transparent)]
    Stream(#[from] KinesisError),
    #[error(transparent)]
    Leases(#[from] LeaseError),
}

/// The shards of the stream as last listed.
pub(super) struct Shards {
    listed: Vec<Shard>,
    list_at: Instant,
    /// Leases of shards that the last listing did not name.
    gone: HashSet<LeaseKey>,
}

impl Shards {
    pub(super) fn new() -> Self {
        Self { listed: Vec::new(), list_at: Instant::now(), gone: HashSet::new() }
    }

    /// Others are to be expected: they are listed at the next look.
    pub(super) fn expire(&mut self) {
        self.list_at = Instant::now();
    }

    /// The hash keys that a shard takes, where that is known.
    pub(super) fn range_of(&self, shard: &ShardId) -> Option<HashRange> {
        self.listed.iter().find(|listed| listed.id == *shard).map(|listed| listed.range)
    }

    /// Lists them if it is time, or if there are leases of shards that are not known yet: other workers may have
    /// created them since. What a listing after that does not name either has expired, and only then may its lease
    /// be deleted.
    async fn refresh(&mut self, pipeline: &Pipeline, leases: &[Lease]) -> Result<(), KinesisError> {
        let is_due = self.list_at <= Instant::now();
        if !is_due && self.unknown(leases).is_subset(&self.gone) {
            return Ok(());
        }
        let settings = &pipeline.settings;
        self.listed = list(&*pipeline.kinesis, &settings.stream).await?;
        self.list_at = Instant::now() + settings.discovery_interval;
        let gone = self.unknown(leases);
        let is_unread = |lease: &&Lease| lease.checkpoint != Checkpoint::ShardEnd;
        for Lease { key, .. } in leases.iter().filter(is_unread) {
            if gone.contains(key) && !self.gone.contains(key) {
                tracing::warn!(lease = %key, "the service has forgotten the shard before it was read to its end; records were lost to the stream's retention");
            }
        }
        self.gone = gone;
        Ok(())
    }

    fn unknown(&self, leases: &[Lease]) -> HashSet<LeaseKey> {
        if self.listed.is_empty() {
            return HashSet::new();
        }
        let listed: HashSet<&ShardId> = self.listed.iter().map(|shard| &shard.id).collect();
        let is_unknown =
            |lease: &&Lease| lease.checkpoint != Checkpoint::ShardEnd && !listed.contains(&lease.key.shard);
        leases.iter().filter(is_unknown).map(|lease| lease.key.clone()).collect()
    }
}

/// What looking at leases again and again has told.
#[derive(Default)]
pub(super) struct Watch {
    observer: Observer,
    auditor: Auditor,
    audit_at: Option<Instant>,
    is_waiting: bool,
    has_looked: bool,
}

impl Watch {
    /// Whether a lease is awaited that another worker was asked for.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// Looks at everything and plans. Nothing is changed.
    pub(super) async fn plan(
        &mut self,
        pipeline: &Pipeline,
        shards: &mut Shards,
        held: &HashSet<LeaseKey>,
    ) -> Result<Plan, LookError> {
        let settings = &pipeline.settings;
        let stream: Arc<str> = settings.stream.name().into();
        let (asked, date) = (Instant::now(), pipeline.clock.now());
        let mut leases = pipeline.leases.list().await?;
        let look = Look { asked, answered: Instant::now() };
        leases.retain(|lease| lease.key.stream == stream);
        shards.refresh(pipeline, &leases).await?;
        let failover = settings.keeper.failover;
        let patience = Patience { failover, handover: settings.sharing.handover.unwrap_or(failover) };
        let standings = self.observer.observe(&leases, look, patience);
        let most = settings.sharing.max_shards.map_or(usize::MAX, usize::from);
        let view = View {
            stream: &stream,
            shards: &shards.listed,
            leases: &leases,
            standings: &standings,
            date,
            me: Me { worker: &pipeline.worker, held, most },
        };
        let (start, start_at, balance) = (settings.start, &settings.start_at, settings.sharing.balance);
        if !std::mem::replace(&mut self.has_looked, true) {
            for shard in start_at::unknown(start_at, &shards.listed, &leases) {
                tracing::warn!(%stream, %shard,
                    "the stream has no such shard to start at: look at start-at, unless its records have expired");
            }
        }
        let plan = plan(Rules { start, start_at, balance }, &view);
        let is_mine = |lease: &Lease| lease.wanted_by.as_ref() == Some(&pipeline.worker);
        self.is_waiting = !plan.ask.is_empty() || leases.iter().any(is_mine);
        self.audit(pipeline, &shards.listed, &leases);
        Ok(plan)
    }

    /// Audits what the leases cover as often as shards are discovered.
    fn audit(&mut self, pipeline: &Pipeline, shards: &[Shard], leases: &[Lease]) {
        let now = Instant::now();
        if self.audit_at.is_some_and(|at| now < at) {
            return;
        }
        self.audit_at = Some(now + pipeline.settings.discovery_interval);
        let found = audit(&Lineage::of(shards), &by_shard(leases));
        let Some(flaws) = self.auditor.take_in(found) else { return };
        let stream = &pipeline.settings.stream;
        if flaws.is_empty() {
            tracing::info!(%stream, "the leases cover every hash key once again");
        }
        for flaw in flaws {
            tracing::warn!(%stream, %flaw, "the leases do not cover every hash key once");
        }
        pipeline.progress.audited(flaws.clone());
    }
}

/// All shards, or an error in bounded time.
pub(super) async fn list(kinesis: &dyn Kinesis, stream: &StreamRef) -> Result<Vec<Shard>, KinesisError> {
    let limit = limits::LIST_SHARDS_WITHIN;
    let late = |_| {
        Err(KinesisError {
            kind: ErrorKind::Unavailable,
            operation: "ListShards",
            message: format!("no answer in time: limit_s={}", limit.as_secs()),
        })
    };
    timeout(limit, list_all_shards(kinesis, stream, ShardFilter::All)).await.unwrap_or_else(late)
}
