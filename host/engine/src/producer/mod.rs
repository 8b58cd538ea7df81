//! The producer: documents in, a ticket for each out, and in between as few PutRecords requests as will do.
//!
//! ```text
//! put ──room──▶ batcher ──▶ packer ──────▶ entry queue ──────▶ up to `requests` PutRecords under way
//!            (documents)   by key, or     line by line,       │
//!                 ▲        by shard       shards in turn  ◀───┤ throttled and failed entries, at their place
//!                 │                       and at their rate   │
//!                 └──── what was made for other shards ◀──────┘
//!                                                             └─▶ tickets, or the spool
//! ```
//! One task owns all of it, so nothing here locks; its parts are pure, time comes in and decisions go out. Documents
//! wait in the batcher until a request's worth is there, until the linger is over, or until somebody flushes. The
//! packer lays those side by side that may share an entry and calls the processor. Entries wait in the queue for
//! their turn, one of a partition key (or of a shard, if many keys share entries) at a time. Each entry of a request
//! settles on its own. Room is reserved before a document is taken and given back when it has settled, which bounds
//! what the producer holds; documents that a shard's entries share are held twice until then, once as they came.
//!
//! What the shards are, `routing` knows: it lists them when the producer starts and when a record lands elsewhere than
//! predicted, and never while a `put` waits for it.

mod batcher;
mod counters;
mod grouping;
mod groups;
mod keys;
mod listing;
mod open;
mod packer;
mod queue;
mod rates;
mod retry;
mod routing;
mod sending;
mod settings;
mod shards;
pub mod spool;
mod spooling;
mod ticket;
mod worker;

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc, mpsc::error::TrySendError, oneshot},
    time::Instant,
};

use crate::{
    kinesis::Kinesis,
    limits,
    processor::{Document, Processor},
    stream::StreamRef,
    task::{self, Task},
};

use groups::{Group, Room};
use routing::Shards;
use worker::{Command, Worker};

pub use counters::ProducerCounters;
pub use open::OpenError;
pub use settings::{Flush, FlushCallback, Ordering, ProducerSettings, ShardRate};
pub use ticket::{BatchTicket, Closed, PutError, Settled, Ticket, TryPutError};

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

impl Producer {
    /// Starts a producer for a stream that is there and whose largest record the settings know; it asks for the
    /// shards by itself, and goes on without them until it has them. [`Producer::open`] asks the stream first.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(
        settings: ProducerSettings,
        stream: StreamRef,
        kinesis: Arc<dyn Kinesis>,
        processor: Arc<dyn Processor>,
    ) -> Self {
        Self::start_with(settings, stream, kinesis, processor, Shards::Unknown)
    }

    fn start_with(
        settings: ProducerSettings,
        stream: StreamRef,
        kinesis: Arc<dyn Kinesis>,
        processor: Arc<dyn Processor>,
        shards: Shards,
    ) -> Self {
        let (commands, inbox) = mpsc::channel(limits::PRODUCER_COMMANDS);
        let counters = Arc::new(ProducerCounters::default());
        let worker =
            Worker::new(&settings, stream.clone(), kinesis, processor, shards, Arc::clone(&counters));
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
        let place = self.shared.commands.reserve().await.map_err(|_| Closed)?;
        Ok(submit(place, documents, room))
    }

    /// Takes documents as [`Producer::put_all`] does if there is room for all of them now.
    ///
    /// # Errors
    /// [`TryPutError::Full`] if there is not, [`TryPutError::Closed`] if there never will be. None was taken then.
    pub fn try_put_all(&self, documents: Vec<Document>) -> Result<BatchTicket, TryPutError> {
        let room = self.try_reserve(&documents)?;
        let place = self.shared.commands.try_reserve().map_err(|refused| match refused {
            TrySendError::Full(()) => TryPutError::Full,
            TrySendError::Closed(()) => TryPutError::Closed,
        })?;
        Ok(submit(place, documents, room))
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
        self.close_and_hurry(None).await;
    }

    /// Closes as [`Producer::close`] does, and sends nothing anew from `deadline` on: what waits then goes to the spool,
    /// or its tickets fail as expired. Requests under way are waited for.
    ///
    /// # Cancel safety
    /// Safe: the producer closes all the same once it was asked.
    pub async fn close_by(&self, deadline: Instant) {
        self.close_and_hurry(Some(deadline)).await;
    }

    async fn close_and_hurry(&self, deadline: Option<Instant>) {
        let (reply, done) = oneshot::channel();
        if self.shared.commands.send(Command::Close { reply, deadline }).await.is_ok() {
            // An error means that another handle closed it first.
            let _ = done.await;
        }
    }

    /// Largest entry that the stream takes, data and key, in bytes.
    pub fn max_record_bytes(&self) -> usize {
        self.shared.settings.max_record_bytes
    }

    /// What it has done so far.
    pub fn counters(&self) -> &ProducerCounters {
        &self.shared.counters
    }

    async fn reserve(&self, documents: &[Document]) -> Result<Room, Closed> {
        let (count, bytes) = self.room_for(documents);
        let documents = Arc::clone(&self.shared.documents).acquire_many_owned(count).await;
        let bytes = Arc::clone(&self.shared.bytes).acquire_many_owned(bytes).await;
        Ok(Room { _documents: documents.map_err(|_| Closed)?, _bytes: bytes.map_err(|_| Closed)? })
    }

    fn try_reserve(&self, documents: &[Document]) -> Result<Room, TryPutError> {
        let (count, bytes) = self.room_for(documents);
        let acquire = |room: &Arc<Semaphore>, permits| -> Result<OwnedSemaphorePermit, TryPutError> {
            Arc::clone(room).try_acquire_many_owned(permits).map_err(|refused| match refused {
                TryAcquireError::NoPermits => TryPutError::Full,
                TryAcquireError::Closed => TryPutError::Closed,
            })
        };
        if self.shared.commands.is_closed() {
            return Err(TryPutError::Closed);
        }
        let documents = acquire(&self.shared.documents, count)?;
        Ok(Room { _documents: documents, _bytes: acquire(&self.shared.bytes, bytes)? })
    }

    /// Room that documents take, as counts of documents and of bytes. More than there is at all must not wait for
    /// ever: it goes when it has all the room there is.
    fn room_for(&self, documents: &[Document]) -> (u32, u32) {
        let bytes: usize = documents.iter().map(document_size).sum();
        let settings = &self.shared.settings;
        (permits(documents.len().min(settings.documents)), permits(bytes.min(settings.bytes)))
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("stream", &self.shared.stream).finish_non_exhaustive()
    }
}

fn submit(place: mpsc::Permit<'_, Command>, documents: Vec<Document>, room: Room) -> BatchTicket {
    let (reply, ticket) = BatchTicket::channel(documents.len());
    place.send(Command::Put { group: Group::new(documents.len(), reply, room), documents });
    ticket
}

/// What a document counts for in the producer's bounds, in bytes.
fn document_size(document: &Document) -> usize {
    document.data.len() + document.partition_key.as_ref().map_or(0, |key| key.len())
}

fn permits(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
