//! The work on one shard, from the lease won to the lease given back.

use std::sync::Arc;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{
    delivery::{Delivered, Delivery, Halt, sequences},
    ending,
    misplaced::Misplaced,
    outstanding::{Handled, Outstanding},
    pipeline::{OnFailure, Pipeline},
    place::{self, Readable, Skip, SubPlace},
    progress::Progress,
    reader::{PollingReader, SourceFetch},
};
use crate::{
    backoff::Backoff,
    batch::{Batch, BatchInfo},
    bugs::{Bug, planted},
    hash::HashRange,
    kinesis::ChildShard,
    lease::{Checkpoint, Lease, keeper::LeaseKeeper},
    limits,
    processor::{HashCheck, Rejection},
    producer::PutError,
    record::Record,
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
    lease: Lease,
    stop: CancellationToken,
    stream: Arc<str>,
    delivery: Delivery,
    outstanding: Outstanding,
    misplaced: Misplaced,
}

/// Why the work on a shard is over.
enum Over {
    /// Everything was read, handled and acknowledged.
    Ended(Vec<ChildShard>),
    /// The pipeline is stopping, and everything begun was finished.
    Stopping,
    /// The shard cannot be worked on any further.
    Failed(String),
}

/// What to do after a step.
type Step = Result<(), Over>;

impl ShardTask {
    /// `range` are the hash keys that the shard takes, where known. `stop` is this task's own: it is also cancelled
    /// when another worker asks for the lease.
    pub(super) fn new(
        pipeline: Arc<Pipeline>,
        lease: Lease,
        range: Option<HashRange>,
        stop: CancellationToken,
    ) -> Self {
        let (first, longest) = limits::HANDLER_BACKOFF;
        let delivery = Delivery {
            handler: Arc::clone(&pipeline.handler),
            sinks: Arc::clone(&pipeline.sinks),
            attempts: pipeline.settings.attempts,
            on_failure: pipeline.settings.on_failure,
            progress: Arc::clone(&pipeline.progress),
            backoff: Backoff::new(first, longest, lease.counter),
            stop: stop.clone(),
        };
        let stream = Arc::clone(&lease.key.stream);
        let check = HashCheck { range, policy: pipeline.settings.hash_range };
        let misplaced = Misplaced::new(lease.key.clone(), check);
        Self { pipeline, lease, stop, stream, delivery, outstanding: Outstanding::default(), misplaced }
    }

    /// Works until the shard ends, the lease is lost, or the pipeline stops.
    pub(super) async fn run(mut self) -> ShardExit {
        let store = Arc::clone(&self.pipeline.leases);
        let keeper =
            LeaseKeeper::start(store, self.lease.clone(), self.pipeline.settings.keeper, self.stop.clone());
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
            Over::Failed(reason) => {
                tracing::error!(stream = %self.stream, shard = %self.lease.key.shard, reason,
                    "the shard stopped before a record that has no outcome; nothing is lost, and it goes on from there when the host is started again");
                self.pipeline.progress.stop(self.lease.key.shard.clone(), reason);
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

    async fn work(&mut self, keeper: &LeaseKeeper) -> Over {
        let (position, mut skip) = place::start_of(&self.lease.checkpoint);
        let Pipeline { kinesis, settings, clock, .. } = &*self.pipeline;
        let shard = self.lease.key.shard.clone();
        let mut reader = PollingReader::start(
            Arc::clone(kinesis),
            settings.stream.clone(),
            shard,
            position,
            settings.reader,
            *clock,
        );
        loop {
            let step = tokio::select! {
                biased;
                acknowledged = self.outstanding.next() => self.acknowledge(acknowledged, keeper),
                () = self.stop.cancelled() => Err(Over::Stopping),
                fetch = reader.next(), if !self.outstanding.is_full() => match fetch {
                    Some(Ok(fetch)) => self.take(fetch, &mut skip, keeper).await,
                    Some(Err(error)) => Err(Over::Failed(error.to_string())),
                    None => Err(Over::Failed("the reader ended without a word, which is a bug".to_owned())),
                },
            };
            if let Err(over) = step {
                return self.drain(over, keeper).await;
            }
        }
    }

    /// Waits for everything that was handled to be acknowledged, whatever ended the work.
    async fn drain(&mut self, over: Over, keeper: &LeaseKeeper) -> Over {
        for sink in self.delivery.sinks.values() {
            sink.flush().await;
        }
        while !self.outstanding.is_empty() {
            let acknowledged = self.outstanding.next().await;
            if let Err(failed) = self.acknowledge(acknowledged, keeper) {
                return failed;
            }
        }
        over
    }

    fn acknowledge(&self, acknowledged: Result<(Checkpoint, usize), PutError>, keeper: &LeaseKeeper) -> Step {
        match acknowledged {
            Ok((checkpoint, documents)) => {
                Progress::count(&self.pipeline.progress.done, documents);
                keeper.advance(checkpoint);
                Ok(())
            }
            Err(error) => {
                Err(Over::Failed(format!("a document that the handler emitted could not be put: {error}")))
            }
        }
    }

    /// Handles everything that one read gave.
    async fn take(&mut self, fetch: SourceFetch, skip: &mut Option<Skip>, keeper: &LeaseKeeper) -> Step {
        let progress = Arc::clone(&self.pipeline.progress);
        Progress::count(&progress.records, fetch.records.len());
        if let Some(last) = fetch.records.last() {
            let decoded = self.pipeline.processor.decode(&fetch.records, self.misplaced.check).await;
            let decoded = decoded.map_err(|error| Over::Failed(error.to_string()))?;
            self.misplaced.take_in(&decoded, &progress);
            let decoded = match skip.take() {
                Some(skip) => skip.rest_of(decoded),
                None => decoded,
            };
            let rejected = self.rejected(&decoded.rejections, &fetch.records);
            let readable = Readable::before(decoded.documents, rejected.as_ref().map(|(at, _)| *at));
            self.handle_all(&readable, fetch.millis_behind_latest, keeper).await?;
            if let Some((_, reason)) = rejected {
                return Err(Over::Failed(reason));
            }
            // Covers records that held no documents, or none that belong here.
            let checkpoint = Checkpoint::At { sequence: last.sequence.clone(), sub_sequence: None };
            self.outstanding.push(Handled { checkpoint, documents: 0, tickets: Vec::new() });
        }
        match fetch.end {
            Some(children) => Err(Over::Ended(children)),
            None => Ok(()),
        }
    }

    /// Counts what did not decode. Under `StopShard` it answers where the first of it is, and what to say about it.
    fn rejected(&self, rejections: &[Rejection], records: &[Record]) -> Option<(SubPlace, String)> {
        let first = rejections.first()?;
        Progress::count(&self.pipeline.progress.rejected, rejections.len());
        let sequence = &records[first.raw_index as usize].sequence;
        let reason = format!(
            "records do not decode: count={} first: sequence={sequence} sub-sequence={} reason={}",
            rejections.len(),
            first.sub_index,
            first.reason
        );
        if self.pipeline.settings.on_failure == OnFailure::Drop {
            tracing::error!(stream = %self.stream, shard = %self.lease.key.shard, reason, "records were dropped, as the settings ask");
            return None;
        }
        Some(((first.raw_index, first.sub_index), reason))
    }

    async fn handle_all(&mut self, all: &Readable, behind: u64, keeper: &LeaseKeeper) -> Step {
        let (records, bytes) = (self.pipeline.settings.batch_records, self.pipeline.settings.batch_bytes);
        let mut start = 0;
        while start < all.len() {
            if self.stop.is_cancelled() {
                return Err(Over::Stopping);
            }
            let documents = all.split(start, records, bytes);
            let count = documents.len();
            let info = BatchInfo {
                stream: Arc::clone(&self.stream),
                shard: self.lease.key.shard.clone(),
                millis_behind_latest: behind,
                attempt: 1,
            };
            self.handle(all, start, Batch::new(info, documents), keeper).await?;
            start += count;
            self.collect(keeper).await?;
        }
        Ok(())
    }

    /// Handles one batch, which begins at `start` of everything that was read with it.
    async fn handle(&mut self, all: &Readable, start: usize, batch: Batch, keeper: &LeaseKeeper) -> Step {
        let progress = Arc::clone(&self.pipeline.progress);
        let count = batch.documents().len();
        Progress::count(&progress.documents, count);
        Progress::count(&progress.batches, 1);
        let numbers = sequences(&batch);
        let Delivered { tickets, halt } = self.delivery.deliver(batch).await;
        let handled = halt.as_ref().map_or(count, |halt| halt.position as usize);
        if start + handled > 0 {
            let checkpoint = all.checkpoint_behind(start + handled - 1);
            if planted(Bug::CheckpointBeforeAck) {
                keeper.advance(checkpoint.clone());
            }
            self.outstanding.push(Handled { checkpoint, documents: handled, tickets });
        }
        match halt {
            None => Ok(()),
            Some(Halt { reason: None, .. }) => Err(Over::Stopping),
            Some(Halt { reason: Some(reason), .. }) => {
                Err(Over::Failed(format!("a batch could not be handled, sequences={numbers}: {reason}")))
            }
        }
    }

    /// Takes in what was acknowledged meanwhile, and waits while too much is on its way.
    async fn collect(&mut self, keeper: &LeaseKeeper) -> Step {
        while !self.outstanding.is_empty() {
            let next = if self.outstanding.is_full() {
                Some(self.outstanding.next().await)
            } else {
                self.outstanding.next().now_or_never()
            };
            let Some(acknowledged) = next else { break };
            self.acknowledge(acknowledged, keeper)?;
        }
        Ok(())
    }
}
