//! A candidate that handles every batch beside the stable generation, and whose outcomes are only compared.
//!
//! A shadow runs in a task of its own and nobody waits for it: while one is at work, the batches of its lane are passed
//! over. So a slow candidate costs the machine its work, and the shard nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tidemill_engine::{
    batch::{Batch, BatchInfo},
    task::{self, Task},
};
use tokio::sync::oneshot;

use super::{
    HandlerContract,
    difference::difference,
    lane::Lane,
    run::{Answer, has_failed, run, trouble_of},
};
use crate::slot::{Contest, Slot};

/// The shadows at work, one a lane at the most.
#[derive(Debug, Default)]
pub struct Shadows(Mutex<HashMap<Lane, Task<()>>>);

impl Shadows {
    /// Has the candidate handle the batch, and answers where the outcome that counts is to be told; none where the lane's
    /// shadow is busy.
    pub fn begin(
        &self,
        slot: &Arc<Slot<HandlerContract>>,
        contest: &Arc<Contest<HandlerContract>>,
        lane: &Lane,
        batch: &Batch,
    ) -> Option<oneshot::Sender<Answer>> {
        let mut at_work = self.at_work();
        if at_work.get(lane).is_some_and(|task| !task.is_finished()) {
            contest.passed_over();
            return None;
        }
        let (outcome, counts) = oneshot::channel();
        // What no checkpoint covers is with the stable instance; the shadow never had it.
        let info = BatchInfo { uncovered: 0, ..batch.info.clone() };
        let batch = Batch::new(info, batch.documents().clone());
        let work = work(Arc::clone(slot), Arc::clone(contest), lane.clone(), batch, counts);
        at_work.insert(lane.clone(), task::spawn("shadow", work));
        Some(outcome)
    }

    /// Ends the shadows of lanes.
    pub fn forget(&self, is_meant: impl Fn(&Lane) -> bool) {
        self.at_work().retain(|lane, _| !is_meant(lane));
    }

    /// Whether none is at work.
    #[cfg(test)]
    pub fn are_done(&self) -> bool {
        self.at_work().values().all(Task::is_finished)
    }

    fn at_work(&self) -> MutexGuard<'_, HashMap<Lane, Task<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One batch of the candidate's. It ends with the batch's deadline, and with that of the outcome that counts.
async fn work(
    slot: Arc<Slot<HandlerContract>>,
    contest: Arc<Contest<HandlerContract>>,
    lane: Lane,
    batch: Batch,
    counts: oneshot::Receiver<Answer>,
) {
    let answer = run(&slot, &contest.newcomer, &lane, &batch).await;
    // Without an outcome that counts, the work on the shard was given up meanwhile.
    let Ok(counts) = counts.await else { return };
    if has_failed(&counts) {
        if has_failed(&answer) {
            contest.newcomer.tally.excuse();
        }
        return;
    }
    let differs = match (&counts, &answer) {
        (Ok(counts), Ok(other)) => difference(counts, other),
        _ => Some(trouble_of(&answer)),
    };
    if let Some(what) = differs {
        contest.differed();
        if contest.may_log() {
            let (info, label) = (&batch.info, &contest.newcomer.label);
            tracing::warn!(stream = %info.stream, shard = %info.shard, component = %label,
                sequence = %batch.documents().sequences().first().map_or("none", |first| first.as_str()),
                what, "a shadow's outcome differs");
        }
    }
    slot.judge(&contest);
}
