//! What an operator decides about one component.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
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
    /// Whether checkpoints are left to it, so that its instances may keep records that were not done yet.
    pub makes_checkpoints: bool,
    /// How another component takes its place.
    pub rollout: RolloutSettings,
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
            makes_checkpoints: false,
            rollout: RolloutSettings::default(),
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
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessorSettings {
    /// The name that logs and errors call it by.
    pub name: String,
    /// What the component reads through the interface `configuration`.
    pub config: BTreeMap<String, String>,
    /// Memory of one instance at the most, in bytes. There are as many instances as shards and sinks call at once.
    pub memory_bytes: usize,
    /// How long one call may take, and the making of an instance with it.
    pub deadline: Duration,
    /// How another component takes its place.
    pub rollout: RolloutSettings,
}

impl ProcessorSettings {
    /// The defaults, for a component of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            config: BTreeMap::new(),
            memory_bytes: limits::INSTANCE_BYTES,
            deadline: limits::PROCESSOR_DEADLINE,
            rollout: RolloutSettings::default(),
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

/// How a component takes the place of another while it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutSettings {
    /// How long a new component has to prove itself: for so long the one before it is kept, and gets again what fails on
    /// the new one. Zero lets it go at once.
    pub probation: Duration,
    /// Batches in a hundred that may fail on the new one beyond those that failed before.
    pub max_error_percent: f64,
    /// How many times as long as before a record may take.
    pub max_slowdown: f64,
    /// Batches that are enough to judge by.
    pub min_batches: u64,
    /// Documents that a new handler is tried out on before any stream's; without any, records of a batch that the running
    /// one handled.
    pub samples: Vec<Bytes>,
}

impl Default for RolloutSettings {
    fn default() -> Self {
        Self {
            probation: limits::PROBATION,
            max_error_percent: limits::MAX_ERROR_PERCENT,
            max_slowdown: limits::MAX_SLOWDOWN,
            min_batches: limits::MIN_BATCHES,
            samples: Vec::new(),
        }
    }
}
