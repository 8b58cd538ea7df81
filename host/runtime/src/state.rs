//! What the host keeps for one instance: all that a guest can reach.

use std::{collections::BTreeMap, fmt, sync::Arc};

use tidemill_engine::{limits, sequence::SequenceNumber};
use tracing::Level;
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};

use crate::{
    bindings::imports::tidemill::streams::{configuration, logging, positions},
    guest_log::{GuestLog, Output},
    memory::MemoryLimit,
    stdio::GuestOutput,
};

/// The host's side of one instance.
pub struct State {
    /// How much memory the instance may have.
    pub memory: MemoryLimit,
    /// Where the guest's words go.
    pub log: GuestLog,
    /// Sequence numbers of the batch at hand; empty outside of a call.
    pub sequences: Arc<[SequenceNumber]>,
    config: Arc<BTreeMap<String, String>>,
    wasi: WasiCtx,
    resources: ResourceTable,
}

impl State {
    /// The state of a new instance.
    pub fn new(memory_bytes: usize, log: GuestLog, config: Arc<BTreeMap<String, String>>) -> Self {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(limits::INSTANCE_RESOURCES);
        Self {
            memory: MemoryLimit::new(memory_bytes),
            wasi: next_to_nothing(&log),
            log,
            sequences: Arc::default(),
            config,
            resources,
        }
    }
}

/// Clocks, random numbers, and a way into the log: no files, no network, no environment, no arguments.
fn next_to_nothing(log: &GuestLog) -> WasiCtx {
    const RANDOM_BYTES: u64 = 64 << 10;
    WasiCtx::builder()
        .stdout(GuestOutput::new(log.clone(), Output::Stdout))
        .stderr(GuestOutput::new(log.clone(), Output::Stderr))
        .max_random_size(RANDOM_BYTES)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build()
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.resources }
    }
}

impl logging::Host for State {
    fn log(&mut self, level: logging::Level, message: String) {
        let level = match level {
            logging::Level::Trace => Level::TRACE,
            logging::Level::Debug => Level::DEBUG,
            logging::Level::Info => Level::INFO,
            logging::Level::Warn => Level::WARN,
            logging::Level::Error => Level::ERROR,
        };
        self.log.line(level, &message);
    }
}

impl configuration::Host for State {
    fn get(&mut self, key: String) -> Option<String> {
        self.config.get(&key).cloned()
    }

    fn get_all(&mut self) -> Vec<(String, String)> {
        self.config.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

impl positions::Host for State {
    fn sequence_number(&mut self, raw_index: u32) -> Option<String> {
        self.sequences.get(raw_index as usize).map(|sequence| sequence.as_str().to_owned())
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("memory", &self.memory).finish_non_exhaustive()
    }
}
