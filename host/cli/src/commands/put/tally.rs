//! What became of the lines.

use std::time::Duration;

use bytesize::ByteSize;
use indicatif::ProgressBar;
use tidemill_engine::{limits, producer::BatchTicket};

/// Counts of lines that have settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines on the stream.
    pub put: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Lines that are not.
    pub failed: u64,
    /// Whether a signal came before the end of the input.
    pub interrupted: bool,
}

impl Tally {
    /// Counts a line that is not on the stream, and says which and why.
    pub fn fail(&mut self, number: u64, reason: &str, bar: &ProgressBar) {
        self.failed += 1;
        if self.failed <= limits::PUT_NAMED_FAILURES {
            bar.suspend(|| eprintln!("line {number}: {reason}"));
        }
    }

    /// Both counts together.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self {
            put: self.put + other.put,
            bytes: self.bytes + other.bytes,
            failed: self.failed + other.failed,
            interrupted: self.interrupted || other.interrupted,
        }
    }

    /// Whether every line of the input is on the stream.
    pub fn is_complete(&self) -> bool {
        self.failed == 0 && !self.interrupted
    }

    /// One line for people.
    pub fn report(&self, took: Duration) -> String {
        let seconds = took.as_secs_f64().max(f64::EPSILON);
        let rate = self.put as f64 / seconds;
        let bytes = ByteSize(self.bytes);
        let failed = if self.failed > 0 { format!(", {} lines failed", self.failed) } else { String::new() };
        let end = if self.interrupted { "; interrupted before the end of the input" } else { "" };
        format!("put {} lines ({bytes}) in {seconds:.1} s: {rate:.0} lines/s{failed}{end}", self.put)
    }
}

/// Lines on their way.
#[derive(Debug)]
pub struct Sent {
    /// Number and length of each, in the order of the ticket.
    pub lines: Vec<(u64, usize)>,
    /// Resolves when they have settled.
    pub ticket: BatchTicket,
}

impl Sent {
    /// Waits until the lines have settled, and counts them.
    pub async fn settle(self, tally: &mut Tally, bar: &ProgressBar) {
        let settled = self.ticket.await;
        bar.inc(self.lines.iter().map(|(_, length)| *length as u64 + 1).sum());
        for ((number, length), settled) in self.lines.into_iter().zip(settled) {
            match settled {
                Ok(_) => {
                    tally.put += 1;
                    tally.bytes += length as u64;
                }
                Err(error) => tally.fail(number, &error.to_string(), bar),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_names_failures_only_if_there_are_any() {
        let tally = Tally { put: 1_000, bytes: 2_048, ..Tally::default() };
        assert_eq!(tally.report(Duration::from_secs(2)), "put 1000 lines (2.0 KiB) in 2.0 s: 500 lines/s");
        let failed = tally.and(&Tally { failed: 3, ..Tally::default() });
        assert!(failed.report(Duration::from_secs(2)).ends_with("500 lines/s, 3 lines failed"));
        assert_eq!((tally.is_complete(), failed.is_complete()), (true, false));
    }
}
