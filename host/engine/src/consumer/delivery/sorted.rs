//! What an outcome says of the records of a call, sorted by what to do next.

use std::time::Duration;

use super::{super::giving_up::Lost, super::giving_up::Why, pending::Part};
use crate::{
    handler::{Disposition, Failure},
    limits,
};

/// The records of a call that were not handled. Positions are those in the batch.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// To be given again, in order.
    pub again: Vec<u32>,
    /// How long after this call.
    pub after: Duration,
    /// Given up by the handler.
    pub lost: Vec<Lost>,
    /// How many others the handler dropped.
    pub dropped: u64,
}

impl Sorted {
    pub(super) fn of(part: &Part, failures: &[Failure]) -> Self {
        let mut sorted = Self::default();
        for Failure { index, disposition } in failures {
            let position = part.positions[*index as usize];
            match disposition {
                Disposition::Drop => sorted.dropped += 1,
                Disposition::Retry(pause) => {
                    sorted.again.push(position);
                    sorted.after = sorted.after.max(*pause);
                }
                Disposition::DeadLetter(words) => {
                    sorted.lost.push(Lost { position, why: Why::GaveUp(words.clone()) });
                }
            }
        }
        sorted.lost.sort_by_key(|lost| lost.position);
        sorted.again.sort_unstable();
        let least = limits::HANDLER_BACKOFF.0.min(sorted.after.max(Duration::from_millis(1)));
        sorted.after = sorted.after.clamp(least, limits::HANDLER_RETRY_LONGEST);
        sorted
    }

    /// Records that were handled, of so many.
    pub(super) fn handled(&self, records: usize) -> usize {
        let dropped = usize::try_from(self.dropped).unwrap_or(usize::MAX);
        records.saturating_sub(self.again.len() + self.lost.len()).saturating_sub(dropped)
    }

    /// Gives up what was to be given again.
    pub(super) fn give_up(&mut self, why: &Why) {
        let again = std::mem::take(&mut self.again).into_iter();
        self.lost.extend(again.map(|position| Lost { position, why: why.clone() }));
        self.lost.sort_by_key(|lost| lost.position);
    }
}
