//! The work on one shard from a checkpoint on: reads in, batches to the handler, checkpoints to the lease keeper.

use std::{pin::pin, sync::Arc};

use futures::FutureExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    breaker::Breaker,
    coverage::Coverage,
    delivery::{Cause, Delivered, Delivery, Halt, sequences},
    gathering::{Gathered, Gathering},
    giving_up::{self, GivingUp, Unkept},
    lanes::Lanes,
    misplaced::Misplaced,
    outstanding::Outstanding,
    pipeline::{OnFailure, Pipeline},
    place::{self, Readable, Skip, SubPlace},
    progress::Progress,
    source::{Source, SourceFetch},
    throughput::Throughput,
};
use crate::{
    backoff::Backoff,
    batch::{Batch, BatchInfo, Documents},
    bugs::{Bug, planted},
    hash::HashRange,
    kinesis::ChildShard,
    lease::{Checkpoint, Lease, LeaseKey, keeper::LeaseKeeper},
    processor::{HashCheck, Rejection},
    producer::PutError,
    record::Record,
};

/// The work on one shard from a checkpoint on.
pub(super) struct Work<'a> {
    pipeline: &'a Pipeline,
    key: &'a LeaseKey,
    stop: &'a CancellationToken,
    keeper: &'a LeaseKeeper,
    lanes: Lanes,
    giving_up: GivingUp,
    coverage: Coverage,
    outstanding: Outstanding,
    misplaced: Misplaced,
    throughput: Throughput,
    /// How far the work is done.
    done: Checkpoint,
}

/// Why the work on a shard is over.
#[derive(Debug)]
pub(super) enum Over {
    /// Everything was read, handled and acknowledged.
    Ended(Vec<ChildShard>),
    /// The pipeline is stopping, and everything begun was finished.
    Stopping,
    /// The shard cannot be worked on any further.
    Failed(String),
    /// The handler lost what it kept of records that no checkpoint covers: they have to be read again.
    Forgot(String),
    /// The handler was replaced, and what it kept has to be read again.
    Swapped(String),
}

/// The checkpoint of a batch whose documents are acknowledged, if it has one, and how many user records it covers.
type Acknowledged = Result<(Option<Checkpoint>, u64), PutError>;

/// What to do after a step.
type Step = Result<(), Over>;

impl<'a> Work<'a> {
    /// `range` are the hash keys that the shard takes, where known.
    pub(super) fn new(
        pipeline: &'a Pipeline,
        lease: &'a Lease,
        range: Option<HashRange>,
        stop: &'a CancellationToken,
        keeper: &'a LeaseKeeper,
        breaker: &Arc<Breaker>,
        backoff: Backoff,
    ) -> Self {
        let settings = &pipeline.settings;
        let mut giving_up = GivingUp::new(pipeline, stop.clone(), lease.counter);
        let delivery = Delivery::new(pipeline, breaker, giving_up.fork(), backoff, stop.clone());
        let check = HashCheck { range, policy: settings.hash_range };
        Self {
            pipeline,
            key: &lease.key,
            stop,
            keeper,
            lanes: Lanes::new(settings.lanes, delivery),
            giving_up,
            coverage: Coverage::new(settings.checkpointing),
            outstanding: Outstanding::default(),
            misplaced: Misplaced::new(lease.key.clone(), check),
            throughput: Throughput::new(lease.load, Instant::now()),
            done: Checkpoint::TrimHorizon,
        }
    }

    /// Works until the shard ends or the work has to stop. Answers how far it is done, too.
    ///
    /// # Cancel safety
    /// Safe in that no checkpoint passes what is not done; what was begun is repeated from the checkpoint.
    pub(super) async fn run(mut self, source: &dyn Source, from: &Checkpoint) -> (Over, Checkpoint) {
        self.done = from.clone();
        let over = self.read(source, from).await;
        let over = if planted(Bug::ReleaseBeforeDrain) { over } else { self.drain(over).await };
        (over, self.done)
    }

    async fn read(&mut self, source: &dyn Source, from: &Checkpoint) -> Over {
        let (position, mut skip) = place::start_of(from);
        let mut reader = source.open(self.key.shard.clone(), position);
        let mut gathering = Gathering::new(self.pipeline);
        loop {
            let has_room = !self.outstanding.is_full();
            let step = tokio::select! {
                biased;
                acknowledged = self.outstanding.next() => self.acknowledge(acknowledged),
                () = self.stop.cancelled() => Err(Over::Stopping),
                () = gathering.due(), if has_room => self.take_all(gathering.take(), &mut skip).await,
                fetch = reader.next(), if has_room => match fetch {
                    Some(Ok(fetch)) => {
                        let gathered = self.gather(&mut gathering, fetch);
                        self.take_all(gathered, &mut skip).await
                    }
                    failed => {
                        let reason = failed.and_then(Result::err).map(|error| error.to_string());
                        let reason = reason.unwrap_or_else(|| "the reader ended without a word, which is a bug".to_owned());
                        self.take_all(gathering.take(), &mut skip).await.and(Err(Over::Failed(reason)))
                    }
                },
            };
            if let Err(over) = step {
                return over;
            }
        }
    }

    /// Waits for everything that was handled to be acknowledged, whatever ended the work.
    async fn drain(&mut self, over: Over) -> Over {
        let over = self.ask_for_the_last_time(over).await;
        for sink in self.pipeline.sinks.values() {
            sink.flush().await;
        }
        while !self.outstanding.is_empty() {
            let acknowledged = self.outstanding.next().await;
            if let Err(failed) = self.acknowledge(acknowledged) {
                return failed;
            }
        }
        over
    }

    /// A handler that leaves records uncovered is given an empty batch when no other will come, to say that they are
    /// done. Without that a shard cannot end; one that is given back goes on before them elsewhere.
    async fn ask_for_the_last_time(&mut self, over: Over) -> Over {
        let kept = self.coverage.kept().unwrap_or_default();
        if kept == 0 || !matches!(over, Over::Ended(_) | Over::Stopping) {
            return over;
        }
        let batch = Batch::new(self.info(0), Documents::of_records(&[]));
        let Delivered { tickets, checkpoint, halt } = self.lanes.deliver(batch, Some(kept)).await;
        let is_done = halt.is_none() && checkpoint.is_some();
        self.outstanding.push(self.coverage.last(is_done, tickets));
        match (halt, over) {
            (_, Over::Stopping) => Over::Stopping,
            (Some(Halt { cause, .. }), Over::Ended(_)) => over_by(cause, "none"),
            (None, over) if is_done => over,
            (None, _) => Over::Failed(format!(
                "the shard is at its end, and its handler has not checkpointed the last records: answer the empty \
                 batch that says so with a checkpoint of 0 records, records={kept}"
            )),
            (Some(_), over) => over,
        }
    }

    fn acknowledge(&mut self, acknowledged: Acknowledged) -> Step {
        acknowledge(self.pipeline, self.keeper, &mut self.done, acknowledged)
    }

    /// Takes in a read. Answers what is to be handled now, if anything is.
    fn gather(&mut self, gathering: &mut Gathering<'a>, fetch: SourceFetch) -> Option<Gathered<'a>> {
        self.keeper.measured(self.throughput.add(fetch.bytes(), Instant::now()));
        if let (Checkpoint::Latest, Some(first)) = (&self.done, fetch.records.first()) {
            // Should these have to be read again, the newest record is another one by then.
            self.done = Checkpoint::AtSequence(first.sequence.clone());
        }
        let gathered = gathering.add(fetch);
        if gathered.is_none() && matches!(self.done, Checkpoint::AtSequence(_)) {
            // They may wait for long, and nobody is to pass over them if this worker goes meanwhile.
            self.keeper.advance(self.done.clone());
        }
        gathered
    }

    /// Handles everything that was gathered, if anything was.
    async fn take_all(&mut self, gathered: Option<Gathered<'a>>, skip: &mut Option<Skip>) -> Step {
        match gathered {
            Some(gathered) => self.take(gathered, skip).await,
            None => Ok(()),
        }
    }

    async fn take(&mut self, gathered: Gathered<'a>, skip: &mut Option<Skip>) -> Step {
        let progress = &*self.pipeline.progress;
        // The rest of it is dropped at the end, and with it what it takes of the memory.
        let Gathered { fetch: SourceFetch { records, millis_behind_latest, end, taken: _taken }, .. } =
            gathered;
        if let Some(last) = records.last() {
            let end = Checkpoint::At { sequence: last.sequence.clone(), sub_sequence: None };
            let decoded = self.pipeline.processor.decode(&records, self.misplaced.check).await;
            let decoded = decoded.map_err(|error| Over::Failed(error.to_string()))?;
            self.misplaced.take_in(&decoded, progress);
            let decoded = match skip.take() {
                Some(skip) => skip.rest_of(decoded),
                None => decoded,
            };
            let rejected = self.rejected(&decoded.rejections, &records).await?;
            // Documents have bytes of their own.
            drop(records);
            let readable = Readable::before(decoded.documents, rejected.as_ref().map(|(at, _)| *at));
            self.handle_all(&readable, millis_behind_latest).await?;
            if let Some((_, reason)) = rejected {
                return Err(Over::Failed(reason));
            }
            // Covers records that held no documents, or none that belong here.
            self.coverage.read(end).into_iter().for_each(|end| self.outstanding.push(end));
        }
        match end {
            Some(children) => Err(Over::Ended(children)),
            None => Ok(()),
        }
    }

    /// Gives up what did not decode, before anything beside it is handled. Where the shard has to stop, it answers where
    /// the first of it is, and what to say about it.
    async fn rejected(
        &mut self,
        rejections: &[Rejection],
        records: &[Record],
    ) -> Result<Option<(SubPlace, String)>, Over> {
        let Some(first) = rejections.first() else { return Ok(None) };
        Progress::count(&self.pipeline.progress.rejected, rejections.len() as u64);
        if self.giving_up.policy == OnFailure::StopShard {
            let reason = giving_up::told(first, records, rejections.len());
            return Ok(Some(((first.raw_index, first.sub_index), reason)));
        }
        let kept = self.giving_up.records(self.key, records, rejections).await;
        kept.map(|()| None).map_err(|Unkept| Over::Stopping)
    }

    async fn handle_all(&mut self, all: &Readable, behind: u64) -> Step {
        let (records, bytes) = (self.pipeline.settings.batch_records, self.pipeline.settings.batch_bytes);
        let mut start = 0;
        while start < all.len() {
            if self.stop.is_cancelled() {
                return Err(Over::Stopping);
            }
            let documents = all.split(start, records, bytes);
            let count = documents.len();
            self.handle(all, start, Batch::new(self.info(behind), documents)).await?;
            start += count;
            self.collect().await?;
        }
        Ok(())
    }

    fn info(&self, millis_behind_latest: u64) -> BatchInfo {
        let LeaseKey { stream, shard } = self.key;
        BatchInfo {
            stream: Arc::clone(stream),
            shard: shard.clone(),
            lane: 0,
            millis_behind_latest,
            attempt: 1,
            uncovered: self.coverage.kept().unwrap_or_default(),
        }
    }

    /// Handles one batch, which begins at `start` of everything that was read with it.
    async fn handle(&mut self, all: &Readable, start: usize, batch: Batch) -> Step {
        let progress = &self.pipeline.progress;
        let count = batch.documents().len();
        Progress::count(&progress.documents, count as u64);
        Progress::count(&progress.batches, 1);
        let numbers = sequences(&batch);
        let kept = self.coverage.kept();
        let Delivered { tickets, checkpoint, halt } = self.deliver(batch, kept).await?;
        let handled = halt.as_ref().map_or(count, |halt| halt.position as usize);
        let handled = self.coverage.batch(all, start, handled, checkpoint, tickets);
        if planted(Bug::CheckpointBeforeAck) {
            handled.checkpoint.iter().for_each(|checkpoint| self.keeper.advance(checkpoint.clone()));
        }
        self.outstanding.push(handled);
        if let Some(Halt { cause, .. }) = halt {
            return Err(over_by(cause, &numbers));
        }
        if self.coverage.is_too_much() {
            let kept = self.coverage.kept().unwrap_or_default();
            return Err(Over::Failed(format!(
                "the handler leaves more records without a checkpoint than the settings allow, records={kept}"
            )));
        }
        Ok(())
    }

    /// Has a batch handled, and takes in what is acknowledged meanwhile: that may take long where its handler fails.
    async fn deliver(&mut self, batch: Batch, kept: Option<u64>) -> Result<Delivered, Over> {
        let Self { lanes, outstanding, pipeline, done, keeper, .. } = self;
        let mut work = pin!(lanes.deliver(batch, kept));
        let mut failed = None;
        loop {
            tokio::select! {
                biased;
                delivered = &mut work => return failed.map_or(Ok(delivered), Err),
                // The batch is handled to its end all the same, so that its handler is not cut short.
                acknowledged = outstanding.next(), if failed.is_none() => {
                    failed = acknowledge(pipeline, keeper, done, acknowledged).err();
                }
            }
        }
    }

    /// Takes in what was acknowledged meanwhile, and waits while too much is on its way.
    async fn collect(&mut self) -> Step {
        while !self.outstanding.is_empty() {
            let next = if self.outstanding.is_full() {
                Some(self.outstanding.next().await)
            } else {
                self.outstanding.next().now_or_never()
            };
            let Some(acknowledged) = next else { break };
            self.acknowledge(acknowledged)?;
        }
        Ok(())
    }
}

/// Moves the checkpoint as far as is acknowledged. `done` is how far the work is done.
fn acknowledge(
    pipeline: &Pipeline,
    keeper: &LeaseKeeper,
    done: &mut Checkpoint,
    acknowledged: Acknowledged,
) -> Step {
    let (checkpoint, documents) = acknowledged.map_err(|error| {
        Over::Failed(format!("a document that the handler emitted could not be put: {error}"))
    })?;
    Progress::count(&pipeline.progress.done, documents);
    if let Some(checkpoint) = checkpoint {
        *done = checkpoint.clone();
        keeper.advance(checkpoint);
    }
    Ok(())
}

fn over_by(cause: Cause, sequences: &str) -> Over {
    let told = |reason| format!("a batch could not be handled, sequences={sequences}: {reason}");
    match cause {
        Cause::Stopping => Over::Stopping,
        Cause::Failed(reason) => Over::Failed(told(reason)),
        Cause::Forgot(reason) => Over::Forgot(told(reason)),
        Cause::Swapped(reason) => Over::Swapped(told(reason)),
    }
}
