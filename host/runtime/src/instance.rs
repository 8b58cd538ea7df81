//! One instance of a component: it handles the batches of one shard, one after the other.

use std::{collections::BTreeMap, fmt, sync::Arc};

use tidemill_engine::{
    batch::{Batch, Documents},
    handler::Outcome,
    record::ShardId,
};
use wasmtime::{Store, component::TypedFunc};

use crate::{
    bindings::{
        BatchError, BatchInfo, ListAnswer, ListParams, PackedAnswer, PackedBatch, PackedParams, UserRecord,
    },
    component::{Compiled, Interface},
    fault::Fault,
    guest_log::GuestLog,
    outcome,
    settings::HandlerSettings,
    state::State,
};

/// An instance, and the store that is all of its world.
pub struct Instance {
    store: Store<State>,
    handle: Handle,
}

/// The instance's `handle`, in either form.
#[derive(Clone, Copy)]
enum Handle {
    Packed(TypedFunc<PackedParams<'static>, PackedAnswer>),
    List(TypedFunc<ListParams<'static>, ListAnswer>),
}

/// What one deployment of a component is to its instances.
#[derive(Debug)]
pub struct Generation {
    /// Counts deployments, from 1.
    pub id: u64,
    /// The component's name and the start of its digest, as errors call it.
    pub label: Arc<str>,
    /// The component.
    pub compiled: Compiled,
    /// What the component may read as its configuration.
    pub config: Arc<BTreeMap<String, String>>,
}

impl Instance {
    /// Makes an instance for a shard.
    ///
    /// It may be dropped at any await: nothing of the instance is left.
    pub async fn new(
        generation: &Generation,
        shard: &ShardId,
        settings: &HandlerSettings,
    ) -> Result<Self, Fault> {
        let log = GuestLog::new(settings.name.as_str().into(), generation.id, shard.clone());
        let state = State::new(settings.memory_bytes, log, Arc::clone(&generation.config));
        let compiled = &generation.compiled;
        let mut store = Store::new(compiled.pre.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(settings.hostcall_bytes());
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        match Self::link(&mut store, compiled).await {
            Ok(handle) => Ok(Self { store, handle }),
            Err(error) => Err(Fault::of_instantiation(&error, store.data())),
        }
    }

    /// Handles a batch. After an error the instance must be dropped, except where [`Fault::is_spoken`] says that the
    /// guest itself reported it.
    ///
    /// When it is dropped before its end, the instance must be dropped too.
    pub async fn call(
        &mut self,
        generation: u64,
        batch: &Batch,
        settings: &HandlerSettings,
    ) -> Result<Outcome, Fault> {
        let state = self.store.data_mut();
        state.memory.begin_call();
        state.log.begin_call();
        state.sequences = Arc::clone(batch.documents().sequences());
        self.store.set_epoch_deadline(1);
        let outcome = match self.handle {
            Handle::Packed(handle) => self.call_packed(handle, generation, batch, settings).await,
            Handle::List(handle) => self.call_list(handle, generation, batch, settings).await,
        };
        self.store.data_mut().sequences = Arc::default();
        outcome
    }

    async fn link(store: &mut Store<State>, compiled: &Compiled) -> wasmtime::Result<Handle> {
        let instance = compiled.pre.instantiate_async(&mut *store).await?;
        Ok(match compiled.inspection.interface {
            Interface::Packed => Handle::Packed(instance.get_typed_func(&mut *store, compiled.handle)?),
            Interface::List => Handle::List(instance.get_typed_func(&mut *store, compiled.handle)?),
        })
    }

    async fn call_packed(
        &mut self,
        handle: TypedFunc<PackedParams<'static>, PackedAnswer>,
        generation: u64,
        batch: &Batch,
        settings: &HandlerSettings,
    ) -> Result<Outcome, Fault> {
        let documents = batch.documents();
        let packed = PackedBatch { index: bytemuck::cast_slice(documents.index()), bytes: documents.bytes() };
        let answer = handle.call_async(&mut self.store, (info_of(batch, generation), packed)).await;
        outcome::of_packed(self.answered(answer)?, documents.len(), settings)
    }

    async fn call_list(
        &mut self,
        handle: TypedFunc<ListParams<'static>, ListAnswer>,
        generation: u64,
        batch: &Batch,
        settings: &HandlerSettings,
    ) -> Result<Outcome, Fault> {
        let records = list_of(batch.documents());
        let answer = handle.call_async(&mut self.store, (info_of(batch, generation), &records)).await;
        outcome::of_list(self.answered(answer)?, records.len(), settings)
    }

    fn answered<T>(&self, answer: wasmtime::Result<(Result<T, BatchError>,)>) -> Result<T, Fault> {
        match answer {
            Ok((Ok(outcome),)) => Ok(outcome),
            Ok((Err(BatchError { retryable, reason }),)) => Err(Fault::said(retryable, reason)),
            Err(error) => Err(Fault::of_call(&error, self.store.data())),
        }
    }
}

fn info_of(batch: &Batch, generation: u64) -> BatchInfo<'_> {
    let documents = batch.documents();
    BatchInfo {
        stream_name: &batch.info.stream,
        shard_id: batch.info.shard.as_str(),
        first_sequence_number: documents.sequence(0).as_str(),
        last_sequence_number: documents.sequence(documents.len() - 1).as_str(),
        millis_behind_latest: batch.info.millis_behind_latest,
        attempt: batch.info.attempt,
        generation,
    }
}

fn list_of(documents: &Documents) -> Vec<UserRecord<'_>> {
    let record = |position: usize| UserRecord {
        data: documents.data(position),
        partition_key: documents.partition_key(position),
        raw_index: documents.index()[position].raw_index,
        sub_index: documents.index()[position].sub_index,
        arrival_millis: documents.arrival(position).0,
    };
    (0..documents.len()).map(record).collect()
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("state", self.store.data()).finish_non_exhaustive()
    }
}
