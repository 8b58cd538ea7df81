//! Gives a batch to the handler until every record of it has an outcome, or the shard has to stop.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{pipeline::OnFailure, progress::Progress};
use crate::{
    backoff::Backoff,
    batch::Batch,
    handler::{Disposition, Emit, Handler, HandlerError, Outcome},
    limits,
    processor::Document,
    producer::{BatchTicket, Producer},
};

/// Name of the sink for documents that name none.
pub const DEFAULT_SINK: &str = "default";

/// What a shard task needs to get its batches handled.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub handler: Arc<dyn Handler>,
    pub sinks: Arc<BTreeMap<String, Producer>>,
    pub attempts: u32,
    pub on_failure: OnFailure,
    pub progress: Arc<Progress>,
    pub backoff: Backoff,
    /// Cancelled when the host stops: a pause between attempts then ends the work on the batch.
    pub stop: CancellationToken,
}

/// What came of a batch.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// What was emitted for it, on its way.
    pub tickets: Vec<BatchTicket>,
    /// How many of its first records the handler says are done, with everything before them.
    pub checkpoint: Option<u32>,
    /// Set if not every record has an outcome: the shard is then worked on no further.
    pub halt: Option<Halt>,
}

/// Where the work on a shard ends early, and why.
#[derive(Debug)]
pub(super) struct Halt {
    /// Position in the batch of the first record without an outcome.
    pub position: u32,
    /// Why.
    pub cause: Cause,
}

/// Why the work on a shard ends early.
#[derive(Debug)]
pub(super) enum Cause {
    /// A record cannot be handled; what happened, for people.
    Failed(String),
    /// The handler lost what it kept of records that no checkpoint covers; what happened, for people.
    Forgot(String),
    /// The host is stopping.
    Stopping,
}

/// One attempt's result, sorted by what to do next.
enum Attempt {
    Done,
    /// Give the records at these positions again, after a pause.
    Again {
        positions: Vec<u32>,
        after: Duration,
        reason: String,
    },
    /// The records at these positions cannot be handled.
    Hopeless {
        positions: Vec<u32>,
        reason: String,
    },
}

impl Delivery {
    /// The same for a lane that works beside others.
    pub(super) fn fork(&mut self) -> Self {
        Self { backoff: self.backoff.fork(), ..self.clone() }
    }

    /// Handles a batch. Ends after the attempts that the pipeline allows, or as soon as the handler loses what it may
    /// keep of records that it has not checkpointed: `kept` are those of earlier batches, none where the handler has
    /// no say in checkpoints.
    ///
    /// # Cancel safety
    /// Safe in that nothing is checkpointed: what was emitted so far may be emitted again.
    pub(super) async fn deliver(&mut self, batch: Batch, kept: Option<u64>) -> Delivered {
        let mut delivered = Delivered::default();
        // Positions in the batch as it was given first; attempts see fewer and fewer of them.
        let mut positions: Vec<u32> = (0..).take(batch.documents().len()).collect();
        let mut attempt = batch.clone();
        loop {
            let next = match self.handler.handle(&attempt).await {
                Ok(Outcome { emits, failures, checkpoint, .. }) => {
                    let next = self.sort(&attempt, &failures);
                    if let Err(reason) = self.send(emits, &mut delivered.tickets).await {
                        return delivered.halted(&positions, Cause::Failed(reason));
                    }
                    delivered.claim(checkpoint, &positions, batch.documents().len());
                    next
                }
                Err(error) => {
                    let is_partly_handled = positions.len() < batch.documents().len();
                    let keeps_some = kept.is_some_and(|records| records > 0 || is_partly_handled);
                    if keeps_some && error.forgets() {
                        Progress::count(&self.progress.failed_attempts, 1);
                        return delivered.halted(&positions, Cause::Forgot(error.to_string()));
                    }
                    self.failed(&attempt, &error)
                }
            };
            match next {
                Attempt::Done => return delivered,
                Attempt::Again { positions: again, after, reason } => {
                    positions = again.iter().map(|&at| positions[at as usize]).collect();
                    delivered.not_past(&positions);
                    if attempt.info.attempt >= self.attempts {
                        return self.give_up(&batch, delivered, &positions, reason);
                    }
                    tokio::select! {
                        biased;
                        () = self.stop.cancelled() => return delivered.halted(&positions, Cause::Stopping),
                        () = sleep(after) => {}
                    }
                    attempt = attempt.retry_of(&again);
                }
                Attempt::Hopeless { positions: lost, reason } => {
                    let lost: Vec<u32> = lost.iter().map(|&at| positions[at as usize]).collect();
                    return self.give_up(&batch, delivered, &lost, reason);
                }
            }
        }
    }

    /// What the policy says about records that cannot be handled.
    fn give_up(&self, batch: &Batch, delivered: Delivered, positions: &[u32], reason: String) -> Delivered {
        match self.on_failure {
            OnFailure::StopShard => delivered.halted(positions, Cause::Failed(reason)),
            OnFailure::Drop => {
                self.dropped(batch, positions.len(), &reason);
                delivered
            }
        }
    }

    fn failed(&mut self, batch: &Batch, error: &HandlerError) -> Attempt {
        Progress::count(&self.progress.failed_attempts, 1);
        let positions = (0..).take(batch.documents().len()).collect();
        let reason = error.to_string();
        if !error.is_retryable() {
            return Attempt::Hopeless { positions, reason };
        }
        let after = self.backoff.pause(batch.info.attempt);
        if batch.info.attempt < self.attempts {
            tracing::warn!(stream = %batch.info.stream, shard = %batch.info.shard, attempt = batch.info.attempt,
                sequences = %sequences(batch), %error, "a batch failed and is given again");
        }
        Attempt::Again { positions, after, reason }
    }

    fn sort(&self, batch: &Batch, failures: &[crate::handler::Failure]) -> Attempt {
        let mut again = Vec::new();
        let mut hopeless = Vec::new();
        let mut after = Duration::ZERO;
        let mut reason = None;
        let mut dropped = 0;
        for failure in failures {
            match &failure.disposition {
                Disposition::Drop => dropped += 1,
                Disposition::Retry(pause) => {
                    again.push(failure.index);
                    after = after.max(*pause);
                }
                Disposition::DeadLetter(why) => {
                    hopeless.push(failure.index);
                    reason.get_or_insert_with(|| why.clone());
                }
            }
        }
        Progress::count(&self.progress.dropped, dropped);
        if let Some(reason) = reason {
            // Records to be tried again wait behind those that are given up: the shard stops at the first of both
            // or goes on with none of them, as the policy says.
            if self.on_failure == OnFailure::StopShard || again.is_empty() {
                hopeless.extend(again);
                return Attempt::Hopeless {
                    positions: hopeless,
                    reason: format!("the handler gave up: {reason}"),
                };
            }
            self.dropped(batch, hopeless.len(), &reason);
        }
        if again.is_empty() {
            return Attempt::Done;
        }
        again.sort_unstable();
        let floor = limits::HANDLER_BACKOFF.0.min(after.max(Duration::from_millis(1)));
        let after = after.max(floor).min(limits::HANDLER_RETRY_LONGEST);
        let reason = format!("the handler asked for another attempt, attempts={}", batch.info.attempt);
        Attempt::Again { positions: again, after, reason }
    }

    fn dropped(&self, batch: &Batch, records: usize, reason: &str) {
        tracing::error!(stream = %batch.info.stream, shard = %batch.info.shard, records, sequences = %sequences(batch), reason,
            "records were dropped, as the settings ask");
        Progress::count(&self.progress.dropped, records as u64);
    }

    /// Hands documents to their sinks, in order, waiting where one is full.
    async fn send(&self, emits: Vec<Emit>, tickets: &mut Vec<BatchTicket>) -> Result<(), String> {
        Progress::count(&self.progress.emitted, emits.len() as u64);
        let mut by_sink: BTreeMap<String, Vec<Document>> = BTreeMap::new();
        for emit in emits {
            let sink = emit.sink.as_deref().unwrap_or(DEFAULT_SINK);
            let document = Document {
                data: emit.data,
                partition_key: emit.partition_key,
                explicit_hash_key: emit.explicit_hash_key,
            };
            match by_sink.get_mut(sink) {
                Some(documents) => documents.push(document),
                None => drop(by_sink.insert(sink.to_owned(), vec![document])),
            }
        }
        // All names are looked at before anything is sent: a wrong one must not leave half of the emits on their way.
        if let Some(name) = by_sink.keys().find(|name| !self.sinks.contains_key(*name)) {
            let known: Vec<&str> = self.sinks.keys().map(String::as_str).collect();
            return Err(format!(
                "the handler emitted to a sink that the pipeline lacks, sink={name} known={known:?}"
            ));
        }
        for (name, documents) in by_sink {
            let ticket = self.sinks[&name].put_all(documents).await;
            tickets.push(ticket.map_err(|closed| format!("sink={name}: {closed}"))?);
        }
        Ok(())
    }
}

impl Delivered {
    /// Takes in what the handler said of an attempt at the records at these positions of the batch: its first
    /// `checkpoint` records are done, and so is everything before the one behind them.
    fn claim(&mut self, checkpoint: Option<u32>, positions: &[u32], records: usize) {
        let Some(claimed) = checkpoint else { return };
        let all = u32::try_from(records).expect("a batch counts its records in 32 bits");
        self.checkpoint = Some(positions.get(claimed as usize).copied().unwrap_or(all));
    }

    /// Takes back what was claimed of records that have no outcome yet.
    fn not_past(&mut self, positions: &[u32]) {
        let first = positions.iter().copied().min().unwrap_or(u32::MAX);
        self.checkpoint = self.checkpoint.map(|claimed| claimed.min(first));
    }

    fn halted(mut self, positions: &[u32], cause: Cause) -> Self {
        self.not_past(positions);
        self.halt = Some(Halt { position: positions.iter().copied().min().unwrap_or_default(), cause });
        self
    }
}

/// The sequence numbers of a batch, first and last, for messages.
pub(super) fn sequences(batch: &Batch) -> String {
    let documents = batch.documents();
    if documents.is_empty() {
        return "none".to_owned();
    }
    let (first, last) = (documents.sequence(0), documents.sequence(documents.len() - 1));
    if first == last { first.to_string() } else { format!("{first}..{last}") }
}
