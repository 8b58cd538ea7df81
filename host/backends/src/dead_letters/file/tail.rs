//! The end of the file, where a crash may have left half a line.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
};

use super::super::form;

/// Bytes that are looked at in one step back.
const STEP: u64 = 1 << 16;

/// Mends the last line if it has no end, and answers how many bytes it had then. Half a letter goes: nobody was told
/// that it is kept. Anything else stays, as a line of its own.
pub(super) fn mend(file: &mut File) -> io::Result<Option<u64>> {
    let length = file.metadata()?.len();
    let start = start_of_last_line(file, length)?;
    if start == length {
        return Ok(None);
    }
    let mut line = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.read_to_end(&mut line)?;
    let is_letter = form::BEGINNING.starts_with(&line) || line.starts_with(form::BEGINNING);
    if is_letter && form::read(&line).is_err() {
        file.set_len(start)?;
    } else {
        file.write_all(b"\n")?;
    }
    Ok(Some(length - start))
}

/// Where the line begins that the end of the file is in; the end itself where that line is empty.
fn start_of_last_line(file: &mut File, length: u64) -> io::Result<u64> {
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(STEP);
        let mut step = vec![0; usize::try_from(end - start).map_err(io::Error::other)?];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut step)?;
        if let Some(at) = step.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
