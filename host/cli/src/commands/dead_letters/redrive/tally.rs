//! What became of the letters.

use std::fmt;

use tidemill_backends::dead_letters::form;
use tidemill_engine::{dead_letter::DeadLetter, limits};

use crate::output;

/// Counts of letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Redriven, and taken away.
    pub redriven: u64,
    /// Not redriven.
    failed: u64,
    /// Lines that are no letters.
    unreadable: u64,
    /// Letters that came while it ran.
    pub later: u64,
}

impl Tally {
    /// Counts a letter that was not redriven, and says why.
    pub fn fail(&mut self, letter: &DeadLetter, reason: &str) {
        self.failed += 1;
        if self.failed <= limits::PUT_NAMED_FAILURES {
            output::note(&format!("not redriven: {}: {reason}", form::id(letter)));
        }
    }

    /// Counts what is no letter, and says why.
    pub fn pass_over(&mut self, reason: &str) {
        self.unreadable += 1;
        if self.unreadable <= limits::PUT_NAMED_FAILURES {
            output::note(reason);
        }
    }

    /// Whether nothing failed.
    pub fn is_complete(&self) -> bool {
        self.failed == 0 && self.unreadable == 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { redriven, failed, unreadable, later } = self;
        write!(f, "redriven={redriven} not-redriven={failed}")?;
        if *unreadable > 0 {
            write!(f, " unreadable={unreadable}")?;
        }
        if *later > 0 {
            write!(f, " came-meanwhile={later}")?;
        }
        Ok(())
    }
}
