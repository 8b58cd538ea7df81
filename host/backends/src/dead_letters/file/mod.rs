//! Dead letters in a file, a line each.
//!
//! Several processes may append to one file, and one may redrive it meanwhile. Whoever writes holds the lock of a file
//! beside it, `NAME.lock`, for as long as the write takes; it is not the file itself that is locked, because taking
//! lines out puts another file in its place. Each write opens the file anew, so none goes to one that is gone.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use thiserror::Error;
use tidemill_engine::dead_letter::{DeadLetter, DeadLetterError, DeadLetters};

use super::{form, not_kept};
use lock::Lock;

mod lock;
mod opened;
mod tail;
#[cfg(test)]
mod tests;

pub use opened::FileBox;

/// Appends dead letters to a file. Cloning is cheap, and so is opening one file several times.
#[derive(Clone, Debug)]
pub struct FileDeadLetters {
    path: Arc<Path>,
}

/// The file of dead letters cannot be used.
#[derive(Debug, Error)]
#[error("the file of dead letters cannot be opened: give a path that this user may write to, path={}: {source}", .path.display())]
pub struct OpenError {
    path: PathBuf,
    source: io::Error,
}

impl FileDeadLetters {
    /// Makes sure that the file can be written, creating its folders, and mends the line that a crash left half
    /// written, if there is one.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    ///
    /// # Cancel safety
    /// Safe: nothing but an empty file may stay.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let refused = |source| OpenError { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(refused)?;
        }
        let letters = Self { path: path.into() };
        letters.append(Vec::new()).await.map_err(refused)?;
        Ok(letters)
    }

    async fn append(&self, lines: Vec<u8>) -> io::Result<()> {
        let lock = Lock::of_writers(&self.path).await?;
        let path = Arc::clone(&self.path);
        // Dropping the future leaves the work to its end, and the lock goes along.
        let appended = tokio::task::spawn_blocking(move || {
            let appended = append(&path, &lines);
            drop(lock);
            appended
        });
        appended.await.map_err(io::Error::other)?
    }
}

#[async_trait]
impl DeadLetters for FileDeadLetters {
    async fn put(&self, letters: &[DeadLetter]) -> Result<(), DeadLetterError> {
        let mut lines = Vec::new();
        for letter in letters {
            lines.extend_from_slice(form::write(letter).as_bytes());
            lines.push(b'\n');
        }
        let path = self.path.display();
        self.append(lines).await.map_err(|error| not_kept(&format!("{error}, path={path}")))
    }
}

/// Appends whole lines, and waits until the disk has them. After an error the file is as it was, or has a torn line at
/// its end, which the next write mends.
fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let is_new = !path.exists();
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    if let Some(mended) = tail::mend(&mut file)? {
        tracing::warn!(path = %path.display(), bytes = mended, "a crash had left half a line in the file of dead letters");
    }
    let before = file.metadata()?.len();
    if let Err(error) = file.write_all(lines).and_then(|()| file.sync_data()) {
        // Should this fail too, the tail is mended later.
        let _ = file.set_len(before);
        return Err(error);
    }
    if is_new { sync_folder(path) } else { Ok(()) }
}

/// Waits until the disk has the folder's entry of a file.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
