//! What is told of a file that the host would run, and of one that it would not.

use crate::{Capability, Kind, Role, Survey, inspect, survey};

use super::support::{ENGINE, guest};

fn surveyed(text: &str) -> Survey {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("surveyed.wasm");
    std::fs::write(&file, wat::parse_str(text).unwrap()).unwrap();
    survey(&ENGINE, &file).unwrap()
}

#[test]
fn what_is_told_of_a_component_is_what_loading_it_finds() {
    let survey = survey(&ENGINE, &guest("pass_through")).unwrap();
    let inspection = inspect(&ENGINE, &guest("pass_through"), Role::Handler).unwrap();
    assert_eq!((survey.kind, &survey.worlds[..]), (Kind::Component, &["packed-handler"][..]));
    assert_eq!((survey.digest, survey.bytes), (inspection.digest, inspection.bytes));
    assert_eq!((survey.imports, survey.exports), (inspection.imports, inspection.exports));
    assert_eq!(survey.capabilities, inspection.capabilities);
    assert_eq!((survey.missing, survey.refusal), (vec![], None));
}

#[test]
fn halves_and_wholes_of_processors_are_told_apart() {
    let worlds = |name| survey(&ENGINE, &guest(name)).unwrap().worlds;
    assert_eq!(worlds("lz4_batches"), ["aggregator-only"]);
    assert_eq!(worlds("processor_json"), ["packed-processor-only"]);
}

#[test]
fn what_the_host_would_refuse_is_told_with_the_reason() {
    let module = surveyed("(module)");
    assert_eq!((module.kind, module.worlds.len()), (Kind::CoreModule, 0));
    assert!(module.refusal.unwrap().contains("wasm-tools component new"));

    let asynchronous = surveyed(
        r#"(component
            (import "wasi:sockets/network@0.2.6" (instance))
            (component (import "nested:inside/of-it" (instance)))
            (core func (canon context.get i32 0)))"#,
    );
    assert!(asynchronous.refusal.unwrap().contains("--sync"));
    assert_eq!(asynchronous.imports, ["wasi:sockets/network@0.2.6"], "what cannot be compiled can be read");
    assert!(asynchronous.capabilities.into_iter().eq([Capability::Network]));
}

#[test]
fn an_import_that_nothing_offers_is_told() {
    let survey = surveyed(
        r#"(component
            (import "wasi:nn/graph@0.2.0" (instance (export "load" (func))))
            (core module $m (func (export "handle")))
            (core instance $i (instantiate $m))
            (func $handle (canon lift (core func $i "handle")))
            (instance $exported (export "handle" (func $handle)))
            (export "tidemill:streams/record-handler@0.1.0" (instance $exported)))"#,
    );
    assert_eq!(survey.missing, ["wasi:nn/graph@0.2.0"]);
    assert!(survey.refusal.unwrap().contains("remove the import"));
    assert_eq!(survey.worlds, Vec::<&str>::new());
}
