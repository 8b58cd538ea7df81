//! Opening the file, and every way in which that fails.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use redb::{Builder, Database, ReadableTable};
use thiserror::Error;
use tidemill_engine::{lease::LeaseKey, limits};

use super::stored::{self, LEASES};

/// The lease file cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it open, or another part of this one.
    #[error("the lease file is in use: stop the other process, or give this one a file of its own, path={}", .0.display())]
    InUse(PathBuf),
    /// The operating system refuses.
    #[error("the lease file cannot be opened: give a path that this user may write to, path={}: {source}", .path.display())]
    Io {
        /// Where the file was expected.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// What is there cannot be read as leases.
    #[error(
        "the file holds no leases or is damaged: restore it, or move it away to begin without checkpoints, path={}: {reason}",
        .path.display()
    )]
    Damaged {
        /// Where the file is.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl OpenError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    fn damaged(path: &Path, reason: &impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }

    fn of_redb(path: &Path, error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::InUse(path.to_owned()),
            redb::Error::Io(source) if !says_damaged(&source) => Self::io(path, source),
            other => Self::damaged(path, &other),
        }
    }
}

/// Whether redb means by it that the bytes are not its own, and not that the system refused.
fn says_damaged(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// Opens or creates the file and frees all leases in it.
pub(super) fn open(path: &Path) -> Result<Database, OpenError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|source| OpenError::io(path, source))?;
    }
    let database = Builder::new()
        .set_cache_size(limits::LEASE_FILE_CACHE_BYTES)
        .create(path)
        .map_err(|error| OpenError::of_redb(path, error.into()))?;
    free_all(&database).map_err(|error| match error {
        FreeError::Redb(error) => OpenError::of_redb(path, error),
        FreeError::Unreadable(reason) => OpenError::damaged(path, &reason),
    })?;
    Ok(database)
}

enum FreeError {
    Redb(redb::Error),
    Unreadable(String),
}

impl<E: Into<redb::Error>> From<E> for FreeError {
    fn from(error: E) -> Self {
        Self::Redb(error.into())
    }
}

/// Takes the holder off every lease that has one. It counts as a write, so that no answer to the old holder fits.
fn free_all(database: &Database) -> Result<(), FreeError> {
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(LEASES)?;
        let mut freed = Vec::new();
        for item in table.iter()? {
            let (key, value) = item?;
            let (application, stream, shard) = key.value();
            let lease_key = LeaseKey { stream: stream.into(), shard: shard.into() };
            let mut lease = stored::decode(lease_key, value.value()).map_err(FreeError::Unreadable)?;
            if lease.owner.take().is_some() {
                lease.wanted_by = None;
                lease.counter += 1;
                freed.push((application.to_owned(), lease));
            }
        }
        for (application, lease) in freed {
            let key = (&*application, &*lease.key.stream, lease.key.shard.as_str());
            table.insert(key, &*stored::encode(&lease))?;
        }
    }
    Ok(transaction.commit()?)
}
