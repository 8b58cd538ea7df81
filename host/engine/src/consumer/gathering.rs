//! The batching window: reads are gathered until they fill a batch, or until the first of them has waited long enough.
//!
//! Without a window every read is handed over as it comes. What is gathered is a read that is in hand: it counts among
//! the memory of reads and keeps the pipeline from being idle. A stop forgets it, because nothing of it was begun.

use tokio::time::{Instant, sleep_until};

use super::{
    pipeline::Pipeline,
    progress::{InHand, Progress},
    source::SourceFetch,
};

/// What was read of a shard and is not handled yet.
#[derive(Debug)]
pub(super) struct Gathering<'a> {
    pipeline: &'a Pipeline,
    gathered: Option<(Gathered<'a>, Instant)>,
}

/// Reads that are handled as one.
#[derive(Debug)]
pub(super) struct Gathered<'a> {
    pub fetch: SourceFetch,
    /// Bytes of its records.
    bytes: usize,
    _in_hand: InHand<'a>,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(pipeline: &'a Pipeline) -> Self {
        Self { pipeline, gathered: None }
    }

    /// Takes in a read. Answers what is to be handled now, if anything is.
    pub(super) fn add(&mut self, fetch: SourceFetch) -> Option<Gathered<'a>> {
        let progress: &'a Progress = &self.pipeline.progress;
        let bytes = fetch.bytes();
        let in_hand = progress.take_in(fetch.records.len(), fetch.millis_behind_latest);
        let (gathered, until) = match self.gathered.take() {
            Some((gathered, until)) => (gathered.and(fetch, bytes), until),
            None => {
                let until = Instant::now() + self.pipeline.settings.batch_window;
                (Gathered { fetch, bytes, _in_hand: in_hand }, until)
            }
        };
        if self.is_enough(&gathered) {
            return Some(gathered);
        }
        self.gathered = Some((gathered, until));
        None
    }

    /// What was gathered so far.
    pub(super) fn take(&mut self) -> Option<Gathered<'a>> {
        self.gathered.take().map(|(gathered, _)| gathered)
    }

    /// Waits until what was gathered has waited long enough; for ever where that is nothing.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn due(&self) {
        match &self.gathered {
            Some((_, until)) => sleep_until(*until).await,
            None => std::future::pending().await,
        }
    }

    fn is_enough(&self, gathered: &Gathered<'_>) -> bool {
        let settings = &self.pipeline.settings;
        let records = gathered.fetch.records.len();
        settings.batch_window.is_zero()
            || records == 0
            || records >= settings.batch_records
            || gathered.bytes >= settings.gathered_bytes()
            || gathered.fetch.end.is_some()
    }
}

impl Gathered<'_> {
    fn and(mut self, next: SourceFetch, bytes: usize) -> Self {
        let SourceFetch { records, millis_behind_latest, end, taken } = next;
        self.bytes += bytes;
        self.fetch.records.extend(records);
        self.fetch.millis_behind_latest = millis_behind_latest;
        self.fetch.end = end;
        self.fetch.taken.and(taken);
        self
    }
}
