//! `processor`: a preset, an aggregator and a serializer, or components, wherever a stream is read or written.

use std::{fmt, path::PathBuf};

use serde::Deserialize;
use tidemill_engine::{limits, processor::HashRangePolicy};
use tidemill_processors::{Aggregator, Codec, Serializer};
use tidemill_runtime::Sandbox;

use super::sandbox::{SandboxConfig, SandboxKeys};

mod read;

/// What takes records apart or packs documents into them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessorConfig {
    /// The aggregator and the serializer.
    pub kind: ProcessorKind,
    /// What becomes of user records that belong to other shards. Only where records are read.
    pub hash_range: Option<HashRangeConfig>,
}

/// The ways to name an aggregator and a serializer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessorKind {
    /// Both are the host's own.
    Native(Codec),
    /// One component is both.
    Whole(ComponentConfig),
    /// At least one of them is a component.
    Halves(HalfConfig<Aggregator>, HalfConfig<Serializer>),
}

/// One half of a processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HalfConfig<N> {
    /// One of the host's own.
    Native(N),
    /// A component.
    Component(ComponentConfig),
}

/// A component that is a processor, or a half of one, and what it may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentConfig {
    /// The component's file.
    pub component: PathBuf,
    /// What it may use and reach.
    pub sandbox: Box<SandboxConfig>,
}

/// What becomes of user records that belong to other shards than the one they were read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HashRangeConfig {
    /// They are counted and handled.
    Lenient,
    /// Their whole record is counted and passed over, as the KCL does.
    StrictKcl,
}

impl ProcessorConfig {
    /// The components in it.
    pub fn components(&mut self) -> impl Iterator<Item = &mut ComponentConfig> {
        let [first, second] = match &mut self.kind {
            ProcessorKind::Native(_) => [None, None],
            ProcessorKind::Whole(component) => [Some(component), None],
            ProcessorKind::Halves(aggregator, serializer) => [aggregator.component(), serializer.component()],
        };
        first.into_iter().chain(second)
    }

    /// Memory of the instances that its components need for so many callers at once, in bytes.
    pub fn memory(&self, callers: usize) -> usize {
        self.clone().components().map(|component| component.sandbox.memory(callers)).sum()
    }

    /// What becomes of user records that belong to other shards.
    pub fn hash_range_policy(&self) -> HashRangePolicy {
        match self.hash_range {
            Some(HashRangeConfig::StrictKcl) => HashRangePolicy::StrictKcl,
            Some(HashRangeConfig::Lenient) | None => HashRangePolicy::Lenient,
        }
    }
}

impl<N> HalfConfig<N> {
    fn component(&mut self) -> Option<&mut ComponentConfig> {
        match self {
            Self::Native(_) => None,
            Self::Component(component) => Some(component),
        }
    }
}

impl ComponentConfig {
    /// A component with nothing set.
    pub fn new(component: impl Into<PathBuf>) -> Self {
        Self::within(component, SandboxKeys::default())
    }

    /// A component in a sandbox.
    fn within(component: impl Into<PathBuf>, keys: SandboxKeys) -> Self {
        let default = Sandbox { deadline: limits::PROCESSOR_DEADLINE, ..Sandbox::default() };
        Self { component: component.into(), sandbox: Box::new(keys.over(&default)) }
    }

    /// The paths that it names.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.sandbox.paths().chain([&mut self.component])
    }
}

impl Default for ProcessorConfig {
    fn default() -> Self {
        "json-line".parse().expect("it is a preset")
    }
}

impl From<ProcessorKind> for ProcessorConfig {
    fn from(kind: ProcessorKind) -> Self {
        Self { kind, hash_range: None }
    }
}

impl fmt::Display for ProcessorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ProcessorKind::Native(codec) => write!(f, "{codec}"),
            ProcessorKind::Whole(component) => write!(f, "{component}"),
            ProcessorKind::Halves(aggregator, serializer) => write!(f, "{aggregator}+{serializer}"),
        }
    }
}

impl<N: fmt::Display> fmt::Display for HalfConfig<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native(half) => write!(f, "{half}"),
            Self::Component(component) => write!(f, "{component}"),
        }
    }
}

impl fmt::Display for ComponentConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.component.display())
    }
}
