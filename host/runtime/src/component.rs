//! Components on disk: read, compiled, and checked against the contract.

use std::{collections::BTreeSet, fmt, path::Path, sync::Arc};

use tidemill_engine::deploy::{Artifact, Digest};
use wasmtime::component::{Component, InstancePre};

use crate::{
    artifact,
    capability::Capability,
    contract::{Contract, Exports, Interface, Role},
    engine::Engine,
    error::{ComponentError, Names},
    handler::HandlerContract,
    processor::ProcessorContract,
    state::State,
    survey::Kind,
    yielding::Gate,
};

/// What a component file is, found out without running it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Size of the file in bytes.
    pub bytes: usize,
    /// The interfaces that the host would call.
    pub interfaces: &'static [Interface],
    /// What the component imports.
    pub imports: Vec<String>,
    /// What the component exports.
    pub exports: Vec<String>,
    /// What it asks of the world around it.
    pub capabilities: BTreeSet<Capability>,
}

#[cfg(test)]
impl Inspection {
    /// Of a component of which nothing matters but its imports.
    pub(crate) fn of_imports_alone(imports: &[&str]) -> Self {
        Self {
            digest: Digest::of_bytes(&[0; 32]),
            bytes: 0,
            interfaces: &[],
            imports: imports.iter().map(|&name| name.to_owned()).collect(),
            exports: Vec::new(),
            capabilities: Capability::of_imports(imports.iter().copied()),
        }
    }
}

/// Checks a component file as loading it for this role would, and runs nothing of it.
///
/// It blocks while it compiles, about a second for each megabyte.
pub fn inspect(engine: &Engine, path: &Path, role: Role) -> Result<Inspection, ComponentError> {
    let artifact = artifact::read(path)?;
    match role {
        Role::Handler => Compiled::<HandlerContract>::open(engine, &artifact, role).map(|c| c.inspection),
        _ => Compiled::<ProcessorContract>::open(engine, &artifact, role).map(|c| c.inspection),
    }
}

/// A component that is known to fit the contract, ready to be instantiated.
#[derive(Clone)]
pub struct Compiled<C> {
    /// What it is.
    pub inspection: Inspection,
    /// The component with everything that it imports.
    pub pre: InstancePre<State>,
    /// Where the functions are that the host calls.
    pub contract: C,
    /// Where its instances pass that run for long.
    pub gate: Arc<Gate>,
}

impl<C: Contract> Compiled<C> {
    /// Compiles and checks. Blocks as [`inspect`] does.
    pub fn open(engine: &Engine, artifact: &Artifact, role: Role) -> Result<Self, ComponentError> {
        let (path, bytes) = (Path::new(&artifact.from), &artifact.bytes);
        check_kind(bytes, path)?;
        // What is compiled is kept by this digest, so it is not taken on trust.
        let digest = artifact::digest_of(bytes);
        let component = engine.component(&digest, bytes).map_err(|error| uncompiled(&error, path))?;
        let ty = component.component_type();
        let exports: Vec<String> = ty.exports(engine.wasmtime()).map(|(name, _)| name.to_owned()).collect();
        let imports: Vec<String> = ty.imports(engine.wasmtime()).map(|(name, _)| name.to_owned()).collect();

        let interfaces =
            role.interfaces(&component).ok_or_else(|| other_world(path, role, exports.clone()))?;
        let pre = engine
            .linker()
            .instantiate_pre(&component)
            .map_err(|error| unsatisfied(engine, &component, &error, path))?;
        let contract = C::find(interfaces, &Exports { pre: &pre, path })?;
        let capabilities = Capability::of_imports(imports.iter().map(String::as_str));
        let inspection =
            Inspection { digest, bytes: bytes.len(), interfaces, imports, exports, capabilities };
        Ok(Self { inspection, pre, contract, gate: engine.gate() })
    }
}

fn check_kind(bytes: &[u8], path: &Path) -> Result<(), ComponentError> {
    match Kind::of(bytes) {
        Kind::Component => Ok(()),
        Kind::CoreModule => Err(ComponentError::CoreModule(path.to_owned())),
        Kind::Other => Err(ComponentError::NotWasm(path.to_owned())),
    }
}

fn uncompiled(error: &wasmtime::Error, path: &Path) -> ComponentError {
    let reason = format!("{error:#}");
    if reason.contains("component model async") {
        return ComponentError::Async(path.to_owned());
    }
    ComponentError::Compile { path: path.to_owned(), reason }
}

fn other_world(path: &Path, role: Role, exports: Vec<String>) -> ComponentError {
    let advice = role.advice(&exports);
    ComponentError::World { path: path.to_owned(), role, advice, exports: Names(exports) }
}

/// Names the import that the linker stopped at.
fn unsatisfied(
    engine: &Engine,
    component: &Component,
    error: &wasmtime::Error,
    path: &Path,
) -> ComponentError {
    let reason = format!("{error:#}");
    let ty = component.component_type();
    let missing = ty.imports(engine.wasmtime()).map(|(name, _)| name).filter(|name| reason.contains(*name));
    let imports = Names(missing.map(str::to_owned).collect());
    ComponentError::Import { path: path.to_owned(), imports, reason }
}

impl<C> fmt::Debug for Compiled<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.inspection, f)
    }
}
