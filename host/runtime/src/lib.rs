//! Hosts WebAssembly components for tidemill.
//!
//! An [`Engine`] is made once a process. [`inspect`] checks a component file against the worlds in `wit/` without
//! running it, and [`ComponentHandler::load`] makes one look like any other [`tidemill_engine::handler::Handler`]:
//! an instance for each shard, held to its memory and its deadline, and renewed after it failed.
#![warn(missing_docs)]

mod bindings;
mod component;
mod engine;
mod error;
mod fault;
mod guest_log;
mod handler;
mod instance;
mod memory;
mod outcome;
mod settings;
mod state;
mod stdio;
mod ticker;

#[cfg(test)]
mod tests;

pub use component::{Inspection, Interface, inspect};
pub use engine::Engine;
pub use error::ComponentError;
pub use handler::ComponentHandler;
pub use settings::HandlerSettings;
