//! What a file is, whether or not the host would run it.

use std::{collections::BTreeSet, fmt, path::Path};

use sha2::{Digest as _, Sha256};
use tidemill_engine::deploy::Digest;
use wasmparser::{Parser, Payload};

use crate::{
    Interface, Role,
    capability::Capability,
    component::inspect,
    engine::Engine,
    error::{ComponentError, Names},
    words,
};

/// What a file is, found out without running it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// What it holds.
    pub kind: Kind,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Size of the file in bytes.
    pub bytes: usize,
    /// What a component imports, in its order.
    pub imports: Vec<String>,
    /// What a component exports, in its order.
    pub exports: Vec<String>,
    /// What a component asks of the world around it.
    pub capabilities: BTreeSet<Capability>,
    /// Worlds of `tidemill:streams` in which the host would run it; one that another of these includes is left out.
    pub worlds: Vec<&'static str>,
    /// Imports that the host does not offer, as far as they are known.
    pub missing: Vec<String>,
    /// Why the host would refuse it, for people; none where it would not.
    pub refusal: Option<String>,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A component, which is what the host runs.
    Component,
    /// A core module, which has to be wrapped to be one.
    CoreModule,
    /// Something else.
    Other,
}

/// A world of `wit/worlds.wit`: its name, what it is for, and what it exports.
struct World {
    name: &'static str,
    role: Role,
    exports: &'static [&'static str],
}

/// The worlds that components are built for, those that include others first.
const WORLDS: [World; 8] = [
    World {
        name: "packed-handler-with-life-cycle",
        role: Role::Handler,
        exports: &[Interface::PackedRecordHandler.name(), Interface::LifeCycle.name()],
    },
    World { name: "packed-handler", role: Role::Handler, exports: &[Interface::PackedRecordHandler.name()] },
    World {
        name: "handler-with-life-cycle",
        role: Role::Handler,
        exports: &[Interface::RecordHandler.name(), Interface::LifeCycle.name()],
    },
    World { name: "handler", role: Role::Handler, exports: &[Interface::RecordHandler.name()] },
    World {
        name: "packed-processor-only",
        role: Role::Processor,
        exports: &[Interface::PackedProcessor.name()],
    },
    World {
        name: "processor",
        role: Role::Processor,
        exports: &[Interface::Serializer.name(), Interface::Aggregator.name()],
    },
    World { name: "serializer-only", role: Role::Serializer, exports: &[Interface::Serializer.name()] },
    World { name: "aggregator-only", role: Role::Aggregator, exports: &[Interface::Aggregator.name()] },
];

/// Looks at a file as loading it for each world that it exports would, and runs nothing of it.
///
/// It fails only where the file cannot be read: what the host would refuse is described too, and why it would be. It
/// blocks while it compiles, about a second for each megabyte.
pub fn survey(engine: &Engine, path: &Path) -> Result<Survey, ComponentError> {
    let bytes =
        std::fs::read(path).map_err(|source| ComponentError::Read { path: path.to_owned(), source })?;
    let kind = Kind::of(&bytes);
    // A file that ends in the middle is described as far as it goes; compiling says what is wrong with it.
    let (imports, exports) = match kind {
        Kind::Component => outline(&bytes),
        Kind::CoreModule | Kind::Other => Default::default(),
    };
    let mut survey = Survey {
        kind,
        digest: Digest::of_bytes(&Sha256::digest(&bytes).into()),
        bytes: bytes.len(),
        capabilities: Capability::of_imports(imports.iter().map(String::as_str)),
        imports,
        exports,
        worlds: Vec::new(),
        missing: Vec::new(),
        refusal: None,
    };
    let fitting = World::exported(&survey.exports);
    if fitting.is_empty() {
        survey.check(engine, path, Role::Handler);
    }
    for world in fitting {
        if survey.check(engine, path, world.role) {
            survey.worlds.push(world.name);
        }
    }
    if !survey.worlds.is_empty() {
        survey.refusal = None;
    }
    Ok(survey)
}

impl Survey {
    /// Whether loading it for this role would succeed. What would not is kept as the refusal, the first one.
    fn check(&mut self, engine: &Engine, path: &Path, role: Role) -> bool {
        let Err(error) = inspect(engine, path, role) else { return true };
        if let ComponentError::Import { imports: Names(imports), .. } = &error {
            self.missing.clone_from(imports);
        }
        self.refusal.get_or_insert_with(|| error.to_string());
        false
    }
}

impl Kind {
    /// Eight bytes tell a component, a core module and everything else apart.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0, b'a', b's', b'm', _, _, 1, 0, ..] => Self::Component,
            [0, b'a', b's', b'm', _, _, 0, 0, ..] => Self::CoreModule,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Component => "component",
            Self::CoreModule => "core module",
            Self::Other => "no WebAssembly",
        })
    }
}

impl World {
    /// The worlds whose exports are all there, but for those that are part of another.
    fn exported(exports: &[String]) -> Vec<&'static Self> {
        let has = |name: &&str| exports.iter().any(|export| export == name);
        let mut found: Vec<&'static Self> = Vec::new();
        for world in WORLDS.iter().filter(|world| world.exports.iter().all(has)) {
            if !found.iter().any(|wider| world.exports.iter().all(|name| wider.exports.contains(name))) {
                found.push(world);
            }
        }
        found
    }
}

/// Names of what a component imports and exports, as far as the file can be read. They are not known to be names: nothing
/// was checked yet.
fn outline(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    // What is nested inside of the component has imports and exports of its own.
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                imports.extend(section.into_iter().flatten().map(|import| words::repeated(import.name.name)));
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                exports.extend(section.into_iter().flatten().map(|export| words::repeated(export.name.name)));
            }
            _ => {}
        }
    }
    (imports, exports)
}
