//! What the host keeps for one instance: all that a guest can reach.

use std::{collections::BTreeMap, fmt, sync::Arc};

use bytestring::ByteString;
use tidemill_engine::{
    batch::{AttributesByPlace, Documents},
    limits,
    sequence::SequenceNumber,
};
use tracing::Level;
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};

use crate::{
    bindings::imports::tidemill::streams::{configuration, logging, metrics, positions, types},
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
    /// What is known of the batch at hand; nothing outside of a handler's call.
    pub places: Places,
    config: Arc<BTreeMap<String, String>>,
    wasi: WasiCtx,
    resources: ResourceTable,
}

/// What a handler may ask about the user records of its batch.
#[derive(Default)]
pub struct Places {
    sequences: Arc<[SequenceNumber]>,
    attributes: Arc<AttributesByPlace>,
}

impl Places {
    /// What these documents know.
    pub fn of(documents: &Documents) -> Self {
        let (sequences, attributes) = (documents.sequences(), documents.all_attributes());
        Self { sequences: Arc::clone(sequences), attributes: Arc::clone(attributes) }
    }
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
            places: Places::default(),
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

impl metrics::Host for State {
    fn counter(&mut self, _name: String, _labels: Vec<metrics::Label>, _more: u64) {}

    fn gauge(&mut self, _name: String, _labels: Vec<metrics::Label>, _value: f64) {}

    fn histogram(&mut self, _name: String, _labels: Vec<metrics::Label>, _value: f64) {}
}

impl positions::Host for State {
    fn sequence_number(&mut self, raw_index: u32) -> Option<String> {
        self.places.sequences.get(raw_index as usize).map(|sequence| sequence.as_str().to_owned())
    }

    fn explicit_hash_key(&mut self, raw_index: u32, sub_index: u32) -> Option<String> {
        let attributes = self.places.attributes.get(&(raw_index, sub_index))?;
        attributes.explicit_hash_key.map(|hash_key| hash_key.0.to_string())
    }

    fn tags(&mut self, raw_index: u32, sub_index: u32) -> Vec<types::Tag> {
        let attributes = self.places.attributes.get(&(raw_index, sub_index));
        let text = |text: &ByteString| text.to_string();
        let tags = attributes.iter().flat_map(|attributes| &attributes.tags);
        tags.map(|(key, value)| types::Tag { key: text(key), value: value.as_ref().map(text) }).collect()
    }
}

impl types::Host for State {}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("memory", &self.memory).finish_non_exhaustive()
    }
}
