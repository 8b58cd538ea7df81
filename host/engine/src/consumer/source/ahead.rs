//! A reader whose task stays one read ahead, so that the next read is under way while one is handled.

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{Place, ReadError, Reader, SourceFetch};
use crate::task::{self, Task};

/// One way to read a shard.
#[async_trait]
pub(super) trait Way: Send + 'static {
    /// Reads until there is something to give out, however often that takes.
    async fn read(&mut self, place: &mut Place) -> Result<SourceFetch, ReadError>;
}

/// Starts reading in a task of its own.
pub(super) fn start(place: Place, way: impl Way) -> Box<dyn Reader> {
    let (sender, fetches) = mpsc::channel(1);
    Box::new(Ahead { fetches, _task: task::spawn("reader", run(place, way, sender)) })
}

#[derive(Debug)]
struct Ahead {
    fetches: mpsc::Receiver<Result<SourceFetch, ReadError>>,
    _task: Task<()>,
}

#[async_trait]
impl Reader for Ahead {
    async fn next(&mut self) -> Option<Result<SourceFetch, ReadError>> {
        self.fetches.recv().await
    }
}

async fn run(mut place: Place, mut way: impl Way, sender: mpsc::Sender<Result<SourceFetch, ReadError>>) {
    // Room is reserved before reading, so that no more than one read waits to be taken.
    while let Ok(room) = sender.reserve().await {
        match way.read(&mut place).await {
            Ok(fetch) => {
                let is_last = fetch.end.is_some();
                room.send(Ok(fetch));
                if is_last {
                    return;
                }
            }
            Err(error) => return room.send(Err(error)),
        }
    }
}
