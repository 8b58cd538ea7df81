//! Components on disk: read, compiled, and checked against the contract.

use std::{fmt, path::Path};

use sha2::{Digest, Sha256};
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Lower, types::ComponentItem,
};

use crate::{
    bindings::{
        HANDLE, ListAnswer, ListParams, PACKED_RECORD_HANDLER, PackedAnswer, PackedParams, RECORD_HANDLER,
    },
    engine::Engine,
    error::{ComponentError, Names},
    state::State,
};

/// What a component file is, found out without running it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
    /// Size of the file in bytes.
    pub bytes: usize,
    /// The interface that the host would call.
    pub interface: Interface,
    /// What the component imports.
    pub imports: Vec<String>,
    /// What the component exports.
    pub exports: Vec<String>,
}

/// The two forms of the contract of a record handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// A batch is passed packed. Preferred where a component has both.
    Packed,
    /// A batch is passed as a list.
    List,
}

impl Interface {
    /// The interface's name with its package and version.
    pub fn name(self) -> &'static str {
        match self {
            Self::Packed => PACKED_RECORD_HANDLER,
            Self::List => RECORD_HANDLER,
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Checks a component file as loading it would, and runs nothing of it.
///
/// It blocks while it compiles, about a second for each megabyte.
pub fn inspect(engine: &Engine, path: &Path) -> Result<Inspection, ComponentError> {
    Compiled::open(engine, path).map(|compiled| compiled.inspection)
}

/// A component that is known to fit the contract, ready to be instantiated.
#[derive(Clone)]
pub struct Compiled {
    /// What it is.
    pub inspection: Inspection,
    /// The component with everything that it imports.
    pub pre: InstancePre<State>,
    /// Where its `handle` is.
    pub handle: ComponentExportIndex,
}

impl Compiled {
    /// Reads, compiles and checks. Blocks as [`inspect`] does.
    pub fn open(engine: &Engine, path: &Path) -> Result<Self, ComponentError> {
        let read = |source| ComponentError::Read { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(read)?;
        check_kind(&bytes, path)?;
        let component =
            Component::from_binary(engine.wasmtime(), &bytes).map_err(|error| uncompiled(&error, path))?;
        let ty = component.component_type();
        let exports: Vec<String> = ty.exports(engine.wasmtime()).map(|(name, _)| name.to_owned()).collect();
        let imports: Vec<String> = ty.imports(engine.wasmtime()).map(|(name, _)| name.to_owned()).collect();

        let interface = [Interface::Packed, Interface::List]
            .into_iter()
            .find(|interface| component.get_export_index(None, interface.name()).is_some())
            .ok_or_else(|| other_world(path, exports.clone()))?;
        let pre = engine
            .linker()
            .instantiate_pre(&component)
            .map_err(|error| unsatisfied(engine, &component, &error, path))?;
        let handle = checked_handle(&pre, interface).map_err(|reason| {
            let interface = interface.name();
            ComponentError::Shape { path: path.to_owned(), interface, reason }
        })?;
        let digest = hex(&Sha256::digest(&bytes));
        let inspection = Inspection { digest, bytes: bytes.len(), interface, imports, exports };
        Ok(Self { inspection, pre, handle })
    }
}

/// Eight bytes tell a component, a core module and everything else apart.
fn check_kind(bytes: &[u8], path: &Path) -> Result<(), ComponentError> {
    match bytes {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', _, _, 0, 0, ..] => Err(ComponentError::CoreModule(path.to_owned())),
        _ => Err(ComponentError::NotWasm(path.to_owned())),
    }
}

fn uncompiled(error: &wasmtime::Error, path: &Path) -> ComponentError {
    let reason = format!("{error:#}");
    if reason.contains("component model async") {
        return ComponentError::Async(path.to_owned());
    }
    ComponentError::Compile { path: path.to_owned(), reason }
}

fn other_world(path: &Path, exports: Vec<String>) -> ComponentError {
    ComponentError::World {
        path: path.to_owned(),
        expected: "tidemill:streams/record-handler@0.1.0 or tidemill:streams/packed-record-handler@0.1.0",
        exports: Names(exports),
    }
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

fn checked_handle(pre: &InstancePre<State>, interface: Interface) -> Result<ComponentExportIndex, String> {
    match interface {
        Interface::Packed => checked_function::<PackedParams<'_>, PackedAnswer>(pre, interface),
        Interface::List => checked_function::<ListParams<'_>, ListAnswer>(pre, interface),
    }
}

fn checked_function<Params, Answer>(
    pre: &InstancePre<State>,
    interface: Interface,
) -> Result<ComponentExportIndex, String>
where
    Params: ComponentNamedList + Lower,
    Answer: ComponentNamedList + Lift,
{
    let component = pre.component();
    let instance = component.get_export_index(None, interface.name());
    let found = instance.and_then(|instance| component.get_export(Some(&instance), HANDLE));
    let Some((ComponentItem::ComponentFunc(function), index)) = found else {
        return Err(format!("there is no function named {HANDLE}"));
    };
    function.typecheck::<Params, Answer>(&pre.instance_type()).map_err(|error| format!("{error:#}"))?;
    Ok(index)
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.inspection, f)
    }
}
