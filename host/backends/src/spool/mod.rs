//! A spool in a file: entries that did not reach the stream in time wait there for the next start.
//!
//! One file a stream, locked while it is open, so no two processes send the same entries. A call answers when the
//! disk has what it wrote, and its work is done on threads that may block.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use tidemill_engine::{
    producer::spool::{Spool, SpoolError, SpoolId},
    record::Entry,
    stream::StreamRef,
};

use file::{File, FileError};

mod file;
mod open;
#[cfg(test)]
mod tests;

pub use open::OpenError;

/// The spool of one stream in a file. Cloning is cheap; the file is closed with the last clone.
#[derive(Clone, Debug)]
pub struct FileSpool {
    file: Arc<File>,
}

impl FileSpool {
    /// Opens the stream's file in a folder, or creates both. Entries of at most so many bytes, data and keys, are
    /// kept in it. It waits for the disk, so it is for the start of a process.
    ///
    /// # Errors
    /// [`OpenError`] says what to do; nothing was changed.
    pub fn open(folder: &Path, stream: &StreamRef, limit_bytes: u64) -> Result<Self, OpenError> {
        let database = open::open(&folder.join(format!("{}.redb", stream.name())))?;
        Ok(Self { file: Arc::new(File { database, limit_bytes }) })
    }

    /// How many entries wait.
    ///
    /// # Errors
    /// The disk's.
    ///
    /// # Cancel safety
    /// Safe: nothing is changed.
    pub async fn waiting(&self) -> Result<u64, SpoolError> {
        self.on_a_blocking_thread(File::waiting).await
    }

    /// Dropping the future leaves the work to its end.
    async fn on_a_blocking_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&File) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, SpoolError> {
        let file = Arc::clone(&self.file);
        let done = tokio::task::spawn_blocking(move || work(&file)).await;
        done.map_err(|error| SpoolError(error.to_string()))?.map_err(|error| SpoolError(error.to_string()))
    }
}

#[async_trait]
impl Spool for FileSpool {
    async fn keep(&self, entries: &[Entry]) -> Result<(), SpoolError> {
        let entries = entries.to_vec();
        self.on_a_blocking_thread(move |file| file.keep(&entries)).await
    }

    async fn oldest(
        &self,
        after: Option<SpoolId>,
        count: usize,
    ) -> Result<Vec<(SpoolId, Entry)>, SpoolError> {
        self.on_a_blocking_thread(move |file| file.oldest(after, count)).await
    }

    async fn remove(&self, ids: &[SpoolId]) -> Result<(), SpoolError> {
        let ids = ids.to_vec();
        self.on_a_blocking_thread(move |file| file.remove(&ids)).await
    }
}
