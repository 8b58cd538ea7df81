//! Gives a batch to the handler until every record of it has an outcome, or the shard has to stop.
//!
//! ```text
//!            ┌──────────────── pending ◀───────────────┐
//!            ▼                                         │ again, after a pause, while attempts and age allow
//! breaker ─▶ call ──▶ handled: emits to the sinks      │
//!            │   └──▶ some asked for again ────────────┤ or halves, once they do not
//!            │   └──▶ some given up ──▶ giving up      │ halves, without a pause
//!            └─failed──────────────────────────────────┤
//!                  └─ one record left ──▶ giving up: kept as a dead letter, dropped, or the end of the shard
//! ```

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    breaker::Breaker,
    giving_up::{GivingUp, Lost, Unkept, Why},
    pipeline::{OnFailure, Pipeline},
    progress::Progress,
};
use crate::{
    backoff::Backoff,
    batch::Batch,
    handler::{Deployed, Handler, HandlerError, HandlerErrorKind, Outcome},
    producer::{BatchTicket, Producer},
    time::Clock,
};

mod pending;
mod sinks;
mod sorted;

use pending::{Part, Pending};
pub use sinks::DEFAULT_SINK;
use sorted::Sorted;

/// What a shard task needs to get its batches handled.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    handler: Arc<dyn Handler>,
    sinks: Arc<BTreeMap<String, Producer>>,
    attempts: u32,
    max_record_age: Option<Duration>,
    clock: Clock,
    breaker: Arc<Breaker>,
    giving_up: GivingUp,
    progress: Arc<Progress>,
    backoff: Backoff,
    /// Cancelled when the host stops: a pause between attempts then ends the work on the batch.
    stop: CancellationToken,
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
    /// The handler was replaced, and what it kept went with it, which is nobody's failure; what happened, for people.
    Swapped(String),
    /// The host is stopping.
    Stopping,
}

impl Delivery {
    pub(super) fn new(
        pipeline: &Pipeline,
        breaker: &Arc<Breaker>,
        giving_up: GivingUp,
        backoff: Backoff,
        stop: CancellationToken,
    ) -> Self {
        let settings = &pipeline.settings;
        Self {
            handler: Arc::clone(&pipeline.handler),
            sinks: Arc::clone(&pipeline.sinks),
            attempts: settings.attempts,
            max_record_age: settings.max_record_age,
            clock: pipeline.clock,
            breaker: Arc::clone(breaker),
            giving_up,
            progress: Arc::clone(&pipeline.progress),
            backoff,
            stop,
        }
    }

    /// The same for a lane that works beside others.
    pub(super) fn fork(&mut self) -> Self {
        Self { backoff: self.backoff.fork(), giving_up: self.giving_up.fork(), ..self.clone() }
    }

    /// Handles a batch. Ends when every record has an outcome; or early, where one may have none, or as soon as the
    /// handler loses what it may keep of records that it has not checkpointed: `kept` are those of earlier batches,
    /// none where the handler has no say in checkpoints.
    ///
    /// # Cancel safety
    /// Safe in that nothing is checkpointed: what was emitted so far may be emitted again.
    pub(super) async fn deliver(&mut self, batch: Batch, kept: Option<u64>) -> Delivered {
        let pending = Pending::all(batch.documents().len());
        let mut work = Delivering {
            delivery: self,
            batch,
            pending,
            delivered: Delivered::default(),
            end: None,
            keeps: kept.map(|records| records > 0),
        };
        while let Some(part) = work.pending.next() {
            if let Err(halt) = work.give(part).await {
                return work.delivered.halted(halt);
            }
        }
        match work.end {
            Some(halt) => work.delivered.halted(halt),
            None => work.delivered,
        }
    }
}

/// The work on one batch.
struct Delivering<'a> {
    delivery: &'a mut Delivery,
    batch: Batch,
    pending: Pending,
    delivered: Delivered,
    /// Where the shard has to stop once everything before it is done.
    end: Option<Halt>,
    /// Whether the handler may keep records in memory alone; none where it has no say in checkpoints.
    keeps: Option<bool>,
}

/// What to do after a call: go on, or end early.
type Step = Result<(), Halt>;

impl Delivering<'_> {
    /// Makes one call, and what follows of it.
    async fn give(&mut self, part: Part) -> Step {
        let Delivery { breaker, stop, handler, progress, .. } = &*self.delivery;
        if !breaker.admit(stop).await {
            return Err(Halt { position: part.first(), cause: Cause::Stopping });
        }
        if part.is_half {
            Progress::count(&progress.bisected, 1);
        }
        match handler.handle(&self.batch_of(&part)).await {
            Ok(outcome) => self.take_in(part, outcome).await,
            Err(error) => self.failed(part, error).await,
        }
    }

    fn batch_of(&self, part: &Part) -> Cow<'_, Batch> {
        let is_whole = part.positions.len() == self.batch.documents().len();
        if is_whole && part.attempt == 1 {
            return Cow::Borrowed(&self.batch);
        }
        Cow::Owned(self.batch.part(&part.positions, part.attempt))
    }

    async fn take_in(&mut self, part: Part, outcome: Outcome) -> Step {
        let Outcome { emits, failures, checkpoint, by } = outcome;
        let mut sorted = Sorted::of(&part, &failures);
        let records = part.positions.len();
        if records > 0 && sorted.again.len() == records {
            self.delivery.breaker.failed("the handler asked for all records again");
        } else {
            self.delivery.breaker.succeeded();
        }
        Progress::count(&self.delivery.progress.emitted, emits.len() as u64);
        let sent = sinks::send(&self.delivery.sinks, emits, &mut self.delivered.tickets).await;
        sent.map_err(|reason| Halt { position: part.first(), cause: Cause::Failed(reason) })?;
        Progress::count(&self.delivery.progress.dropped, sorted.dropped);
        self.claim(&part, checkpoint, &sorted);
        let is_used_up = part.attempt >= self.delivery.attempts;
        let is_over = is_used_up || sorted.again.iter().any(|position| self.is_too_old(*position));
        if is_over && sorted.again.len() == 1 {
            sorted.give_up(if is_used_up { &Why::AskedAgain } else { &Why::TooOld });
        }
        let Sorted { mut again, after, lost, .. } = sorted;
        self.give_up(&lost, &again, part.attempt, by.as_ref()).await?;
        if let Some(end) = &self.end {
            again.retain(|position| *position < end.position);
        }
        if again.is_empty() {
            return Ok(());
        }
        if is_over {
            // Some may be asked for only because they lie behind the one to blame.
            self.pending.halve(Part { positions: again, ..part });
            return Ok(());
        }
        self.give_again(Part { positions: again, attempt: part.attempt + 1, is_half: false }, after).await
    }

    async fn failed(&mut self, part: Part, error: HandlerError) -> Step {
        let halt = |cause| Err(Halt { position: part.first(), cause });
        if error.kind == HandlerErrorKind::Swapped {
            return halt(Cause::Swapped(error.to_string()));
        }
        Progress::count(&self.delivery.progress.failed_attempts, 1);
        self.delivery.breaker.failed(&error.to_string());
        if self.keeps == Some(true) && error.forgets() {
            return halt(Cause::Forgot(error.to_string()));
        }
        if self.has_another_attempt(&part) && error.is_retryable() {
            let after = self.delivery.backoff.pause(part.attempt);
            self.tell(&part, &error, "a batch failed and is given again");
            return self.give_again(Part { attempt: part.attempt + 1, ..part }, after).await;
        }
        match part.positions[..] {
            // A handler that is asked for its last checkpoint is given no records.
            [] => halt(Cause::Failed(error.to_string())),
            [position] => {
                let by = error.by.clone();
                let lost = Lost { position, why: Why::Failed(error) };
                self.give_up(&[lost], &[], part.attempt, by.as_ref()).await
            }
            _ => {
                if !part.is_half {
                    self.tell(
                        &part,
                        &error,
                        "a batch failed for good and is halved to find the record to blame",
                    );
                }
                self.pending.halve(part);
                Ok(())
            }
        }
    }

    /// Gives these up, and has the work end before them where the shard has to stop. `again` have no outcome either.
    async fn give_up(
        &mut self,
        lost: &[Lost],
        again: &[u32],
        attempts: u32,
        by: Option<&Arc<Deployed>>,
    ) -> Step {
        let Some(first) = lost.first() else { return Ok(()) };
        if self.delivery.giving_up.policy == OnFailure::StopShard {
            let reason = format!("record={}: {}", first.place_in(&self.batch), first.why);
            self.end = Some(Halt { position: first.position, cause: Cause::Failed(reason) });
            self.pending.end_before(first.position);
            return Ok(());
        }
        let kept = self.delivery.giving_up.documents(&self.batch, lost, attempts, by).await;
        kept.map_err(|Unkept| {
            let before = again.first().copied().unwrap_or(u32::MAX);
            Halt { position: first.position.min(before), cause: Cause::Stopping }
        })
    }

    async fn give_again(&mut self, part: Part, after: Duration) -> Step {
        tokio::select! {
            biased;
            () = self.delivery.stop.cancelled() => {
                return Err(Halt { position: part.first(), cause: Cause::Stopping });
            }
            () = sleep(after) => {}
        }
        Progress::count(&self.delivery.progress.retries, 1);
        self.pending.put(part);
        Ok(())
    }

    fn has_another_attempt(&self, part: &Part) -> bool {
        let is_used_up = part.is_half || part.attempt >= self.delivery.attempts;
        !is_used_up && !part.positions.iter().any(|position| self.is_too_old(*position))
    }

    fn is_too_old(&self, position: u32) -> bool {
        let Delivery { max_record_age, clock, .. } = &*self.delivery;
        let arrival = self.batch.documents().arrival(position as usize);
        let age = || Duration::from_millis(clock.now().millis_since(arrival));
        max_record_age.is_some_and(|most| age() > most)
    }

    /// Takes in what the handler says is done: the first `checkpoint` records of a call, and with them everything
    /// before the one behind them. What it is to be given again is not, whatever it says.
    fn claim(&mut self, part: &Part, checkpoint: Option<u32>, sorted: &Sorted) {
        let handled = sorted.handled(part.positions.len());
        if let Some(keeps) = &mut self.keeps {
            *keeps = checkpoint.map_or(*keeps || handled > 0, |claimed| handled > claimed as usize);
        }
        if let Some(claimed) = checkpoint {
            let all =
                u32::try_from(self.batch.documents().len()).expect("a batch counts its records in 32 bits");
            let behind = || self.pending.first().unwrap_or(all);
            self.delivered.checkpoint =
                Some(part.positions.get(claimed as usize).copied().unwrap_or_else(behind));
        }
        self.delivered.not_past(sorted.again.first().copied());
    }

    fn tell(&self, part: &Part, error: &HandlerError, what: &str) {
        let Part { positions, attempt, .. } = part;
        let records = positions.len();
        let sequences = sequences(&self.batch_of(part));
        let (stream, shard) = (&self.batch.info.stream, &self.batch.info.shard);
        tracing::warn!(%stream, %shard, attempt, records, %sequences, %error, "{what}");
    }
}

impl Delivered {
    /// Takes back what was claimed of a record that has no outcome yet, and of those behind it.
    fn not_past(&mut self, position: Option<u32>) {
        self.checkpoint = self.checkpoint.map(|claimed| claimed.min(position.unwrap_or(u32::MAX)));
    }

    fn halted(mut self, halt: Halt) -> Self {
        self.not_past(Some(halt.position));
        self.halt = Some(halt);
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
