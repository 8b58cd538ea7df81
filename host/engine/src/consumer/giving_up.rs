//! What becomes of records that cannot be handled, and of Kinesis records that do not decode.

use std::{fmt, sync::Arc};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    pipeline::{OnFailure, Pipeline},
    progress::Progress,
};
use crate::{
    backoff::Backoff,
    batch::Batch,
    bugs::{Bug, planted},
    dead_letter::{DeadLetter, DeadLetters, Payload},
    handler::{Deployed, HandlerError},
    lease::LeaseKey,
    limits,
    processor::Rejection,
    record::Record,
    task,
    time::Clock,
};

/// What one shard, or one lane of it, does with what is given up.
#[derive(Clone, Debug)]
pub(super) struct GivingUp {
    /// What the settings ask for.
    pub policy: OnFailure,
    dead_letters: Option<Arc<dyn DeadLetters>>,
    pipeline: Arc<str>,
    progress: Arc<Progress>,
    clock: Clock,
    backoff: Backoff,
    /// Cancelled when the host stops: nothing is waited for then.
    stop: CancellationToken,
}

/// A record of a batch that cannot be handled.
#[derive(Clone, Debug)]
pub(super) struct Lost {
    /// Position in the batch.
    pub position: u32,
    /// What happened to it last.
    pub why: Why,
}

/// Why a record cannot be handled.
#[derive(Clone, Debug)]
pub(super) enum Why {
    /// It failed alone.
    Failed(HandlerError),
    /// The handler gave it up, in these words.
    GaveUp(String),
    /// The handler asked for it again once too often.
    AskedAgain,
    /// The handler asked for it again, and it is older than the settings allow.
    TooOld,
}

/// The host stops, and what was given up has no outcome.
#[derive(Debug)]
pub(super) struct Unkept;

impl GivingUp {
    pub(super) fn new(pipeline: &Pipeline, stop: CancellationToken, seed: u64) -> Self {
        let (first, longest) = limits::DEAD_LETTER_BACKOFF;
        Self {
            policy: pipeline.on_failure(),
            dead_letters: pipeline.dead_letters.clone(),
            pipeline: pipeline.settings.name.as_str().into(),
            progress: Arc::clone(&pipeline.progress),
            clock: pipeline.clock,
            backoff: Backoff::new(first, longest, seed),
            stop,
        }
    }

    /// The same for a lane that works beside others.
    pub(super) fn fork(&mut self) -> Self {
        Self { backoff: self.backoff.fork(), ..self.clone() }
    }

    /// Gives up records of a batch, unless it is their shard that has to stop. After that they have an outcome.
    ///
    /// # Cancel safety
    /// Safe in that they have no outcome then; some may be kept all the same.
    pub(super) async fn documents(
        &mut self,
        batch: &Batch,
        lost: &[Lost],
        attempts: u32,
        by: Option<&Arc<Deployed>>,
    ) -> Result<(), Unkept> {
        let (Some(first), records) = (lost.first(), lost.len()) else { return Ok(()) };
        let (stream, shard) = (&batch.info.stream, &batch.info.shard);
        let (record, reason) = (first.place_in(batch), first.why.to_string());
        if self.policy == OnFailure::Drop {
            tracing::error!(%stream, %shard, records, record, reason, "records were dropped, as the settings ask");
            Progress::count(&self.progress.dropped, records as u64);
            return Ok(());
        }
        let letters = lost.iter().map(|lost| self.letter_of(batch, lost, attempts, by)).collect();
        self.keep(letters).await?;
        tracing::warn!(%stream, %shard, records, record, attempts, reason, "records were given up and are kept as dead letters");
        Ok(())
    }

    /// Gives up the Kinesis records that these rejections are of, or parts of them, unless their shard has to stop.
    ///
    /// # Cancel safety
    /// As [`Self::documents`].
    pub(super) async fn records(
        &mut self,
        lease: &LeaseKey,
        records: &[Record],
        rejections: &[Rejection],
    ) -> Result<(), Unkept> {
        let Some(first) = rejections.first() else { return Ok(()) };
        let reason = told(first, records, rejections.len());
        let LeaseKey { stream, shard } = lease;
        if self.policy == OnFailure::Drop {
            tracing::error!(%stream, %shard, reason, "records were dropped, as the settings ask");
            return Ok(());
        }
        let mut letters: Vec<DeadLetter> = Vec::new();
        let mut last = None;
        for rejection in rejections {
            if last.replace(rejection.raw_index) != Some(rejection.raw_index) {
                letters.push(self.letter_of_record(lease, &records[rejection.raw_index as usize], rejection));
            }
        }
        self.keep(letters).await?;
        tracing::warn!(%stream, %shard, reason, "Kinesis records do not decode and are kept as dead letters");
        Ok(())
    }

    /// Waits until these are kept, however often that takes.
    async fn keep(&mut self, letters: Vec<DeadLetter>) -> Result<(), Unkept> {
        let place = Arc::clone(self.dead_letters.as_ref().expect("the settings were checked for a place"));
        let count = letters.len() as u64;
        if planted(Bug::CheckpointBeforeLetter) {
            drop(task::spawn("letters", async move { drop(place.put(&letters).await) }).detach());
            return Ok(());
        }
        let mut failures = 0;
        while let Err(error) = place.put(&letters).await {
            failures += 1;
            if failures == 1 || failures % 10 == 0 {
                tracing::warn!(pipeline = %self.pipeline, failures, %error,
                    "dead letters could not be kept; their shard waits and tries again");
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Unkept),
                () = sleep(self.backoff.pause(failures)) => {}
            }
        }
        Progress::count(&self.progress.dead_lettered, count);
        Ok(())
    }

    fn letter_of(&self, batch: &Batch, lost: &Lost, attempts: u32, by: Option<&Arc<Deployed>>) -> DeadLetter {
        let (documents, at) = (batch.documents(), lost.position as usize);
        let place = documents.index()[at];
        let attributes = documents.attributes(place.raw_index, place.sub_index);
        DeadLetter {
            pipeline: Arc::clone(&self.pipeline),
            stream: Arc::clone(&batch.info.stream),
            shard: batch.info.shard.clone(),
            sequence: documents.sequence(at).clone(),
            sub_sequence: place.sub_index,
            partition_key: documents.partition_key(at).into(),
            explicit_hash_key: attributes.and_then(|attributes| attributes.explicit_hash_key),
            arrival: documents.arrival(at),
            payload: Payload::Document,
            data: documents.data_bytes(at),
            kind: lost.why.kind(),
            reason: lost.why.words(),
            attempts,
            by: by.cloned(),
            at: self.clock.now(),
        }
    }

    fn letter_of_record(&self, lease: &LeaseKey, record: &Record, rejection: &Rejection) -> DeadLetter {
        DeadLetter {
            pipeline: Arc::clone(&self.pipeline),
            stream: Arc::clone(&lease.stream),
            shard: lease.shard.clone(),
            sequence: record.sequence.clone(),
            sub_sequence: rejection.sub_index,
            partition_key: record.partition_key.clone(),
            explicit_hash_key: None,
            arrival: record.arrival,
            payload: Payload::Record,
            data: record.data.clone(),
            kind: "does not decode".to_owned(),
            reason: rejection.reason.clone(),
            attempts: 0,
            by: None,
            at: self.clock.now(),
        }
    }
}

impl Lost {
    /// Where the record is from, for messages.
    pub(super) fn place_in(&self, batch: &Batch) -> String {
        let (documents, at) = (batch.documents(), self.position as usize);
        format!("{}:{}", documents.sequence(at), documents.index()[at].sub_index)
    }
}

impl Why {
    /// In a word or a few.
    fn kind(&self) -> String {
        match self {
            Self::Failed(error) => error.kind.to_string(),
            Self::GaveUp(_) => "was given up".to_owned(),
            Self::AskedAgain => "used up its attempts".to_owned(),
            Self::TooOld => "was too old for another attempt".to_owned(),
        }
    }

    /// What the handler said, or what is known without its words.
    fn words(&self) -> String {
        match self {
            Self::Failed(error) => error.to_string(),
            Self::GaveUp(words) => words.clone(),
            Self::AskedAgain | Self::TooOld => "the handler asked for another attempt".to_owned(),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::GaveUp(words) => write!(f, "the handler gave up: {words}"),
            Self::AskedAgain => f.write_str("the handler asked for another attempt, and all are used up"),
            Self::TooOld => f.write_str(
                "the handler asked for another attempt, and the record is older than max-record-age",
            ),
        }
    }
}

/// What to say about rejections, of which this is the first.
pub(super) fn told(first: &Rejection, records: &[Record], count: usize) -> String {
    let sequence = &records[first.raw_index as usize].sequence;
    let Rejection { sub_index, reason, .. } = first;
    format!(
        "records do not decode: count={count} first: sequence={sequence} sub-sequence={sub_index} reason={reason}"
    )
}
