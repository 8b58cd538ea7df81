//! Which files are taken for components and which are refused, and how.

use crate::{ComponentError, Inspection, Interface, Role, inspect};

use super::support::{ENGINE, guest};

/// An interface of this name whose `handle` takes nothing and answers nothing.
const EMPTY_HANDLE: &str = r#"
    (core module $m (func (export "handle")))
    (core instance $i (instantiate $m))
    (func $handle (canon lift (core func $i "handle")))
    (instance $exported (export "handle" (func $handle)))
"#;

fn inspected(name: &str, bytes: &[u8]) -> Result<Inspection, ComponentError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    inspect(&ENGINE, &file, Role::Handler)
}

fn component(name: &str, text: &str) -> Result<Inspection, ComponentError> {
    inspected(name, &wat::parse_str(format!("(component {text})")).unwrap())
}

fn says(error: &ComponentError, parts: &[&str]) {
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}

#[test]
fn a_component_is_described_without_running_it() {
    let inspection = inspect(&ENGINE, &guest("pass_through"), Role::Handler).unwrap();
    assert_eq!(inspection.interfaces, [Interface::PackedRecordHandler]);
    assert_eq!(inspection.exports, ["tidemill:streams/packed-record-handler@0.1.0"]);
    assert_eq!(inspection.digest.as_str().len(), 64);
    assert!(inspection.imports.iter().any(|name| name.starts_with("tidemill:streams/types")));
    let file = std::fs::read(guest("pass_through")).unwrap();
    assert_eq!(inspection.bytes, file.len());
}

#[test]
fn a_missing_file_is_named() {
    let error = inspect(&ENGINE, "no/such/file.wasm".as_ref(), Role::Handler).unwrap_err();
    assert!(matches!(error, ComponentError::Read { .. }));
    says(&error, &["cannot read the component", "path=no/such/file.wasm"]);
}

#[test]
fn a_file_that_is_no_wasm_is_refused() {
    for bytes in [&b""[..], b"\0asm", b"#!/bin/sh\necho hello", b"\x7fELF\x02\x01\x01\0\0\0\0\0"] {
        let error = inspected("not-wasm", bytes).unwrap_err();
        assert!(matches!(error, ComponentError::NotWasm(_)), "{error}");
    }
}

#[test]
fn a_core_module_is_refused_with_the_way_to_a_component() {
    let error = inspected("core.wasm", &wat::parse_str("(module)").unwrap()).unwrap_err();
    assert!(matches!(error, ComponentError::CoreModule(_)));
    says(&error, &["core module and not a component", "wasm32-wasip2", "wasm-tools component new"]);
}

#[test]
fn a_broken_component_is_refused() {
    let mut bytes = std::fs::read(guest("pass_through")).unwrap();
    bytes.truncate(bytes.len() / 2);
    let error = inspected("broken.wasm", &bytes).unwrap_err();
    assert!(matches!(error, ComponentError::Compile { .. }), "{error}");
}

#[test]
fn a_component_of_another_world_is_refused_with_what_it_exports() {
    let text = format!(r#"{EMPTY_HANDLE} (export "wasi:cli/run@0.2.6" (instance $exported))"#);
    let error = component("other-world.wasm", &text).unwrap_err();
    assert!(matches!(error, ComponentError::World { .. }), "{error}");
    says(&error, &["not a record handler", "exports record-handler or", "exports=wasi:cli/run@0.2.6"]);
    says(&component("empty.wasm", "").unwrap_err(), &["exports=none"]);
}

#[test]
fn an_import_that_nothing_offers_is_named() {
    let import = r#"(import "wasi:http/outgoing-handler@0.2.4" (instance (export "handle" (func))))"#;
    let export = r#"(export "tidemill:streams/record-handler@0.1.0" (instance $exported))"#;
    let error = component("import.wasm", &format!("{import} {EMPTY_HANDLE} {export}")).unwrap_err();
    assert!(matches!(error, ComponentError::Import { .. }), "{error}");
    says(&error, &["import=wasi:http/outgoing-handler@0.2.4", "remove the import"]);
}

#[test]
fn a_function_of_another_shape_is_told_from_another_world() {
    for interface in ["tidemill:streams/record-handler@0.1.0", "tidemill:streams/packed-record-handler@0.1.0"]
    {
        let text = format!(r#"{EMPTY_HANDLE} (export "{interface}" (instance $exported))"#);
        let error = component("shape.wasm", &text).unwrap_err();
        assert!(matches!(error, ComponentError::Shape { .. }), "{error}");
        says(&error, &["another version of wit/", interface]);
    }
}

#[test]
fn a_component_with_both_forms_is_called_packed() {
    let text = format!(
        r#"{EMPTY_HANDLE}
        (export "tidemill:streams/record-handler@0.1.0" (instance $exported))
        (export "tidemill:streams/packed-record-handler@0.1.0" (instance $exported))"#
    );
    let error = component("both.wasm", &text).unwrap_err();
    says(&error, &["interface=tidemill:streams/packed-record-handler@0.1.0"]);
}

#[test]
fn an_asynchronous_component_is_refused_with_the_way_out() {
    let error = component("async.wasm", "(core func (canon context.get i32 0))").unwrap_err();
    assert!(matches!(error, ComponentError::Async(_)), "{error}");
    says(&error, &["--sync"]);
}
