//! Calls of a processor's component.
//!
//! A call takes an instance out, or makes one where all are busy, and puts it back when its answer was good. So there
//! are never more than shards and sinks that called at once, and one that trapped, ran past its deadline, broke the
//! contract or was dropped half way is not called again.

use std::sync::Arc;

use tidemill_engine::processor::ProcessorError;
use tokio::time::Instant;
use wasmtime::component::{ComponentNamedList, Lift, Lower, TypedFunc};

use super::contract::{ProcessorContract, ProcessorFunctions};
use crate::{
    fault::Fault,
    instance::Instance,
    seats::Seat,
    slot::{Contest, Generation, LineUp, Slot},
};

/// A generation of a processor's component.
pub type Running = Arc<Generation<ProcessorContract>>;

/// The generations that everything in one call of the engine's meets, however many calls of guests it takes.
#[derive(Clone, Debug)]
pub struct Turn {
    line_up: Arc<LineUp<ProcessorContract>>,
    /// Where the line-up is from; none where a generation is tried out.
    slot: Option<Arc<Slot<ProcessorContract>>>,
}

impl Turn {
    /// What is in use now.
    pub fn now(slot: &Arc<Slot<ProcessorContract>>) -> Arc<Self> {
        Arc::new(Self { line_up: slot.line_up(), slot: Some(Arc::clone(slot)) })
    }

    /// One generation and no other.
    pub fn of(generation: Running) -> Arc<Self> {
        Arc::new(Self { line_up: Arc::new(LineUp::of(generation)), slot: None })
    }

    /// Has the generation in use answer for so many items. What fails on a component on probation goes to the one before
    /// it, whose answer counts then.
    ///
    /// It may be dropped at any await where the answering may.
    pub async fn take<T, Answering>(
        &self,
        items: usize,
        answering: impl Fn(Running) -> Answering + Send + Sync,
    ) -> Result<T, ProcessorError>
    where
        Answering: Future<Output = Result<T, Fault>> + Send,
        T: Send,
    {
        let stable = &self.line_up.stable;
        let begun = Instant::now();
        let mut answer = answering(Arc::clone(stable)).await.map_err(|fault| failed(stable, fault));
        match &answer {
            Ok(_) => stable.tally.handled(items, begun.elapsed()),
            Err(_) => stable.tally.failed(),
        }
        if let Some(contest) = &self.line_up.contest {
            if let Err(trouble) = &answer {
                warn_of(contest, trouble);
                let previous = &contest.incumbent;
                answer = answering(Arc::clone(previous)).await.map_err(|fault| failed(previous, fault));
                if answer.is_err() {
                    stable.tally.excuse();
                }
            }
            if let Some(slot) = &self.slot {
                slot.judge(contest);
            }
        }
        answer
    }
}

/// Calls a function of a generation's. The answer is to be had by [`Called::checked`].
///
/// It may be dropped at any await; the instance goes with it.
pub async fn call<Params, Answer>(
    generation: Running,
    function: impl FnOnce(&ProcessorFunctions) -> TypedFunc<Params, Answer> + Send,
    params: Params,
) -> Result<Called<Answer>, Fault>
where
    Params: ComponentNamedList + Lower + Send + Sync,
    Answer: ComponentNamedList + Lift + Send + Sync + 'static,
{
    let seat = generation.seats.take().await;
    let call = async {
        let mut instance = match generation.instances.take(&()) {
            Some(instance) => instance,
            None => generation.instance().await?,
        };
        let function = function(instance.functions());
        let answer = instance.call(function, params).await?;
        Ok((answer, instance))
    };
    let (answer, instance) = generation.within_deadline(call).await?;
    Ok(Called { generation, answer, instance, seat })
}

/// A call that was answered, and the instance that did.
pub struct Called<Answer> {
    generation: Running,
    answer: Answer,
    instance: Instance<ProcessorContract>,
    seat: Seat,
}

impl<Answer> Called<Answer> {
    /// What the check makes of the answer. An instance whose answer breaks the contract is not called again.
    pub fn checked<T>(self, check: impl FnOnce(Answer) -> Result<T, Fault>) -> Result<T, Fault> {
        let Self { generation, answer, instance, seat } = self;
        let checked = check(answer)?;
        // What a generation that was replaced gives back has nobody to tell that it goes.
        drop(generation.instances.put(&(), instance));
        drop(seat);
        Ok(checked)
    }
}

fn warn_of(contest: &Contest<ProcessorContract>, trouble: &ProcessorError) {
    if contest.may_log() {
        let generation = contest.newcomer.id;
        tracing::warn!(generation, %trouble, "a call failed on the newer component and goes to the one before");
    }
}

fn failed(generation: &Running, Fault { kind, message }: Fault) -> ProcessorError {
    ProcessorError { processor: generation.label.to_string(), message: format!("{kind}: {message}") }
}
