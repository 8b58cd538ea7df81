//! What `put` answers: tickets, and what becomes of the documents behind them.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use thiserror::Error;
use tokio::sync::oneshot;

use crate::record::Placed;

/// Resolves when one document has settled.
#[derive(Debug)]
#[must_use = "a document that failed says so only through its ticket"]
pub struct Ticket(pub(super) BatchTicket);

impl Future for Ticket {
    type Output = Settled;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Settled> {
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

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Vec<Settled>> {
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
    /// It was not on the stream in time and is not sent any more. After a failure that left it open it may be there.
    #[error("not on the stream in time, after_ms={} attempts={attempts}, last failure: {last}", after.as_millis())]
    Expired {
        /// How long after its `put`.
        after: Duration,
        /// How often it was sent.
        attempts: u32,
        /// Why it failed the last time, or what it waited for.
        last: Arc<str>,
    },
    /// It did not reach the stream in time and waits in the spool: it will be sent, out of its order.
    #[error("the document did not reach the stream in time and waits in the spool")]
    Spooled,
    /// The producer went before it was settled.
    #[error("the producer was closed before the document was settled")]
    Closed,
}

/// The producer is closed and takes no more documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the producer is closed")]
pub struct Closed;

/// Documents were not taken, none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TryPutError {
    /// There is no room now.
    #[error("the producer is full")]
    Full,
    /// There will be no room any more.
    #[error("the producer is closed")]
    Closed,
}
