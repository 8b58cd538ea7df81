//! Hosts WebAssembly components for tidemill.
//!
//! An [`Engine`] is made once a process. [`inspect`] checks a component file against the worlds in `wit/` without
//! running it. [`ComponentHandler::load`] makes one look like any other [`tidemill_engine::handler::Handler`]: an
//! instance for each lane of a shard, held to its memory and its deadline, and renewed after it failed. [`ComponentProcessor::load`]
//! does the same for a [`tidemill_engine::processor::Processor`], with an instance for each call that is under way.
#![warn(missing_docs)]

mod allow;
mod artifact;
mod bindings;
mod budget;
mod cache;
mod capability;
mod component;
mod contract;
mod engine;
mod error;
mod fault;
mod grants;
mod guest_log;
mod handler;
mod imports;
mod instance;
mod memory;
mod outbound;
mod outcome;
mod processor;
mod reach;
mod refusals;
mod seats;
mod series;
mod settings;
mod slot;
mod state;
mod stdio;
mod survey;
mod ticker;
mod words;
mod yielding;

#[cfg(test)]
mod tests;

pub use allow::{Address, Allow, Folder, InvalidAddress};
pub use artifact::artifact;
pub use capability::{Capability, UnknownCapability, newly_asked};
pub use component::{Inspection, inspect};
pub use contract::{Interface, Role};
pub use engine::{Engine, EngineSettings};
pub use error::ComponentError;
pub use handler::ComponentHandler;
pub use processor::{ComponentProcessor, Half};
pub use settings::{HandlerSettings, ProcessorSettings, RolloutSettings, Sandbox};
pub use survey::{Kind, Survey, survey};
