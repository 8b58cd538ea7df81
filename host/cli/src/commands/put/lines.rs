//! Lines of a file or of stdin, numbered, each as long as a record may be and no longer.

use std::{
    io::{self, IsTerminal, stderr},
    path::Path,
    pin::Pin,
};

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, stream::ReadyChunks};
use indicatif::{ProgressBar, ProgressStyle};
use tidemill_engine::limits;
use tokio::{
    fs::File,
    io::{AsyncRead, stdin},
};
use tokio_util::codec::{AnyDelimiterCodec, AnyDelimiterCodecError, Decoder, FramedRead};

use crate::{exit::Exit, failure::Failure};

/// Where lines come from.
pub struct Input {
    /// The lines that are there, at least one and at most a request's worth at a time.
    pub chunks: ReadyChunks<Pin<Box<dyn Stream<Item = io::Result<Line>> + Send>>>,
    length: Option<u64>,
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
        let lines = FramedRead::with_capacity(reader, Lines::default(), limits::PUT_READ_BYTES);
        Self { chunks: lines.boxed().ready_chunks(limits::PUT_RECORDS_ENTRIES), length }
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
}

/// Reading broke off.
pub fn unreadable(error: &io::Error) -> Failure {
    Failure::new(Exit::Surroundings, format!("cannot read the input: {error}"))
}

fn unreadable_file(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Surroundings, format!("cannot read the input: {error}: file={}", path.display()))
        .help("name a file, or - for stdin")
}

/// Splits at line feeds and counts.
struct Lines {
    splitter: AnyDelimiterCodec,
    read: u64,
}

impl Default for Lines {
    fn default() -> Self {
        let longest = (limits::MAX_RECORD_KIB as usize) << 10;
        Self {
            splitter: AnyDelimiterCodec::new_with_max_length(b"\n".to_vec(), Vec::new(), longest),
            read: 0,
        }
    }
}

impl Lines {
    fn numbered(&mut self, split: Result<Option<Bytes>, AnyDelimiterCodecError>) -> io::Result<Option<Line>> {
        let text = match split {
            Ok(None) => return Ok(None),
            Ok(Some(text)) => {
                Some(text.strip_suffix(b"\r").map_or(text.clone(), |line| text.slice_ref(line)))
            }
            Err(AnyDelimiterCodecError::MaxChunkLengthExceeded) => None,
            Err(AnyDelimiterCodecError::Io(error)) => return Err(error),
        };
        self.read += 1;
        Ok(Some(Line { number: self.read, text }))
    }
}

impl Decoder for Lines {
    type Item = Line;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Line>> {
        let split = self.splitter.decode(bytes);
        self.numbered(split)
    }

    fn decode_eof(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Line>> {
        let split = self.splitter.decode_eof(bytes);
        self.numbered(split)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &'static [u8]) -> Vec<(u64, Option<Bytes>)> {
        let lines = Input::of(text, None).chunks.concat().await;
        lines.into_iter().map(|line| line.unwrap()).map(|line| (line.number, line.text)).collect()
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
