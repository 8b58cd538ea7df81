//! One batch on one generation.

use std::{sync::Arc, time::Duration};

use tidemill_engine::{
    batch::Batch,
    handler::{Disposition, HandlerError, Outcome},
};
use tokio::time::Instant;

use super::{HandlerContract, lane::Lane, life};
use crate::{
    bindings::life::Ending,
    fault::Fault,
    slot::{Generation, Slot, Swap},
};

/// What came of a batch.
pub type Answer = Result<Outcome, HandlerError>;

/// Handles a batch and counts it.
///
/// It may be dropped at any await; the instance goes with it.
pub async fn run(
    slot: &Slot<HandlerContract>,
    generation: &Arc<Generation<HandlerContract>>,
    lane: &Lane,
    batch: &Batch,
) -> Answer {
    let (answer, took) = timed(slot, generation, lane, batch).await;
    if has_failed(&answer) {
        generation.tally.failed();
    } else {
        generation.tally.handled(batch.documents().len(), took);
    }
    answer
}

/// Handles a batch that another generation failed on already, which says nothing of this one.
///
/// It may be dropped at any await; the instance goes with it.
pub async fn run_again(
    slot: &Slot<HandlerContract>,
    generation: &Arc<Generation<HandlerContract>>,
    lane: &Lane,
    batch: &Batch,
) -> Answer {
    timed(slot, generation, lane, batch).await.0
}

/// Whether not every record of the batch was handled: a record that was dropped was.
pub fn has_failed(answer: &Answer) -> bool {
    let is_left = |disposition: &Disposition| !matches!(disposition, Disposition::Drop);
    match answer {
        Ok(outcome) => outcome.failures.iter().any(|failure| is_left(&failure.disposition)),
        Err(_) => true,
    }
}

/// What went wrong, for people.
pub fn trouble_of(answer: &Answer) -> String {
    match answer {
        Ok(outcome) => format!("records were not handled, records={}", outcome.failures.len()),
        Err(error) => error.to_string(),
    }
}

/// The answer, and what the guest took for it.
async fn timed(
    slot: &Slot<HandlerContract>,
    generation: &Arc<Generation<HandlerContract>>,
    lane: &Lane,
    batch: &Batch,
) -> (Answer, Duration) {
    let mut took = Duration::ZERO;
    let _seat = generation.seats.take().await;
    let call = async {
        let mut instance = match generation.instances.take(lane) {
            Some(instance) => instance,
            None if batch.info.uncovered > 0 => return Err(Fault::forgotten()),
            None => {
                make_room(generation).await;
                HandlerContract::begin(generation, lane).await?
            }
        };
        let begun = Instant::now();
        let outcome = instance.handle(generation.id, batch, slot.settings()).await;
        took = begun.elapsed();
        if outcome.as_ref().err().is_none_or(Fault::is_spoken) {
            slot.put_back(generation, lane, instance);
        }
        outcome
    };
    let outcome = generation.within_deadline(call).await;
    let by = Some(Arc::clone(&generation.deployed));
    let answer = match outcome {
        Ok(outcome) => Ok(Outcome { by, ..outcome }),
        Err(Fault { kind, message }) => {
            Err(HandlerError { handler: generation.label.to_string(), kind, message, by })
        }
    };
    (answer, took)
}

/// Lets go of the instances that waited longest, until there is room for one more.
async fn make_room(generation: &Generation<HandlerContract>) {
    while let Some((lane, instance)) = generation.instances.surplus(generation.seats.left()) {
        life::end(generation, instance, Some(lane.served()), Ending::Left).await;
    }
}
