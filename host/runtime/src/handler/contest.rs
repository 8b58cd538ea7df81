//! Who handles a batch while a newer generation has to prove itself beside an older one.
//!
//! A batch, or the part of it that the newer one was given, that fails there is handled again by the older one at once, and
//! what the older one says of it counts. Where checkpoints are left to the handler nothing is handled again: the instance
//! that failed may have kept records of earlier batches, which only reading them again brings back.

use std::{collections::BTreeSet, sync::Arc};

use tidemill_engine::{
    batch::{Batch, BatchInfo},
    deploy::Trial,
};

use super::{
    ComponentHandler, HandlerContract,
    division::Division,
    lane::Lane,
    run::{Answer, has_failed, run, run_again, trouble_of},
};
use crate::slot::{Contest, ContestKind, Generation, LineUp};

/// The generation that a batch, or the larger part of it, is for.
pub fn met_by<'a>(
    line_up: &'a LineUp<HandlerContract>,
    info: &BatchInfo,
) -> &'a Arc<Generation<HandlerContract>> {
    match line_up.candidate() {
        Some((candidate, Trial::Shards(shards))) if is_among(shards, info) => candidate,
        _ => &line_up.stable,
    }
}

/// Handles a batch as the contest says.
///
/// It may be dropped at any await: the batch then counts as not handled.
pub async fn handle(
    handler: &ComponentHandler,
    contest: &Arc<Contest<HandlerContract>>,
    lane: &Lane,
    batch: &Batch,
) -> Answer {
    let ComponentHandler { slot, shadows, .. } = handler;
    let Contest { newcomer, incumbent, .. } = &**contest;
    match &contest.kind {
        ContestKind::Trial(Trial::Shards(shards)) if !is_among(shards, &batch.info) => {
            run(slot, incumbent, lane, batch).await
        }
        ContestKind::Probation | ContestKind::Trial(Trial::Shards(_)) => {
            let answer = run(slot, newcomer, lane, batch).await;
            settled(handler, contest, lane, batch, answer).await
        }
        ContestKind::Trial(Trial::Keys { percent }) => divided(handler, contest, *percent, lane, batch).await,
        ContestKind::Trial(Trial::Shadow) => {
            let outcome = shadows.begin(slot, contest, lane, batch);
            let answer = run(slot, incumbent, lane, batch).await;
            if let Some(outcome) = outcome {
                // Whoever would have compared them may be gone, with the candidate.
                let _ = outcome.send(answer.clone());
            }
            answer
        }
    }
}

/// The newer generation handles some partition keys and the older one the others, at once.
async fn divided(
    handler: &ComponentHandler,
    contest: &Contest<HandlerContract>,
    percent: u8,
    lane: &Lane,
    batch: &Batch,
) -> Answer {
    let (slot, Contest { newcomer, incumbent, .. }) = (&handler.slot, contest);
    let division = Division::by_key(batch.documents(), percent);
    let (Some(new), Some(old)) = (division.new_part(batch), division.old_part(batch)) else {
        if division.is_all_new() {
            let answer = run(slot, newcomer, lane, batch).await;
            return settled(handler, contest, lane, batch, answer).await;
        }
        return run(slot, incumbent, lane, batch).await;
    };
    let (of_new, of_old) = tokio::join!(run(slot, newcomer, lane, &new), run(slot, incumbent, lane, &old));
    // Again only now that the older one's instance of this lane is back.
    let of_new = settled(handler, contest, lane, &new, of_new).await;
    Ok(division.joined(of_new?, of_old?))
}

/// What counts, after the newer generation answered.
async fn settled(
    handler: &ComponentHandler,
    contest: &Contest<HandlerContract>,
    lane: &Lane,
    batch: &Batch,
    answer: Answer,
) -> Answer {
    let Contest { newcomer, incumbent, .. } = contest;
    if !has_failed(&answer) || handler.slot.settings().makes_checkpoints {
        return answer;
    }
    if contest.may_log() {
        let BatchInfo { stream, shard, .. } = &batch.info;
        tracing::warn!(%stream, %shard, component = %newcomer.label, generation = newcomer.id,
            trouble = trouble_of(&answer), "a batch failed on the newer component and is handled again by the older");
    }
    let again = run_again(&handler.slot, incumbent, lane, batch).await;
    if has_failed(&again) {
        newcomer.tally.excuse();
    }
    again
}

fn is_among(shards: &BTreeSet<String>, info: &BatchInfo) -> bool {
    let shard = info.shard.as_str();
    shards.contains(shard) || shards.contains(&format!("{}/{shard}", info.stream))
}
