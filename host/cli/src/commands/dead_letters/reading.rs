//! The letters of a place one after another, for those who look only.

use std::sync::Arc;

use async_trait::async_trait;
use tidemill_engine::{
    batch::Batch,
    dead_letter::DeadLetter,
    handler::{Handler, HandlerError, Outcome},
    lease::{LeaseStore, memory::MemoryLeases},
    limits,
    task::{self, Task},
};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    marks, on_stream,
    on_stream::{Letters, Sorted},
    place::{Opened, Place},
};
use crate::{args::ConnectionFlags, exit::Exit, failure::Failure};

/// Which letters of a stream are read. A file and a list hold those alone that are not redriven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All that are still there.
    All,
    /// Those behind the marks.
    NotRedriven,
}

/// What comes next.
#[derive(Debug)]
pub enum Item {
    /// A letter.
    Letter(Box<DeadLetter>),
    /// What is no letter, and why.
    Unreadable(String),
}

/// A place that is being read. The work ends when it is dropped.
#[derive(Debug)]
pub struct Reading {
    items: mpsc::Receiver<Item>,
    work: Task<Result<(), Failure>>,
}

impl Reading {
    /// Begins to read.
    pub async fn begin(opened: &Opened, flags: &ConnectionFlags, scope: Scope) -> Result<Self, Failure> {
        let (sender, items) = mpsc::channel(limits::LETTERS_AHEAD);
        let work = match &opened.place {
            Place::Stream(stream) => {
                let (kinesis, stream) = (opened.kinesis().await?, stream.clone());
                let marks = match scope {
                    Scope::All => Arc::new(MemoryLeases::new()) as Arc<dyn LeaseStore>,
                    Scope::NotRedriven => marks::copy(opened, flags).await?,
                };
                let stop = CancellationToken::new();
                let looking = Arc::new(Looking { letters: Mutex::default(), sender, stop: stop.clone() });
                task::spawn("letters", async move {
                    on_stream::read(kinesis, &stream, marks, looking, &stop).await
                })
            }
            place => {
                let mut opened = place.look().expect("it is no stream");
                task::spawn("letters", async move {
                    loop {
                        let found = opened.next().await;
                        let found = found.map_err(|error| Failure::caused(Exit::Surroundings, &error))?;
                        if found.is_empty() {
                            return Ok(());
                        }
                        for found in found {
                            let item = found.letter.map_or_else(
                                |error| Item::Unreadable(error.to_string()),
                                |letter| Item::Letter(letter.into()),
                            );
                            if sender.send(item).await.is_err() {
                                return Ok(());
                            }
                        }
                    }
                })
            }
        };
        Ok(Self { items, work })
    }

    /// The next item; none at the end.
    ///
    /// # Errors
    /// What broke the reading off.
    pub async fn next(&mut self) -> Result<Option<Item>, Failure> {
        if let Some(item) = self.items.recv().await {
            return Ok(Some(item));
        }
        let ended = (&mut self.work).await;
        ended.map_err(|error| Failure::caused(Exit::Unexpected, &error))?.map(|()| None)
    }
}

/// A handler that hands letters on.
#[derive(Debug)]
struct Looking {
    letters: Mutex<Letters>,
    sender: mpsc::Sender<Item>,
    stop: CancellationToken,
}

#[async_trait]
impl Handler for Looking {
    async fn handle(&self, batch: &Batch) -> Result<Outcome, HandlerError> {
        let Sorted { letters, unreadable, .. } = self.letters.lock().await.sort(batch);
        let items = letters.into_iter().map(|whole| Item::Letter(whole.letter.into()));
        for item in unreadable.into_iter().map(Item::Unreadable).chain(items) {
            if self.sender.send(item).await.is_err() {
                self.stop.cancel();
                break;
            }
        }
        let records = u32::try_from(batch.documents().len()).expect("a batch counts its records in 32 bits");
        Ok(Outcome { checkpoint: Some(records), ..Outcome::default() })
    }
}
