//! What an operator decides about one component.

use std::{collections::BTreeMap, time::Duration};

use tidemill_engine::limits;

/// Settings of one component that handles records.
#[derive(Clone, Debug)]
pub struct HandlerSettings {
    /// The name that logs and errors call it by.
    pub name: String,
    /// What the component reads through the interface `configuration`.
    pub config: BTreeMap<String, String>,
    /// Memory of one instance at the most, in bytes. There is an instance for each shard.
    pub memory_bytes: usize,
    /// How long one call may take, and the making of an instance with it.
    pub deadline: Duration,
    /// Bytes that may be emitted for one batch: data, keys and names of sinks together.
    pub emitted_bytes: usize,
    /// Documents that may be emitted for one batch.
    pub emitted_documents: usize,
}

impl HandlerSettings {
    /// The defaults, for a component of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            config: BTreeMap::new(),
            memory_bytes: limits::INSTANCE_BYTES,
            deadline: limits::HANDLER_DEADLINE,
            emitted_bytes: limits::EMITTED_BYTES,
            emitted_documents: limits::EMITTED_DOCUMENTS,
        }
    }

    /// Bytes that the host may set aside for what a guest passes in one call. An index entry or a list's element
    /// costs more here than the few bytes that it stands for.
    pub(crate) fn hostcall_bytes(&self) -> usize {
        const PER_DOCUMENT: usize = 256;
        self.emitted_bytes.saturating_add(self.emitted_documents.saturating_mul(PER_DOCUMENT))
    }
}
