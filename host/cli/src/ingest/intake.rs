//! One stream that ingest fills: its producer, and a task that watches over what was taken.
//!
//! A client may go before its documents have settled, or may never have waited. So every ticket is watched here, and
//! a failure that no client was told of is counted and logged once for each reason, not once for each document.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use futures::{
    FutureExt,
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
};
use tidemill_engine::{
    limits,
    processor::Document,
    producer::{BatchTicket, Producer, PutError, Settled, TryPutError},
    stream::StreamRef,
    task::{self, Task},
};
use tokio::sync::{mpsc, oneshot};

use super::answer::code;
use crate::http::answer::Refusal;

/// Takes documents for one stream.
#[derive(Debug)]
pub struct Intake {
    /// Where they go.
    pub stream: StreamRef,
    /// Takes them there.
    pub producer: Producer,
    /// What became of them so far.
    pub counts: Arc<Counts>,
    watched: mpsc::Sender<Watched>,
}

/// What became of documents.
#[derive(Debug, Default)]
pub struct Counts {
    /// Documents taken.
    pub accepted: AtomicU64,
    /// Documents not taken, because there was no room.
    pub refused: AtomicU64,
    /// Documents that are on the stream.
    pub delivered: AtomicU64,
    /// Documents that wait in the spool.
    pub spooled: AtomicU64,
    /// Documents that failed, and a client was told.
    pub failed: AtomicU64,
    /// Documents that failed after their client was told that they are taken.
    pub lost: AtomicU64,
}

/// Documents on their way, and who waits for them.
#[derive(Debug)]
struct Watched {
    ticket: BatchTicket,
    reply: Option<oneshot::Sender<Vec<Settled>>>,
}

impl Intake {
    /// Begins to watch. The task ends when the intake is gone and everything has settled.
    pub fn start(stream: StreamRef, producer: Producer) -> (Self, Task<()>) {
        let (watched, inbox) = mpsc::channel(limits::INGEST_TICKETS);
        let counts = Arc::new(Counts::default());
        let watcher = Watcher { stream: stream.clone(), counts: Arc::clone(&counts), told: BTreeSet::new() };
        let task = task::spawn("ingest-tickets", watcher.run(inbox));
        (Self { stream, producer, counts, watched }, task)
    }

    /// Takes all documents, or none of them. Where somebody waits, the answer says what became of each.
    ///
    /// # Cancel safety
    /// Safe: either all were taken, and are watched, or none.
    pub async fn take(
        &self,
        documents: Vec<Document>,
        waits: bool,
    ) -> Result<Option<oneshot::Receiver<Vec<Settled>>>, Refusal> {
        let count = documents.len() as u64;
        // The place is there before the documents are taken, so that none of them goes without being watched.
        let place = self.watched.reserve().await.map_err(|_| Refusal::stopping())?;
        let ticket = self.producer.try_put_all(documents).map_err(|refused| match refused {
            TryPutError::Full => {
                self.counts.refused.fetch_add(count, Relaxed);
                Refusal::full(format!(
                    "the stream's buffer is full: come again later, stream={}",
                    self.stream
                ))
            }
            TryPutError::Closed => Refusal::stopping(),
        })?;
        self.counts.accepted.fetch_add(count, Relaxed);
        let (reply, answer) = oneshot::channel();
        let (reply, answer) = if waits { (Some(reply), Some(answer)) } else { (None, None) };
        place.send(Watched { ticket, reply });
        Ok(answer)
    }
}

/// Waits for tickets.
struct Watcher {
    stream: StreamRef,
    counts: Arc<Counts>,
    /// The kinds of failure that were logged.
    told: BTreeSet<&'static str>,
}

type Settling = BoxFuture<'static, (Vec<Settled>, Option<oneshot::Sender<Vec<Settled>>>)>;

impl Watcher {
    /// The producer bounds what is under way, so that the inbox is always read.
    async fn run(mut self, mut inbox: mpsc::Receiver<Watched>) {
        let mut under_way = FuturesUnordered::<Settling>::new();
        let mut is_open = true;
        while is_open || !under_way.is_empty() {
            tokio::select! {
                Some((results, reply)) = under_way.next() => self.settle(results, reply),
                watched = inbox.recv(), if is_open => match watched {
                    Some(Watched { ticket, reply }) => under_way.push(ticket.map(|results| (results, reply)).boxed()),
                    None => is_open = false,
                },
            }
        }
    }

    fn settle(&mut self, results: Vec<Settled>, reply: Option<oneshot::Sender<Vec<Settled>>>) {
        let failures: Vec<PutError> = results.iter().filter_map(|result| result.clone().err()).collect();
        self.counts.delivered.fetch_add((results.len() - failures.len()) as u64, Relaxed);
        let is_told = reply.is_some_and(|reply| reply.send(results).is_ok());
        for failure in failures {
            let counter = match failure {
                PutError::Spooled => &self.counts.spooled,
                _ if is_told => &self.counts.failed,
                _ => &self.counts.lost,
            };
            counter.fetch_add(1, Relaxed);
            if !is_told && self.told.insert(code(&failure)) {
                tracing::warn!(stream = %self.stream, code = code(&failure), reason = %failure,
                    "a document that was accepted did not reach the stream; more of the kind are only counted");
            }
        }
    }
}
