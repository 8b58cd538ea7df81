//! Leases in a file, so that one machine keeps its checkpoints with no server.
//!
//! The file is locked while it is open, so no two processes share it. That is why opening it frees every lease in it:
//! whoever held one is gone, and a restart goes on at once instead of after the failover time. A thread of its own
//! writes the file and answers when the disk has what was written, so no call blocks the runtime.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use tidemill_engine::lease::{Lease, LeaseError, LeaseKey, LeaseStore, NewLease, Update, change::Change};

use crate::deployments::file::FileDeployments;
use writer::Writer;

mod open;
mod stored;
#[cfg(test)]
mod tests;
pub(crate) mod writer;

pub use open::OpenError;

/// The leases of one application in a file. Cloning is cheap; the file is closed with the last clone.
#[derive(Clone, Debug)]
pub struct FileLeases {
    application: Arc<str>,
    writer: Arc<Writer>,
}

impl FileLeases {
    /// Opens the file, creates it if there is none, and frees all leases in it. It waits for the disk, so it is for
    /// the start of a process.
    ///
    /// # Errors
    /// [`OpenError`] says what to do; nothing was changed.
    pub fn open(path: &Path, application: &str) -> Result<Self, OpenError> {
        let database = open::open(path)?;
        let writer = Writer::start(database).map_err(|source| OpenError::io(path, source))?;
        Ok(Self { application: application.into(), writer: Arc::new(writer) })
    }

    /// The leases of another application in the same file.
    #[must_use]
    pub fn of_application(&self, application: &str) -> Self {
        Self { application: application.into(), writer: Arc::clone(&self.writer) }
    }

    /// What an application is to run, in the same file.
    pub fn deployments(&self, application: &str) -> FileDeployments {
        FileDeployments::new(application, Arc::clone(&self.writer))
    }
}

#[async_trait]
impl LeaseStore for FileLeases {
    async fn list(&self) -> Result<Vec<Lease>, LeaseError> {
        self.writer.list(&self.application).await
    }

    async fn get(&self, key: &LeaseKey) -> Result<Option<Lease>, LeaseError> {
        self.writer.get(&self.application, key.clone()).await
    }

    async fn create(&self, lease: NewLease) -> Result<Lease, LeaseError> {
        let key = lease.key.clone();
        let created = self.writer.write(&self.application, Change::Create(lease)).await?;
        created.ok_or(LeaseError::Lost(key))
    }

    async fn update(&self, lease: &Lease, update: Update) -> Result<Lease, LeaseError> {
        let changed = self.writer.write(&self.application, Change::update(lease, update)).await?;
        changed.ok_or_else(|| LeaseError::Lost(lease.key.clone()))
    }

    async fn delete(&self, lease: &Lease) -> Result<(), LeaseError> {
        self.writer.write(&self.application, Change::delete(lease)).await.map(drop)
    }
}
