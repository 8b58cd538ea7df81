//! A reader whose task stays some reads ahead, so that the next read is under way while one is handled.

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{Place, Prefetch, ReadError, ReadMemory, Reader, SourceFetch, memory::Taken};
use crate::{
    limits,
    task::{self, Task},
};

/// One way to read a shard.
#[async_trait]
pub(super) trait Way: Send + 'static {
    /// Reads until there is something to give out, however often that takes.
    async fn read(&mut self, place: &mut Place) -> Result<SourceFetch, ReadError>;
}

/// How far a reader may be ahead.
#[derive(Clone, Debug, Default)]
pub(super) struct Lead {
    /// Of its own shard.
    pub prefetch: Prefetch,
    /// Together with all others.
    pub memory: ReadMemory,
}

/// Starts reading in a task of its own.
pub(super) fn start(place: Place, way: impl Way, lead: Lead) -> Box<dyn Reader> {
    let (sender, fetches) = mpsc::channel(lead.prefetch.reads.max(1));
    Box::new(Ahead { fetches, _task: task::spawn("reader", run(place, way, lead, sender)) })
}

/// A read that waits to be taken, and its part of the bytes that may wait.
type Waiting = (Result<SourceFetch, ReadError>, Taken);

#[derive(Debug)]
struct Ahead {
    fetches: mpsc::Receiver<Waiting>,
    _task: Task<()>,
}

#[async_trait]
impl Reader for Ahead {
    async fn next(&mut self) -> Option<Result<SourceFetch, ReadError>> {
        self.fetches.recv().await.map(|(fetch, _)| fetch)
    }
}

async fn run(mut place: Place, mut way: impl Way, lead: Lead, sender: mpsc::Sender<Waiting>) {
    let ahead = ReadMemory::of(lead.prefetch.bytes);
    // Room is reserved before reading, so that no more than is allowed waits to be taken.
    while let Ok(slot) = sender.reserve().await {
        let mut waiting = ahead.take(limits::GET_RECORDS_BYTES).await;
        match way.read(&mut place).await {
            Ok(mut fetch) => {
                let bytes = fetch.bytes();
                waiting.shrink_to(bytes);
                fetch.taken.shrink_to(bytes);
                if fetch.taken.is_none() {
                    fetch.taken = lead.memory.take(bytes).await;
                }
                let is_last = fetch.end.is_some();
                slot.send((Ok(fetch), waiting));
                if is_last {
                    return;
                }
            }
            Err(error) => return slot.send((Err(error), waiting)),
        }
    }
}
