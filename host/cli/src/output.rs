//! Results on stdout. A reader that goes away, as `head` does, is the end of the work and no failure.

use std::{
    io::{self, ErrorKind, Write},
    time::{Duration, UNIX_EPOCH},
};

use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use tidemill_engine::time::UnixMillis;

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

/// A table without rows: columns apart by spaces, and lines as long as what is in them.
pub fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table
}

/// A moment as people write it, to the second.
pub fn moment(at: UnixMillis) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(at.0)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date() {
        assert_eq!(moment(UnixMillis(1_700_000_000_999)), "2023-11-14T22:13:20Z");
    }
}
