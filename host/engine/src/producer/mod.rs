//! The producer: documents in, a ticket for each out, and in between as few PutRecords requests as will do.
//!
//! ```text
//! put ──reserve room──▶ batcher ──encode──▶ key queue ──▶ up to `requests` PutRecords under way
//!                       (documents)         (entries)  ◀── throttled and failed entries, at their place
//! ```
//! One task owns all of it, so nothing here locks. Documents wait in the batcher until a request's worth is there,
//! until the linger is over, or until somebody flushes; entries wait in the queue for their turn. Each entry of a
//! request settles on its own. Room is reserved before a document is taken and given back when it has settled,
//! which bounds everything the producer holds.

mod batcher;
mod groups;
mod queue;
mod retry;
pub mod spool;
mod worker;

#[cfg(test)]
mod tests;

use std::{fmt, future::Future, num::NonZeroUsize, pin::Pin, sync::Arc, task::Poll, time::Duration};

use thiserror::Error;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::{
    kinesis::Kinesis,
    limits,
    processor::{Document, Processor},
    record::Placed,
    stream::StreamRef,
    task::{self, Task},
};

use groups::{Group, Room};
use worker::{Command, Worker};

pub use worker::ProducerCounters;

/// Puts documents on one stream. Cloning gives another handle to the same producer.
///
/// When the last handle goes, what was not sent is given up and its tickets fail: call [`Producer::close`] first.
#[derive(Clone)]
pub struct Producer {
    shared: Arc<Shared>,
}

struct Shared {
    commands: mpsc::Sender<Command>,
    bytes: Arc<Semaphore>,
    documents: Arc<Semaphore>,
    settings: ProducerSettings,
    stream: StreamRef,
    counters: Arc<ProducerCounters>,
    _worker: Task<()>,
}

/// How a producer works. The defaults are those of `limits.rs`.
#[derive(Clone, Debug)]
pub struct ProducerSettings {
    /// How long a document may wait for company.
    pub linger: Duration,
    /// Bytes of documents held before `put` waits, keys included.
    pub bytes: usize,
    /// Documents held before `put` waits.
    pub documents: usize,
    /// PutRecords requests under way at once.
    pub requests: NonZeroUsize,
    /// Attempts at one entry before its ticket fails.
    pub attempts: u32,
    /// What is promised about the order of entries.
    pub ordering: Ordering,
    /// Largest entry that the stream takes, data and key, in bytes.
    pub max_record_bytes: usize,
    /// Entries in one request, 1 to 500.
    pub request_entries: usize,
    /// Decides partition keys for documents without one, and jitter. Producers of one process should differ.
    pub seed: u64,
}

impl Default for ProducerSettings {
    fn default() -> Self {
        Self {
            linger: limits::LINGER,
            bytes: limits::PRODUCER_BYTES,
            documents: limits::PRODUCER_DOCUMENTS,
            requests: NonZeroUsize::new(limits::PRODUCER_REQUESTS).expect("the default is not zero"),
            attempts: limits::PUT_ATTEMPTS,
            ordering: Ordering::PerKey,
            max_record_bytes: limits::RECORD_BYTES,
            request_entries: limits::PUT_RECORDS_ENTRIES,
            seed: 0,
        }
    }
}

/// What is promised about the order of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Ordering {
    /// Entries of one partition key reach the stream in the order they were put, whatever fails on the way. One
    /// key has one entry under way at a time, so a key that is most of the traffic goes slowly unless an aggregator
    /// packs its documents.
    #[default]
    PerKey,
    /// None: an entry that failed comes after those that did not.
    Relaxed,
}

impl Producer {
    /// Starts a producer for a stream.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(
        settings: ProducerSettings,
        stream: StreamRef,
        kinesis: Arc<dyn Kinesis>,
        processor: Arc<dyn Processor>,
    ) -> Self {
        let (commands, inbox) = mpsc::channel(limits::PRODUCER_COMMANDS);
        let counters = Arc::new(ProducerCounters::default());
        let worker = Worker::new(&settings, stream.clone(), kinesis, processor, Arc::clone(&counters));
        let shared = Shared {
            commands,
            bytes: Arc::new(Semaphore::new(settings.bytes)),
            documents: Arc::new(Semaphore::new(settings.documents)),
            settings,
            stream,
            counters,
            _worker: task::spawn("producer", worker.run(inbox)),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes a document, waiting while the producer is full, and answers a ticket that resolves when the service
    /// has it or the producer gave it up.
    ///
    /// # Cancel safety
    /// Safe: a document whose `put` was dropped before it answered was either taken or not, and never in part.
    pub async fn put(&self, document: Document) -> Result<Ticket, Closed> {
        Ok(Ticket(self.put_all(vec![document]).await?))
    }

    /// Takes documents, in order, as [`Producer::put`] takes one. They share one ticket.
    ///
    /// # Cancel safety
    /// Safe: either all were taken or none.
    pub async fn put_all(&self, documents: Vec<Document>) -> Result<BatchTicket, Closed> {
        let room = self.reserve(&documents).await?;
        let (reply, ticket) = BatchTicket::channel(documents.len());
        let group = Group::new(documents.len(), reply, room);
        self.shared.commands.send(Command::Put { documents, group }).await.map_err(|_| Closed)?;
        Ok(ticket)
    }

    /// Waits until everything that was put before is settled, without waiting for the linger.
    ///
    /// # Cancel safety
    /// Safe: what was buffered goes out all the same.
    pub async fn flush(&self) {
        let (reply, done) = oneshot::channel();
        if self.shared.commands.send(Command::Flush(reply)).await.is_ok() {
            // An error means that the producer closed, and it closes only when everything is settled.
            let _ = done.await;
        }
    }

    /// Flushes, then refuses every further document on every handle.
    ///
    /// # Cancel safety
    /// Safe: the producer closes all the same once it was asked.
    pub async fn close(&self) {
        let (reply, done) = oneshot::channel();
        if self.shared.commands.send(Command::Close(reply)).await.is_ok() {
            // An error means that another handle closed it first.
            let _ = done.await;
        }
    }

    /// What it has done so far.
    pub fn counters(&self) -> &ProducerCounters {
        &self.shared.counters
    }

    async fn reserve(&self, documents: &[Document]) -> Result<Room, Closed> {
        let bytes: usize = documents.iter().map(document_size).sum();
        // More than there is room for at all must not wait for ever: it goes when it has all the room there is.
        let bytes = permits(bytes.min(self.shared.settings.bytes));
        let count = permits(documents.len().min(self.shared.settings.documents));
        let documents = Arc::clone(&self.shared.documents).acquire_many_owned(count).await;
        let bytes = Arc::clone(&self.shared.bytes).acquire_many_owned(bytes).await;
        Ok(Room { _documents: documents.map_err(|_| Closed)?, _bytes: bytes.map_err(|_| Closed)? })
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("stream", &self.shared.stream).finish_non_exhaustive()
    }
}

/// Resolves when one document has settled.
#[derive(Debug)]
#[must_use = "a document that failed says so only through its ticket"]
pub struct Ticket(BatchTicket);

impl Future for Ticket {
    type Output = Settled;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Settled> {
        Pin::new(&mut self.0).poll(cx).map(|mut all| all.pop().unwrap_or(Err(PutError::Closed)))
    }
}

/// Resolves when the documents of one `put_all` have settled, with one result each, in order.
#[derive(Debug)]
#[must_use = "a document that failed says so only through its ticket"]
pub struct BatchTicket {
    settled: oneshot::Receiver<Vec<Settled>>,
    count: usize,
}

impl BatchTicket {
    /// A ticket for so many documents, and what resolves it.
    pub(crate) fn channel(count: usize) -> (oneshot::Sender<Vec<Settled>>, Self) {
        let (reply, settled) = oneshot::channel();
        (reply, Self { settled, count })
    }
}

impl Future for BatchTicket {
    type Output = Vec<Settled>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Vec<Settled>> {
        let count = self.count;
        Pin::new(&mut self.settled)
            .poll(cx)
            .map(|all| all.unwrap_or_else(|_| vec![Err(PutError::Closed); count]))
    }
}

/// What became of a document: where it is, shared with those in the same entry, or why it is not on the stream.
pub type Settled = Result<Arc<Placed>, PutError>;

/// A document did not get onto the stream.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PutError {
    /// It can never be put as it is.
    #[error("the document was refused: {0}")]
    Refused(String),
    /// The service refused the request, and trying again cannot help.
    #[error("the service refused the entry: {0}")]
    Rejected(Arc<str>),
    /// All attempts failed. Where the last failure left it open, the document may be on the stream.
    #[error("gave up after attempts={attempts}, last failure: {last}")]
    GaveUp {
        /// How often it was sent.
        attempts: u32,
        /// Why it failed the last time.
        last: Arc<str>,
    },
    /// The producer went before it was settled.
    #[error("the producer was closed before the document was settled")]
    Closed,
}

/// The producer is closed and takes no more documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the producer is closed")]
pub struct Closed;

/// What a document counts for in the producer's bounds, in bytes.
fn document_size(document: &Document) -> usize {
    document.data.len() + document.partition_key.as_ref().map_or(0, |key| key.len())
}

fn permits(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
