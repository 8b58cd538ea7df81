//! Opening the file, and every way in which that fails.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use redb::{Builder, Database, ReadableTableMetadata};
use thiserror::Error;
use tidemill_engine::limits;

use super::file::{ENTRIES, NUMBERS};

/// The spool's file cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it open, or another part of this one.
    #[error("the spool is in use: stop the other process, or give this one a folder of its own, path={}", .0.display())]
    InUse(PathBuf),
    /// The operating system refuses.
    #[error("the spool cannot be opened: give a folder that this user may write to, path={}: {source}", .path.display())]
    Io {
        /// Where the file was expected.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// What is there cannot be read as a spool.
    #[error(
        "the file is no spool or is damaged: restore it, or move it away to begin without what it holds, path={}: {reason}",
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
    fn of_redb(path: &Path, error: redb::Error) -> Self {
        let path = path.to_owned();
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::InUse(path),
            redb::Error::Io(source) if !says_damaged(&source) => Self::Io { path, source },
            other => Self::Damaged { path, reason: other.to_string() },
        }
    }
}

/// Opens or creates the file with its tables.
pub(super) fn open(path: &Path) -> Result<Database, OpenError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
    }
    let refused = |error| OpenError::of_redb(path, error);
    let mut database = Builder::new()
        .set_cache_size(limits::SPOOL_CACHE_BYTES)
        .create(path)
        .map_err(|error| refused(error.into()))?;
    let waiting = prepare(&database).map_err(refused)?;
    if waiting == 0 {
        // An outage left a large file behind, and this is when giving its room back costs nothing.
        database.compact().map_err(|error| refused(error.into()))?;
    }
    Ok(database)
}

/// Makes the tables, and answers how many entries there are.
fn prepare(database: &Database) -> Result<u64, redb::Error> {
    let transaction = database.begin_write()?;
    let waiting = {
        transaction.open_table(NUMBERS)?;
        transaction.open_table(ENTRIES)?.len()?
    };
    transaction.commit()?;
    Ok(waiting)
}

/// Whether redb means by it that the bytes are not its own, and not that the system refused.
fn says_damaged(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}
