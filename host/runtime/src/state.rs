//! What the host keeps for one instance: all that a guest can reach.

use std::{fmt, sync::Arc};

use tidemill_engine::{
    batch::{AttributesByPlace, Documents},
    limits,
    sequence::SequenceNumber,
};
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::{
    budget::CallBudget, grants::Grants, guest_log::GuestLog, memory::MemoryLimit, outbound::Outbound, reach,
};

/// The host's side of one instance.
pub struct State {
    /// How much memory the instance may have.
    pub memory: MemoryLimit,
    /// How often it may call the host.
    pub calls: CallBudget,
    /// Where the guest's words go.
    pub log: GuestLog,
    /// What is known of the batch at hand; nothing outside of a handler's call.
    pub places: Places,
    /// What all instances of the component share.
    pub grants: Grants,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
    resources: ResourceTable,
}

/// What a handler may ask about the user records of its batch.
#[derive(Default)]
pub struct Places {
    /// By the index of their Kinesis record.
    pub sequences: Arc<[SequenceNumber]>,
    /// What a few of them were put with.
    pub attributes: Arc<AttributesByPlace>,
}

impl Places {
    /// What these documents know.
    pub fn of(documents: &Documents) -> Self {
        let (sequences, attributes) = (documents.sequences(), documents.all_attributes());
        Self { sequences: Arc::clone(sequences), attributes: Arc::clone(attributes) }
    }
}

impl State {
    /// The state of a new instance. Fails where a folder cannot be opened that it is granted.
    pub fn new(grants: &Grants, log: GuestLog) -> wasmtime::Result<Self> {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(limits::INSTANCE_RESOURCES);
        let sandbox = &grants.sandbox;
        Ok(Self {
            memory: MemoryLimit::new(sandbox.memory_bytes, sandbox.table_elements),
            calls: CallBudget::new(sandbox.host_calls),
            wasi: reach::wasi(grants, &log)?,
            http: WasiHttpCtx::new(),
            outbound: Outbound::new(grants, log.clone()),
            log,
            places: Places::default(),
            grants: grants.clone(),
            resources,
        })
    }

    /// Begins to count anew, at the start of a call.
    pub fn begin_call(&mut self) {
        self.memory.begin_call();
        self.calls.begin_call();
        self.log.begin_call();
    }
}

/// Every function of WASI comes by here, so this is where they are counted.
impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.calls.note();
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.resources }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.calls.note();
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.resources, hooks: &mut self.outbound }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("memory", &self.memory)
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}
