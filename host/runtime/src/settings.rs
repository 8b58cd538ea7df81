//! What an operator decides about one component.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tidemill_engine::limits;

use crate::slot::Grants;

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

    /// An index entry or a list's element costs more on the host than the few bytes that it stands for.
    pub(crate) fn grants(&self) -> Grants {
        const PER_DOCUMENT: usize = 256;
        let Self { emitted_bytes, emitted_documents, .. } = *self;
        Grants {
            name: self.name.as_str().into(),
            config: Arc::new(self.config.clone()),
            memory_bytes: self.memory_bytes,
            hostcall_bytes: emitted_bytes.saturating_add(emitted_documents.saturating_mul(PER_DOCUMENT)),
            deadline: self.deadline,
        }
    }
}

/// Settings of one component that is a processor, or a half of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessorSettings {
    /// The name that logs and errors call it by.
    pub name: String,
    /// What the component reads through the interface `configuration`.
    pub config: BTreeMap<String, String>,
    /// Memory of one instance at the most, in bytes. There are as many instances as shards and sinks call at once.
    pub memory_bytes: usize,
    /// How long one call may take, and the making of an instance with it.
    pub deadline: Duration,
}

impl ProcessorSettings {
    /// The defaults, for a component of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            config: BTreeMap::new(),
            memory_bytes: limits::INSTANCE_BYTES,
            deadline: limits::PROCESSOR_DEADLINE,
        }
    }

    /// An honest answer lies in the instance's memory, so it is no larger.
    pub(crate) fn grants(&self) -> Grants {
        Grants {
            name: self.name.as_str().into(),
            config: Arc::new(self.config.clone()),
            memory_bytes: self.memory_bytes,
            hostcall_bytes: self.memory_bytes,
            deadline: self.deadline,
        }
    }
}
