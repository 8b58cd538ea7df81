//! The file as a box: read from its beginning, and rewritten without what is taken out.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use bytes::Bytes;
use tidemill_engine::limits;

use super::{
    super::{BoxError, Found, LetterBox},
    lock::{Lock, beside},
    sync_folder,
};

/// A file of dead letters that is looked at or redriven.
#[derive(Debug)]
pub struct FileBox {
    path: PathBuf,
    /// Bytes of the file that were given, and are still there.
    given: u64,
    /// Bytes of the file that are to be given, as it was when it was read first: what is kept meanwhile is for the next
    /// time.
    until: Option<u64>,
    redriver: Option<Lock>,
}

impl FileBox {
    /// To look only. A file that is not there is empty.
    pub fn look(path: &Path) -> Self {
        Self { path: path.to_owned(), given: 0, until: None, redriver: None }
    }

    /// To take letters out. Until it is dropped nobody else does.
    ///
    /// # Errors
    /// [`BoxError`] if somebody else does, or if the folder cannot be written.
    pub fn redrive(path: &Path) -> Result<Self, BoxError> {
        let locked = Lock::of_redriver(path).map_err(|error| failed(path, &error))?;
        let redriver = locked.ok_or_else(|| {
            BoxError(format!("another process redrives the file: wait for it, path={}", path.display()))
        })?;
        Ok(Self { redriver: Some(redriver), ..Self::look(path) })
    }

    async fn on_a_blocking_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, BoxError> {
        let path = self.path.clone();
        let done = tokio::task::spawn_blocking(move || work(&path)).await;
        done.map_err(|error| BoxError(error.to_string()))?.map_err(|error| failed(&self.path, &error))
    }
}

#[async_trait]
impl LetterBox for FileBox {
    async fn next(&mut self) -> Result<Vec<Found>, BoxError> {
        let (from, until) = (self.given, self.until);
        let (lines, until) = self.on_a_blocking_thread(move |path| read(path, from, until)).await?;
        self.until = Some(until);
        self.given += lines.iter().map(|line| line.len() as u64 + 1).sum::<u64>();
        Ok(lines.into_iter().map(Found::of).collect())
    }

    async fn take_out(&mut self, lines: &[Bytes]) -> Result<(), BoxError> {
        if self.redriver.is_none() {
            return Err(BoxError("the file was opened to look only, which is a bug".to_owned()));
        }
        let lock = Lock::of_writers(&self.path).await.map_err(|error| failed(&self.path, &error))?;
        let gone = lines.iter().cloned().collect::<HashSet<Bytes>>();
        let places = [self.given, self.until.unwrap_or_default()];
        let rewritten = self.on_a_blocking_thread(move |path| {
            let places = rewrite(path, &gone, places);
            drop(lock);
            places
        });
        let [given, until] = rewritten.await?;
        (self.given, self.until) = (given, self.until.map(|_| until));
        Ok(())
    }
}

/// Whole lines from a place on to another, or to the end, as many as are good to have in memory; and that other place.
/// A last line without an end is still being written.
fn read(path: &Path, from: u64, until: Option<u64>) -> io::Result<(Vec<Bytes>, u64)> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        opened => opened?,
    };
    let until = until.map_or_else(|| file.metadata().map(|metadata| metadata.len()), Ok)?;
    file.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::new(file.take(until.saturating_sub(from)));
    let (mut lines, mut bytes) = (Vec::new(), 0);
    while lines.len() < limits::LETTERS_AT_ONCE && bytes < limits::LETTERS_AT_ONCE_BYTES {
        let Some(line) = line(&mut reader)? else { break };
        bytes += line.len();
        lines.push(line);
    }
    Ok((lines, until))
}

/// The next whole line without its end.
fn line(reader: &mut impl BufRead) -> io::Result<Option<Bytes>> {
    let mut line = Vec::new();
    let read = reader.by_ref().take(limits::LETTER_LINE_BYTES).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Some(line.into()));
    }
    if read as u64 == limits::LETTER_LINE_BYTES {
        let limit = limits::LETTER_LINE_BYTES;
        return Err(io::Error::other(format!("a line is longer than any dead letter, limit={limit}")));
    }
    Ok(None)
}

/// Writes the file anew without some lines, and answers where places in it are then. A crash leaves the one file or
/// the other.
fn rewrite<const N: usize>(path: &Path, gone: &HashSet<Bytes>, places: [u64; N]) -> io::Result<[u64; N]> {
    let new = beside(path, "new");
    let mut reader = BufReader::new(File::open(path)?);
    let mut writer = BufWriter::new(File::create(&new)?);
    let (mut at, mut moved) = (0, places);
    while let Some(line) = line(&mut reader)? {
        let length = line.len() as u64 + 1;
        if gone.contains(&line) {
            places
                .iter()
                .zip(&mut moved)
                .filter(|(place, _)| at < **place)
                .for_each(|(_, moved)| *moved -= length);
        } else {
            writer.write_all(&line)?;
            writer.write_all(b"\n")?;
        }
        at += length;
    }
    let written = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    written.set_permissions(reader.get_ref().metadata()?.permissions())?;
    written.sync_all()?;
    std::fs::rename(&new, path)?;
    sync_folder(path)?;
    Ok(moved)
}

fn failed(path: &Path, error: &io::Error) -> BoxError {
    BoxError(format!("{error}, path={}", path.display()))
}
