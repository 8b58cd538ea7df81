//! The locks beside a file: one for who writes, one for who redrives.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use tidemill_engine::limits;
use tokio::time::{Instant, sleep};

/// A lock that is held until it is dropped, or until the process is gone.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "it is held, not used")] File);

impl Lock {
    /// The lock of those that write a file. They hold it for the moments that a write takes.
    pub(super) async fn of_writers(path: &Path) -> io::Result<Self> {
        let file = open(&beside(path, "lock"))?;
        let end = Instant::now() + limits::LETTER_FILE_LOCK_WITHIN;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if Instant::now() >= end => {
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "another process has it locked for long",
                    ));
                }
                Err(TryLockError::WouldBlock) => sleep(limits::LETTER_FILE_LOCK_LOOK).await,
            }
        }
    }

    /// The lock of the one that redrives; none while another does.
    pub(super) fn of_redriver(path: &Path) -> io::Result<Option<Self>> {
        let file = open(&beside(path, "redrive"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// The path of a file with one more ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).open(path)
}
