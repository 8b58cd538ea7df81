//! What an operator decides about one component.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use tidemill_engine::{deploy::Part, limits};

use crate::{allow::Allow, grants::Grants};

/// Settings of one component that handles records.
#[derive(Clone, Debug, PartialEq)]
pub struct HandlerSettings {
    /// The name that logs and errors call it by.
    pub name: String,
    /// Where in an application it runs, which logs and metrics tell.
    pub part: Option<Part>,
    /// What it may use and reach.
    pub sandbox: Sandbox,
    /// Bytes that may be emitted for one batch: data, keys and names of sinks together.
    pub emitted_bytes: usize,
    /// Documents that may be emitted for one batch.
    pub emitted_documents: usize,
    /// Whether checkpoints are left to it, so that its instances may keep records that were not done yet.
    pub makes_checkpoints: bool,
    /// How another component takes its place.
    pub rollout: RolloutSettings,
}

/// Settings of one component that is a processor, or a half of one.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessorSettings {
    /// The name that logs and errors call it by.
    pub name: String,
    /// Where in an application it runs, which logs and metrics tell.
    pub part: Option<Part>,
    /// What it may use and reach.
    pub sandbox: Sandbox,
    /// How another component takes its place.
    pub rollout: RolloutSettings,
}

/// What a component may use and reach, whatever it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// What the component reads through the interface `configuration`.
    pub config: BTreeMap<String, String>,
    /// Memory of one instance at the most, in bytes: all its linear memories together.
    pub memory_bytes: usize,
    /// How long one call may take, and the making of an instance with it.
    pub deadline: Duration,
    /// Calls of the host that a guest may make in one call of its own.
    pub host_calls: u64,
    /// Instances at once, at least one. A handler has one for each lane of a shard as far as there are so many, a
    /// processor one for each call that is under way.
    pub instances: usize,
    /// Elements that the tables of one instance may have, all together.
    pub table_elements: usize,
    /// Lines a second that one instance may write to the log.
    pub log_lines: u32,
    /// Series of metrics that all instances may have together.
    pub series: usize,
    /// What it may reach of the world around it.
    pub allow: Allow,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            config: BTreeMap::new(),
            memory_bytes: limits::INSTANCE_BYTES,
            deadline: limits::HANDLER_DEADLINE,
            host_calls: limits::HOST_CALLS,
            instances: limits::INSTANCES as usize,
            table_elements: limits::INSTANCE_TABLE_ELEMENTS,
            log_lines: limits::GUEST_LOG_LINES,
            series: limits::GUEST_SERIES,
            allow: Allow::default(),
        }
    }
}

impl HandlerSettings {
    /// The defaults, for a component of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self::within(name, Sandbox::default())
    }

    /// The defaults, for a component of this name in this sandbox.
    pub fn within(name: impl Into<String>, sandbox: Sandbox) -> Self {
        Self {
            name: name.into(),
            part: None,
            sandbox,
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
        let hostcall_bytes = emitted_bytes.saturating_add(emitted_documents.saturating_mul(PER_DOCUMENT));
        Grants::new(&self.name, self.part.as_ref(), &self.sandbox, hostcall_bytes)
    }
}

impl ProcessorSettings {
    /// The defaults, for a component of this name.
    pub fn new(name: impl Into<String>) -> Self {
        let sandbox = Sandbox { deadline: limits::PROCESSOR_DEADLINE, ..Sandbox::default() };
        Self { name: name.into(), part: None, sandbox, rollout: RolloutSettings::default() }
    }

    /// An honest answer lies in the instance's memory, so it is no larger.
    pub(crate) fn grants(&self) -> Grants {
        Grants::new(&self.name, self.part.as_ref(), &self.sandbox, self.sandbox.memory_bytes)
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
