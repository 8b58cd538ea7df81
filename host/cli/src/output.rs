//! Results on stdout. A reader that goes away, as `head` does, is the end of the work and no failure.

use std::io::{self, ErrorKind, Write};

use crate::failure::Failure;

/// Whether anybody reads on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Reader {
    /// There is a reader.
    Listens,
    /// The reader closed its end.
    Left,
}

/// Writes to stdout at once.
pub fn write(text: &[u8]) -> Result<Reader, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Reader::Listens),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Left),
        Err(error) => Err(Failure::of_output(&error)),
    }
}

/// Writes a line to stdout; whether anybody reads it does not matter.
pub fn line(text: &str) -> Result<(), Failure> {
    write(format!("{text}\n").as_bytes()).map(|_| ())
}

/// Tells something beside the results, on stderr.
pub fn note(text: &str) {
    eprintln!("note: {text}");
}
