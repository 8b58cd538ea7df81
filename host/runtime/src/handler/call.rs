//! One call of a handler, in either form of its contract.

use tidemill_engine::{
    batch::{Batch, Documents},
    handler::Outcome,
};
use wasmtime::{
    Store,
    component::{self, TypedFunc},
};

use super::{
    lane::Lane,
    life::{LifeContract, LifeFunctions},
};
use crate::{
    bindings::{
        BatchError, BatchInfo, HANDLE, ListAnswer, ListParams, PackedAnswer, PackedBatch, PackedParams,
        UserRecord,
    },
    contract::{Contract, ExportedFunction, Exports, Interface},
    error::ComponentError,
    fault::Fault,
    instance::Instance,
    outcome,
    settings::HandlerSettings,
    state::{Places, State},
};

/// Where a component's functions are.
#[derive(Clone, Debug)]
pub struct HandlerContract {
    handle: ExportedHandle,
    life: Option<LifeContract>,
}

/// Where a component's `handle` is.
#[derive(Clone, Debug)]
enum ExportedHandle {
    /// Batches are passed packed.
    Packed(ExportedFunction<PackedParams<'static>, PackedAnswer>),
    /// Batches are passed as lists.
    List(ExportedFunction<ListParams<'static>, ListAnswer>),
}

/// The functions of an instance.
#[derive(Clone, Copy)]
pub struct HandlerFunctions {
    /// Handles a batch.
    pub handle: Handle,
    /// Those that tell it of its life, where it wants to know.
    pub life: Option<LifeFunctions>,
}

/// An instance's `handle`.
#[derive(Clone, Copy)]
pub enum Handle {
    /// Batches are passed packed.
    Packed(TypedFunc<PackedParams<'static>, PackedAnswer>),
    /// Batches are passed as lists.
    List(TypedFunc<ListParams<'static>, ListAnswer>),
}

impl Contract for HandlerContract {
    type Functions = HandlerFunctions;
    type Place = Lane;

    fn find(interfaces: &[Interface], exports: &Exports<'_>) -> Result<Self, ComponentError> {
        let handle = if interfaces.contains(&Interface::PackedRecordHandler) {
            ExportedHandle::Packed(exports.function(Interface::PackedRecordHandler, HANDLE)?)
        } else {
            ExportedHandle::List(exports.function(Interface::RecordHandler, HANDLE)?)
        };
        let wants_life = interfaces.contains(&Interface::LifeCycle);
        let life = wants_life.then(|| LifeContract::find(exports)).transpose()?;
        Ok(Self { handle, life })
    }

    fn link(
        &self,
        store: &mut Store<State>,
        instance: &component::Instance,
    ) -> wasmtime::Result<HandlerFunctions> {
        let handle = match &self.handle {
            ExportedHandle::Packed(handle) => Handle::Packed(handle.of(store, instance)?),
            ExportedHandle::List(handle) => Handle::List(handle.of(store, instance)?),
        };
        let life = self.life.as_ref().map(|life| life.link(store, instance)).transpose()?;
        Ok(HandlerFunctions { handle, life })
    }
}

impl Instance<HandlerContract> {
    /// Handles a batch. After an error the instance must be dropped, except where [`Fault::is_spoken`] says that the
    /// guest itself reported it.
    ///
    /// When it is dropped before its end, the instance must be dropped too.
    pub async fn handle(
        &mut self,
        generation: u64,
        batch: &Batch,
        settings: &HandlerSettings,
    ) -> Result<Outcome, Fault> {
        self.state().places = Places::of(batch.documents());
        let outcome = self.answered(info_of(batch, generation), batch.documents(), settings).await;
        self.state().places = Places::default();
        outcome
    }

    async fn answered(
        &mut self,
        info: BatchInfo<'_>,
        documents: &Documents,
        settings: &HandlerSettings,
    ) -> Result<Outcome, Fault> {
        match self.functions().handle {
            Handle::Packed(handle) => {
                let gathered = documents.gathered();
                let index = bytemuck::cast_slice(gathered.index());
                let packed = PackedBatch { index, bytes: gathered.bytes() };
                let (answer,) = self.call(handle, (info, packed)).await?;
                outcome::of_packed(said(answer)?, documents.len(), settings)
            }
            Handle::List(handle) => {
                let records = list_of(documents);
                let (answer,) = self.call(handle, (info, &records)).await?;
                outcome::of_list(said(answer)?, records.len(), settings)
            }
        }
    }
}

fn said<T>(answer: Result<T, BatchError>) -> Result<T, Fault> {
    answer.map_err(|BatchError { retryable, reason }| Fault::said(retryable, &reason))
}

fn info_of(batch: &Batch, generation: u64) -> BatchInfo<'_> {
    let documents = batch.documents();
    let sequence = |at| if documents.is_empty() { "" } else { documents.sequence(at).as_str() };
    BatchInfo {
        stream_name: &batch.info.stream,
        shard_id: batch.info.shard.as_str(),
        first_sequence_number: sequence(0),
        last_sequence_number: sequence(documents.len().saturating_sub(1)),
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
