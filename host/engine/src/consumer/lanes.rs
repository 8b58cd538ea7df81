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
                    Err(_) => all.add(Delivered::stopping(), &positions),
                },
            }
        }
        all
    }
}

impl Delivered {
    /// Takes in what came of a lane, whose records are at these positions of the batch.
    fn add(&mut self, part: Self, positions: &[u32]) {
        self.tickets.extend(part.tickets);
        let halt = part.halt.map(|halt| Halt { position: positions[halt.position as usize], ..halt });
        self.halt = match (self.halt.take(), halt) {
            (Some(one), Some(other)) => Some(one.and(other)),
            (one, other) => one.or(other),
        };
    }

    fn stopping() -> Self {
        Self { halt: Some(Halt { position: 0, cause: Cause::Stopping }), ..Self::default() }
    }
}

impl Halt {
    /// Both at once: the batch is done up to the first of them, and a failure is told before a stop.
    fn and(self, other: Self) -> Self {
        let (first, second) = if self.position <= other.position { (self, other) } else { (other, self) };
        let cause = if matches!(first.cause, Cause::Stopping) { second.cause } else { first.cause };
        Self { position: first.position, cause }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn halted(position: u32, cause: Cause) -> Delivered {
        Delivered { halt: Some(Halt { position, cause }), ..Delivered::default() }
    }

    #[test]
    fn i1_a_batch_is_done_up_to_the_first_record_that_a_lane_has_not_done() {
        let mut all = Delivered::default();
        all.add(halted(1, Cause::Failed("late".to_owned())), &[0, 7]);
        all.add(Delivered::default(), &[1, 2]);
        all.add(halted(0, Cause::Stopping), &[4, 5]);
        let halt = all.halt.unwrap();
        assert_eq!(halt.position, 4);
        assert!(matches!(halt.cause, Cause::Failed(reason) if reason == "late"), "a failure is told");
    }
}
