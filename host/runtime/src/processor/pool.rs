//! Warm instances of a processor's component.
//!
//! A call takes an instance out, or makes one where all are busy, and puts it back when its answer was good. So there
//! are never more than shards and sinks that called at once, and one that trapped, ran past its deadline, broke the
//! contract or was dropped half way is not called again.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tidemill_engine::processor::{ProcessorError, Sharing};
use wasmtime::component::{ComponentNamedList, Lift, Lower, TypedFunc};

use super::contract::{ProcessorContract, ProcessorFunctions};
use crate::{
    component::Inspection,
    contract::{Interface, Role},
    engine::Engine,
    error::ComponentError,
    fault::Fault,
    instance::Instance,
    settings::ProcessorSettings,
    slot::{Generation, Slot, not_started},
    turns::Turn,
};

/// A component and its idle instances.
#[derive(Debug)]
pub struct Pool {
    slot: Slot<ProcessorContract>,
    sharing: Sharing,
    idle: Mutex<Vec<Idle>>,
}

/// An instance between two calls.
#[derive(Debug)]
struct Idle {
    generation: u64,
    instance: Instance<ProcessorContract>,
}

impl Pool {
    /// Loads a component, and asks its first instance which documents may share an entry.
    pub async fn load(
        engine: &Engine,
        path: &Path,
        role: Role,
        settings: &ProcessorSettings,
    ) -> Result<Self, ComponentError> {
        let (slot, mut first): (Slot<ProcessorContract>, _) =
            Slot::load(engine, path, role, settings.grants()).await?;
        let generation = slot.current();
        let mut sharing = Sharing::Alone;
        if let Some(shares) = first.functions().shares {
            let asked = generation.within_deadline(first.call(shares, ())).await;
            let (answer,) = asked.map_err(|fault| not_started(path, fault))?;
            sharing = answer.into();
        }
        let idle = Mutex::new(vec![Idle { generation: generation.id, instance: first }]);
        Ok(Self { slot, sharing, idle })
    }

    /// Which documents may share an entry; what a serializer says of that means nothing.
    pub fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// Whether it is called by `packed-processor`.
    pub fn is_packed(&self) -> bool {
        self.slot.inspection().interfaces == [Interface::PackedProcessor]
    }

    /// The component's name and the start of its digest.
    pub fn label(&self) -> Arc<str> {
        self.slot.label()
    }

    /// What the component is.
    pub fn inspection(&self) -> Inspection {
        self.slot.inspection()
    }

    /// Calls one of its functions. The answer is to be had by [`Called::checked`].
    ///
    /// It may be dropped at any await; the instance goes with it.
    pub async fn call<Params, Answer>(
        &self,
        function: impl FnOnce(&ProcessorFunctions) -> TypedFunc<Params, Answer> + Send,
        params: Params,
    ) -> Result<Called<'_, Answer>, ProcessorError>
    where
        Params: ComponentNamedList + Lower + Send + Sync,
        Answer: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let generation = self.slot.current();
        let turn = generation.grants.turns.take().await;
        let call = async {
            let mut instance = self.instance(&generation).await?;
            let function = function(instance.functions());
            let answer = instance.call(function, params).await?;
            Ok((answer, instance))
        };
        match generation.within_deadline(call).await {
            Ok((answer, instance)) => Ok(Called { pool: self, generation, answer, instance, _turn: turn }),
            Err(fault) => Err(failed(&generation, fault)),
        }
    }

    async fn instance(
        &self,
        generation: &Generation<ProcessorContract>,
    ) -> Result<Instance<ProcessorContract>, Fault> {
        loop {
            let idle = self.idle().pop();
            match idle {
                Some(idle) if idle.generation == generation.id => return Ok(idle.instance),
                Some(_) => {}
                None => return generation.instance().await,
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that was answered, and the instance that did.
pub struct Called<'a, Answer> {
    pool: &'a Pool,
    generation: Arc<Generation<ProcessorContract>>,
    answer: Answer,
    instance: Instance<ProcessorContract>,
    _turn: Turn,
}

impl<Answer> Called<'_, Answer> {
    /// What the check makes of the answer. An instance whose answer breaks the contract is not called again.
    pub fn checked<T>(self, check: impl FnOnce(Answer) -> Result<T, Fault>) -> Result<T, ProcessorError> {
        let Self { pool, generation, answer, instance, _turn } = self;
        let checked = check(answer).map_err(|fault| failed(&generation, fault))?;
        pool.idle().push(Idle { generation: generation.id, instance });
        Ok(checked)
    }
}

fn failed(generation: &Generation<ProcessorContract>, Fault { kind, message }: Fault) -> ProcessorError {
    ProcessorError { processor: generation.label.to_string(), message: format!("{kind}: {message}") }
}
