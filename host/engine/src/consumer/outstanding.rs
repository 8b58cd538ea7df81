//! Batches whose emitted documents are on their way: the checkpoint follows the oldest of them.

use std::collections::VecDeque;

use crate::{
    lease::Checkpoint,
    limits,
    producer::{BatchTicket, PutError},
};

/// Handled batches in order, each with the tickets it waits for.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    batches: VecDeque<Handled>,
}

/// A batch that was handled.
#[derive(Debug)]
pub(super) struct Handled {
    /// Where the work is done up to once the tickets resolve.
    pub checkpoint: Checkpoint,
    /// How many user records that covers.
    pub documents: usize,
    /// What was emitted for it.
    pub tickets: Vec<BatchTicket>,
}

impl Outstanding {
    pub(super) fn push(&mut self, handled: Handled) {
        self.batches.push_back(handled);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.batches.len() >= limits::UNACKNOWLEDGED_BATCHES
    }

    /// The checkpoint of the oldest batch, once all it emitted is acknowledged, and how many documents it had.
    /// An error if one of them failed; the batch is then not done. Waits for ever when there is no batch.
    ///
    /// # Cancel safety
    /// Safe: tickets that resolved are not asked again.
    pub(super) async fn next(&mut self) -> Result<(Checkpoint, usize), PutError> {
        let Some(oldest) = self.batches.front_mut() else { return std::future::pending().await };
        while let Some(ticket) = oldest.tickets.last_mut() {
            let settled = ticket.await;
            oldest.tickets.pop();
            if let Some(error) = settled.into_iter().find_map(Result::err) {
                return Err(error);
            }
        }
        let done = self.batches.pop_front().expect("the oldest batch is still there");
        Ok((done.checkpoint, done.documents))
    }
}
