//! The documents: the same as in the codec benches and in `tests/bench/documents.py`.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::{Context, Result};

/// Bytes of a document in the benches on streams.
pub const BYTES: usize = 100;

/// Writes a file with a document a line.
pub fn write(file: &Path, count: usize) -> Result<()> {
    let mut lines = BufWriter::new(File::create(file).context("cannot write into the target folder")?);
    (0..count)
        .try_for_each(|number| writeln!(lines, "{}", document(number)))
        .context("cannot write documents")?;
    lines.flush().context("cannot write documents")
}

/// A document as Python's `json.dumps` writes it, filled up to its size.
fn document(number: usize) -> String {
    let amount = number as f64 / 100.0;
    let is_paid = number.is_multiple_of(3);
    let customer = number % 10_000;
    let start = format!(
        "{{\"id\": {number}, \"customer\": \"customer-{customer:05}\", \"amount\": {amount:?}, \"paid\": {is_paid}, \
         \"text\": \""
    );
    let filler = "abcdefghijklmnopqrstuvwxyz ".chars().cycle();
    let room = BYTES.saturating_sub(start.len() + 2);
    start.chars().chain(filler.take(room)).chain("\"}".chars()).collect()
}
