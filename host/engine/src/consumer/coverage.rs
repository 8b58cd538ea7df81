//! What a checkpoint may cover of what was handled: all of it, or as much as the handler says.
//!
//! Only positions are kept of records that no checkpoint covers yet. Their number is bounded all the same, because a
//! crash repeats them.

use super::{outstanding::Handled, pipeline::Checkpointing, place::Readable};
use crate::{lease::Checkpoint, producer::BatchTicket};

/// How much of one shard is handled, and how much of that is covered.
#[derive(Debug)]
pub(super) struct Coverage {
    by: Checkpointing,
    /// Behind everything that was handled; none until something was.
    behind: Option<Checkpoint>,
    /// User records that were handled and that no checkpoint covers.
    uncovered: u64,
}

impl Coverage {
    pub(super) fn new(by: Checkpointing) -> Self {
        Self { by, behind: None, uncovered: 0 }
    }

    /// User records that the handler may have in its memory alone; none where every batch is done when it is handled.
    pub(super) fn kept(&self) -> Option<u64> {
        (self.by != Checkpointing::Auto).then_some(self.uncovered)
    }

    /// Whether the handler leaves more uncovered than it may.
    pub(super) fn is_too_much(&self) -> bool {
        matches!(self.by, Checkpointing::Manual { most } if self.uncovered > most)
    }

    /// Takes in the records of a read from position `start` on, of which `handled` have an outcome and the handler
    /// claims `claimed`. None where nothing waits for its end.
    pub(super) fn batch(
        &mut self,
        all: &Readable,
        start: usize,
        handled: usize,
        claimed: Option<u32>,
        tickets: Vec<BatchTicket>,
    ) -> Handled {
        let before = self.behind.take();
        let behind =
            |count: usize| if count > 0 { Some(all.checkpoint_behind(count - 1)) } else { before.clone() };
        let covered = match self.by {
            Checkpointing::Auto => Some(handled),
            Checkpointing::Manual { .. } => claimed.map(|claimed| claimed as usize),
        };
        let checkpoint = covered.and_then(|covered| behind(start + covered));
        let documents = covered.map_or(0, |covered| self.uncovered + covered as u64);
        self.uncovered = self.uncovered + handled as u64 - documents;
        self.behind = behind(start + handled);
        Handled { checkpoint, documents, tickets }
    }

    /// Takes in the end of a read, whose last records may hold no user records. None if some before are uncovered.
    pub(super) fn read(&mut self, end: Checkpoint) -> Option<Handled> {
        self.behind = Some(end.clone());
        (self.uncovered == 0).then(|| Handled { checkpoint: Some(end), documents: 0, tickets: Vec::new() })
    }

    /// Takes in what the handler said when it was asked for the last time: whether everything is done.
    pub(super) fn last(&mut self, is_done: bool, tickets: Vec<BatchTicket>) -> Handled {
        if !is_done {
            return Handled { checkpoint: None, documents: 0, tickets };
        }
        let documents = std::mem::take(&mut self.uncovered);
        Handled { checkpoint: self.behind.clone(), documents, tickets }
    }
}
