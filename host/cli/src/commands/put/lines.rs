//! Lines of a file or of stdin, numbered, each as long as a record may be and no longer.

use std::{
    io::{self, IsTerminal, stderr},
    path::Path,
    pin::Pin,
};

use bytes::{Bytes, BytesMut};
use indicatif::{ProgressBar, ProgressStyle};
use memchr::{memchr_iter, memrchr};
use tidemill_engine::limits;
use tokio::{
    fs::File,
    io::{AsyncRead, AsyncReadExt, stdin},
};

use crate::{exit::Exit, failure::Failure};

/// Bytes of the longest line that can be a document.
const LONGEST: usize = (limits::MAX_RECORD_KIB as usize) << 10;

/// Where lines come from.
pub struct Input {
    reader: Pin<Box<dyn AsyncRead + Send>>,
    length: Option<u64>,
    /// What was read and is no whole line yet.
    rest: BytesMut,
    /// Whether the rest goes on from bytes of its line that are gone, because the line is too long.
    is_cut: bool,
    /// The number of the last line that was given out.
    number: u64,
}

/// One line.
#[derive(Debug)]
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// Its bytes without the end of the line; none when it is too long for any record.
    pub text: Option<Bytes>,
}

impl Input {
    /// Opens a file, or stdin.
    pub async fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::of(stdin(), None));
        };
        let unreadable = |error| unreadable_file(path, &error);
        let file = File::open(path).await.map_err(unreadable)?;
        let metadata = file.metadata().await.map_err(unreadable)?;
        // A pipe or a device has a name and no length.
        let length = metadata.is_file().then_some(metadata.len());
        Ok(Self::of(file, length))
    }

    fn of(reader: impl AsyncRead + Send + 'static, length: Option<u64>) -> Self {
        Self { reader: Box::pin(reader), length, rest: BytesMut::new(), is_cut: false, number: 0 }
    }

    /// The lines that came with one read, at least one; none at the end of the input.
    ///
    /// # Cancel safety
    /// Safe: what was read is there for the next call.
    pub async fn next(&mut self) -> io::Result<Option<Vec<Line>>> {
        loop {
            self.rest.reserve(limits::PUT_READ_BYTES);
            let read = self.reader.read_buf(&mut self.rest).await?;
            if read == 0 {
                let last = self.rest.split().freeze();
                let has_line = !last.is_empty() || self.is_cut;
                return Ok(has_line.then(|| vec![self.line(last)]));
            }
            let fresh = self.rest.len() - read;
            if let Some(end) = memrchr(b'\n', &self.rest[fresh..]) {
                let whole = self.rest.split_to(fresh + end + 1).freeze();
                return Ok(Some(self.lines(&whole)));
            }
            if self.rest.len() > LONGEST {
                self.rest.clear();
                self.is_cut = true;
            }
        }
    }

    /// A progress bar on stderr where people look at it, over the bytes of the input.
    pub fn bar(&self) -> ProgressBar {
        if !stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let (bar, template) = match self.length {
            Some(length) => {
                (ProgressBar::new(length), "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
            }
            None => (ProgressBar::no_length(), "{spinner} {bytes} {bytes_per_sec}"),
        };
        bar.with_style(ProgressStyle::with_template(template).expect("the template is well formed"))
    }

    /// The lines of bytes that end with a line.
    fn lines(&mut self, whole: &Bytes) -> Vec<Line> {
        let mut start = 0;
        memchr_iter(b'\n', whole)
            .map(|end| {
                let text = whole.slice(start..end);
                start = end + 1;
                self.line(text)
            })
            .collect()
    }

    /// The next line, without its line feed.
    fn line(&mut self, mut text: Bytes) -> Line {
        self.number += 1;
        let is_too_long = std::mem::take(&mut self.is_cut) || text.len() > LONGEST;
        if text.ends_with(b"\r") {
            text.truncate(text.len() - 1);
        }
        Line { number: self.number, text: (!is_too_long).then_some(text) }
    }
}

/// Reading broke off.
pub fn unreadable(error: &io::Error) -> Failure {
    Failure::new(Exit::Surroundings, format!("cannot read the input: {error}"))
}

fn unreadable_file(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Surroundings, format!("cannot read the input: {error}: file={}", path.display()))
        .help("name a file, or - for stdin")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &'static [u8]) -> Vec<(u64, Option<Bytes>)> {
        let mut input = Input::of(text, None);
        let mut lines = Vec::new();
        while let Some(more) = input.next().await.unwrap() {
            lines.extend(more.into_iter().map(|line| (line.number, line.text)));
        }
        lines
    }

    #[tokio::test]
    async fn lines_are_numbered_and_lose_their_ends() {
        let lines = read(b"a\r\n\nb c\nlast").await;
        let expected = [(1, "a"), (2, ""), (3, "b c"), (4, "last")];
        assert_eq!(lines, expected.map(|(number, text)| (number, Some(Bytes::from(text)))));
    }

    #[tokio::test]
    async fn a_line_too_long_for_any_record_is_named_and_the_next_is_read() {
        let mut text = vec![b'x'; (limits::MAX_RECORD_KIB as usize) << 10];
        text.extend_from_slice(b"x\nnext\n");
        assert_eq!(read(text.leak()).await, [(1, None), (2, Some(Bytes::from("next")))]);
    }
}
