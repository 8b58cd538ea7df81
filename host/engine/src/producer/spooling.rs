//! Entries on their way into the spool and out of it. One job at a time; the worker runs them. Pure but for the jobs.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    PutError,
    packer::singly,
    queue::Queued,
    spool::{Spool, SpoolError, SpoolId},
};
use crate::{limits, processor::Processor, record::Entry, stream::StreamRef};

/// What waits for the spool, and what was read from it.
#[derive(Debug)]
pub(super) struct Spooling {
    spool: Arc<dyn Spool>,
    to_keep: Vec<Unsent>,
    to_remove: Vec<SpoolId>,
    /// Entries that were read and have not settled.
    reading: usize,
    /// The last entry that was read in this pass over the spool.
    after: Option<SpoolId>,
    /// Entries stay behind this pass, or came behind it.
    leaves: bool,
    /// The stream takes nothing, so this pass leads nowhere.
    stops: bool,
    /// When to read on; none when there is nothing.
    read_at: Option<Instant>,
    /// When to try again to remove what could not be removed.
    remove_at: Option<Instant>,
    is_busy: bool,
    is_failing: bool,
}

/// An entry that did not reach the stream, and what its documents are told without a spool.
#[derive(Debug)]
pub(super) struct Unsent {
    pub queued: Queued,
    pub error: PutError,
}

/// Something for the spool to do.
#[derive(Debug)]
pub(super) enum Job {
    Keep(Vec<Unsent>),
    Remove(Vec<SpoolId>),
    Read(Option<SpoolId>),
}

/// What became of a job.
#[derive(Debug)]
pub(super) enum Done {
    Keep(Vec<Unsent>, Result<(), SpoolError>),
    Remove(Vec<SpoolId>, Result<(), SpoolError>),
    Read(Result<Vec<(SpoolId, Entry)>, SpoolError>),
}

/// What follows from a job.
#[derive(Debug)]
pub(super) enum Outcome {
    /// These are in the spool.
    Kept(Vec<Unsent>),
    /// These are not, and have to be tried on.
    NotKept(Vec<Unsent>),
    /// These are to be sent.
    Send(Vec<(SpoolId, Entry)>),
    Nothing,
}

impl Spooling {
    pub(super) fn new(spool: Arc<dyn Spool>, now: Instant) -> Self {
        Self {
            spool,
            to_keep: Vec::new(),
            to_remove: Vec::new(),
            reading: 0,
            after: None,
            leaves: false,
            stops: false,
            read_at: Some(now),
            remove_at: None,
            is_busy: false,
            is_failing: false,
        }
    }

    /// Hands an entry over that did not reach the stream.
    pub(super) fn keep(&mut self, unsent: Unsent) {
        self.to_keep.push(unsent);
    }

    /// An entry of the spool is on the stream.
    pub(super) fn sent(&mut self, id: SpoolId, now: Instant) {
        self.to_remove.push(id);
        self.settle_one(now);
    }

    /// An entry of the spool did not reach the stream: it stays where it is. Others need not be tried now if the
    /// reason is not in the entry.
    pub(super) fn left(&mut self, stops: bool, now: Instant) {
        self.leaves = true;
        self.stops |= stops;
        self.settle_one(now);
    }

    /// When there will be something to do.
    pub(super) fn due_at(&self, now: Instant, is_closing: bool) -> Option<Instant> {
        if self.is_busy {
            return None;
        }
        let keep = (!self.to_keep.is_empty()).then_some(now);
        let remove = (!self.to_remove.is_empty()).then(|| self.remove_at.unwrap_or(now));
        let read = self.read_at.filter(|_| !is_closing && self.reading == 0 && self.to_remove.is_empty());
        [keep, remove, read].into_iter().flatten().min()
    }

    /// The next job, if one is due: what comes in before what goes out, and what is out before more comes.
    pub(super) fn next_job(&mut self, now: Instant, is_closing: bool) -> Option<Job> {
        if self.due_at(now, is_closing).is_none_or(|at| at > now) {
            return None;
        }
        self.is_busy = true;
        if !self.to_keep.is_empty() {
            return Some(Job::Keep(std::mem::take(&mut self.to_keep)));
        }
        if !self.to_remove.is_empty() {
            return Some(Job::Remove(std::mem::take(&mut self.to_remove)));
        }
        Some(Job::Read(self.after))
    }

    /// Does a job.
    pub(super) fn run(
        &self,
        job: Job,
        processor: Arc<dyn Processor>,
        max_record_bytes: usize,
    ) -> impl Future<Output = Done> + Send + use<> {
        let spool = Arc::clone(&self.spool);
        async move {
            match job {
                Job::Keep(unsent) => {
                    let kept = keep(&*spool, &*processor, &unsent, max_record_bytes).await;
                    Done::Keep(unsent, kept)
                }
                Job::Remove(ids) => {
                    let removed = spool.remove(&ids).await;
                    Done::Remove(ids, removed)
                }
                Job::Read(after) => Done::Read(spool.oldest(after, limits::SPOOL_READ_ENTRIES).await),
            }
        }
    }

    /// Takes what became of a job.
    pub(super) fn take(&mut self, stream: &StreamRef, done: Done, now: Instant) -> Outcome {
        self.is_busy = false;
        match done {
            Done::Keep(unsent, Ok(())) => {
                self.is_failing = false;
                self.leaves = true;
                self.read_at.get_or_insert(now + limits::SPOOL_INTERVAL);
                Outcome::Kept(unsent)
            }
            Done::Keep(unsent, Err(error)) => {
                self.complain(stream, &error);
                Outcome::NotKept(unsent)
            }
            Done::Remove(_, Ok(())) => {
                self.is_failing = false;
                self.remove_at = None;
                Outcome::Nothing
            }
            Done::Remove(ids, Err(error)) => {
                self.complain(stream, &error);
                self.to_remove.extend(ids);
                self.remove_at = Some(now + limits::SPOOL_INTERVAL);
                Outcome::Nothing
            }
            Done::Read(Ok(entries)) => {
                self.is_failing = false;
                self.took(&entries, now);
                Outcome::Send(entries)
            }
            Done::Read(Err(error)) => {
                self.complain(stream, &error);
                self.read_at = Some(now + limits::SPOOL_INTERVAL);
                Outcome::Nothing
            }
        }
    }

    /// Whether a producer that closes may go: what it leaves behind in the spool, the next one sends.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_busy && self.to_keep.is_empty() && (self.to_remove.is_empty() || self.is_failing)
    }

    /// Whether entries are on their way into the spool.
    pub(super) fn is_keeping(&self) -> bool {
        self.is_busy || !self.to_keep.is_empty()
    }

    fn took(&mut self, entries: &[(SpoolId, Entry)], now: Instant) {
        self.reading = entries.len();
        self.after = entries.last().map(|(id, _)| *id);
        if entries.is_empty() {
            self.end_pass(now);
        }
    }

    /// What this pass left, the next one tries.
    fn end_pass(&mut self, now: Instant) {
        self.after = None;
        self.stops = false;
        self.read_at = std::mem::take(&mut self.leaves).then(|| now + limits::SPOOL_INTERVAL);
    }

    fn settle_one(&mut self, now: Instant) {
        self.reading -= 1;
        if self.reading == 0 {
            if self.stops { self.end_pass(now) } else { self.read_at = Some(now) }
        }
    }

    /// A spool that fails is told once, and not once for each attempt.
    fn complain(&mut self, stream: &StreamRef, error: &SpoolError) {
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::error!(%stream, %error, "the spool fails and will be tried again");
        }
    }
}

async fn keep(
    spool: &dyn Spool,
    processor: &dyn Processor,
    unsent: &[Unsent],
    max_record_bytes: usize,
) -> Result<(), SpoolError> {
    let mut entries = Vec::with_capacity(unsent.len());
    for Unsent { queued, .. } in unsent {
        match queued.origin.documents() {
            [] | [_] => entries.push(queued.entry.clone()),
            // An entry of several was made for the shards as they are now, and who knows when it will be sent.
            several => {
                entries.extend(singly(processor, several, max_record_bytes).await.map_err(SpoolError)?);
            }
        }
    }
    spool.keep(&entries).await
}
