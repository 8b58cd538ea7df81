//! Why a component cannot be used.

use std::{fmt, io, path::PathBuf};

use thiserror::Error;

use crate::contract::Role;

/// A component cannot be used. Each message says what to do; none of these goes away by trying again.
#[derive(Debug, Error)]
pub enum ComponentError {
    /// The engine itself did not start.
    #[error("cannot set up the WebAssembly engine: {0}")]
    Engine(String),
    /// The file cannot be read.
    #[error("cannot read the component: {source}: check the path, path={}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("not WebAssembly: give the .wasm file of a component, path={}", .0.display())]
    NotWasm(PathBuf),
    /// The file holds a core module in place of a component.
    #[error(
        "a core module and not a component: build it for a target that makes components (in Rust: --target \
         wasm32-wasip2), or wrap it with `wasm-tools component new`, path={}",
        .0.display()
    )]
    CoreModule(PathBuf),
    /// The file holds a component that the engine does not take: broken, or with a feature that is not offered.
    #[error("cannot compile the component: {reason}, path={}", path.display())]
    Compile {
        /// The file.
        path: PathBuf,
        /// What the compiler said.
        reason: String,
    },
    /// The component was built as an asynchronous one.
    #[error("the component is built for asynchronous calls: build it for synchronous ones (componentize-qjs: --sync), path={}", .0.display())]
    Async(PathBuf),
    /// The component is of another world.
    #[error("not a {role}: {advice}, exports={exports}, path={}", path.display())]
    World {
        /// The file.
        path: PathBuf,
        /// What it is wanted for.
        role: Role,
        /// What to do with it.
        advice: String,
        /// What the component exports.
        exports: Names,
    },
    /// An interface has the right name and another shape.
    #[error(
        "the component was built against another version of wit/: {reason}: build it again with the files of this \
         host, interface={interface}, path={}",
        path.display()
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// The interface.
        interface: &'static str,
        /// What differs.
        reason: String,
    },
    /// The component imports what the host does not offer.
    #[error(
        "the component needs what the host does not offer: {reason}: components may import logging, configuration, \
         metrics and positions of tidemill:streams@0.1.0, WASI 0.2 and wasi:http; remove the import, import={imports}, path={}",
        path.display()
    )]
    Import {
        /// The file.
        path: PathBuf,
        /// The import that nothing offers.
        imports: Names,
        /// What the linker said.
        reason: String,
    },
    /// A first instance could not be made, or did not answer.
    #[error("the component cannot be instantiated: {kind}: {message}, path={}", path.display())]
    Instantiate {
        /// The file.
        path: PathBuf,
        /// How it failed.
        kind: tidemill_engine::handler::HandlerErrorKind,
        /// Details.
        message: String,
    },
}

/// Names of imports or exports, in the order of the component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(pub Vec<String>);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        f.write_str(&self.0.join(" "))
    }
}

impl ComponentError {
    pub(crate) fn engine(reason: impl fmt::Display) -> Self {
        Self::Engine(format!("{reason:#}"))
    }
}
