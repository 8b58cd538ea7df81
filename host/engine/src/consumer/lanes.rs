//! Lanes: the records of a batch divided by partition key, and the parts handled at once.
//!
//! A batch is done when every lane is, so no lane is ever ahead of another by more than a batch, and all records of a
//! partition key meet the same lane. Dividing copies index entries and shares the bytes.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;

use super::delivery::{Cause, Delivered, Delivery, Halt};
use crate::{
    batch::{Batch, Documents},
    task,
};

/// Gives batches to the handler, divided among lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    count: u32,
    delivery: Delivery,
}

/// One lane's part of a batch.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    lane: u32,
    /// Positions in the batch, in order.
    positions: Vec<u32>,
}

impl Lanes {
    pub(super) fn new(count: u32, delivery: Delivery) -> Self {
        Self { count, delivery }
    }

    /// Handles a batch, as [`Delivery::deliver`] does. What lanes say of checkpoints is about their own records and
    /// is left out of the answer.
    ///
    /// # Cancel safety
    /// As [`Delivery::deliver`]: lanes at work end at their next await.
    pub(super) async fn deliver(&mut self, batch: Batch, kept: Option<u64>) -> Delivered {
        if self.count <= 1 {
            return self.delivery.deliver(batch, kept).await;
        }
        let parts = divide(batch.documents(), self.count);
        let begun: Vec<_> = parts
            .into_iter()
            .map(|Part { lane, positions }| {
                let (mut delivery, part) = (self.delivery.fork(), batch.lane(lane, &positions));
                (positions, task::spawn("lane", async move { delivery.deliver(part, None).await }))
            })
            .collect();
        let mut all = Delivered::default();
        for (positions, lane) in begun {
            match lane.await {
                Ok(part) => all.add(part, &positions),
                // A panic is a bug, and whoever owns the shard tells of it.
                Err(failed) => match failed.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => all.add(Delivered::default().stopping(), &positions),
                },
            }
        }
        all
    }
}

impl Delivered {
    /// Takes in what came of a lane, whose records are at these positions of the batch. Of several reasons to halt, the
    /// one at the first record is told, and one that is a failure before one that is not.
    fn add(&mut self, part: Self, positions: &[u32]) {
        self.tickets.extend(part.tickets);
        let Some(Halt { position, cause }) = part.halt else { return };
        let position = positions[position as usize];
        self.halt = Some(match self.halt.take() {
            None => Halt { position, cause },
            Some(other) => {
                let is_told = |cause: &Cause| !matches!(cause, Cause::Stopping);
                let key = |at: u32, cause: &Cause| (!is_told(cause), at);
                let is_first = key(position, &cause) < key(other.position, &other.cause);
                Halt {
                    position: position.min(other.position),
                    cause: if is_first { cause } else { other.cause },
                }
            }
        });
    }

    fn stopping(self) -> Self {
        Self { halt: Some(Halt { position: 0, cause: Cause::Stopping }), ..self }
    }
}

/// Divides records among lanes by their partition keys; lanes without any are left out.
fn divide(documents: &Documents, lanes: u32) -> Vec<Part> {
    let mut parts: Vec<Part> = (0..lanes).map(|lane| Part { lane, positions: Vec::new() }).collect();
    let hasher = FixedState::default();
    for (position, at) in (0_u32..).zip(0..documents.len()) {
        let hash = hasher.hash_one(documents.partition_key(at));
        // A lane's number is below the count, which is 32 at the most.
        parts[(hash % u64::from(lanes)) as usize].positions.push(position);
    }
    parts.retain(|part| !part.positions.is_empty());
    parts
}
