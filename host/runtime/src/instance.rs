//! One instance of a component, and the store that is all of its world.

use std::{fmt, sync::Arc};

use tidemill_engine::record::ShardId;
use wasmtime::{
    Store,
    component::{ComponentNamedList, Lift, Lower, TypedFunc},
};

use crate::{
    contract::Contract, fault::Fault, guest_log::GuestLog, slot::Generation, state::State, yielding,
};

/// An instance.
pub struct Instance<C: Contract> {
    store: Store<State>,
    functions: C::Functions,
}

impl<C: Contract> Instance<C> {
    /// Makes an instance, whose lines in the log name this shard.
    ///
    /// It may be dropped at any await: nothing of the instance is left.
    pub async fn new(generation: &Generation<C>, shard: &ShardId) -> Result<Self, Fault> {
        let grants = &generation.grants;
        let log = GuestLog::new(grants, generation.id, shard.clone());
        let state = State::new(grants, log).map_err(|error| Fault::ungranted(&error))?;
        let compiled = &generation.compiled;
        let mut store = Store::new(compiled.pre.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(grants.hostcall_bytes);
        store.set_epoch_deadline(1);
        let gate = Arc::clone(&compiled.gate);
        store.epoch_deadline_callback(move |store| {
            store.data().calls.check()?;
            Ok(yielding::after_a_tick(&gate))
        });
        let linked = async {
            let instance = compiled.pre.instantiate_async(&mut store).await?;
            compiled.contract.link(&mut store, &instance)
        };
        match linked.await {
            Ok(functions) => Ok(Self { store, functions }),
            Err(error) => Err(Fault::of_instantiation(&error, store.data())),
        }
    }

    /// The functions that the host calls.
    pub fn functions(&self) -> &C::Functions {
        &self.functions
    }

    /// What the host keeps for the instance.
    pub fn state(&mut self) -> &mut State {
        self.store.data_mut()
    }

    /// Calls a function. After an error, or when the call is dropped before its end, the instance must be dropped.
    pub async fn call<Params, Answer>(
        &mut self,
        function: TypedFunc<Params, Answer>,
        params: Params,
    ) -> Result<Answer, Fault>
    where
        Params: ComponentNamedList + Lower + Send + Sync,
        Answer: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        self.store.data_mut().begin_call();
        self.store.set_epoch_deadline(1);
        let answer = function.call_async(&mut self.store, params).await;
        let state = self.store.data();
        let answer = answer.map_err(|error| Fault::of_call(&error, state))?;
        // What was called since the last tick of the epoch is known only now.
        state.calls.check().map_err(Fault::spent)?;
        Ok(answer)
    }
}

impl<C: Contract> fmt::Debug for Instance<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("state", self.store.data()).finish_non_exhaustive()
    }
}
