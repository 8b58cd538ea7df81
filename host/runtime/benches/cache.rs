//! What it costs to load a component that was compiled before, by every way there is: through the cache of the host,
//! and its parts, read, tag and copy, beside a file that is mapped as it is.
//!
//! The component has a megabyte of code and so many MiB of data, 30 unless told otherwise: as much as one of Python,
//! most of which is the interpreter's image. Each figure is the least of several, in milliseconds.

use std::{fs, path::Path};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tempfile::TempDir;
use tidemill_runtime::{Engine, EngineSettings, Role, inspect};
use tokio::time::Instant;
use wasmtime::component::Component;

const SAMPLES: usize = 7;

fn main() {
    let mib = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(30);
    let folder = TempDir::new().expect("there is room for a folder");
    let file = folder.path().join("component.wasm");
    fs::write(&file, component(mib)).expect("the folder can be written");

    let plain = Engine::new().expect("the engine starts on every machine that builds it");
    tell("the host compiles it", 1, || look(&plain, &file));
    let cache = Some(folder.path().join("cache"));
    let kept = Engine::with(EngineSettings { cache, ..EngineSettings::default() }).expect("as above");
    tell("the host compiles and keeps it", 1, || look(&kept, &file));
    tell("the host loads it, the file's digest included", SAMPLES, || look(&kept, &file));

    let engine = wasmtime::Engine::default();
    let component = Component::from_file(&engine, &file).expect("it is a component");
    let compiled = component.serialize().expect("it was compiled here");
    println!("{:<50} {:>8.1} MiB", "compiled it has", compiled.len() as f64 / f64::from(1 << 20));
    let path = folder.path().join("compiled");
    fs::write(&path, &compiled).expect("the folder can be written");
    tell("reading the file", SAMPLES, || drop(fs::read(&path).expect("it is there")));
    tell("checking the tag", SAMPLES, || {
        let mut mac = Hmac::<Sha256>::new_from_slice(&[7; 32]).expect("it takes keys of any length");
        mac.update(&compiled);
        std::hint::black_box(mac.finalize());
    });
    tell("loading its bytes, with a copy", SAMPLES, || {
        // SAFETY: `serialize` returned these bytes, for this engine.
        drop(unsafe { Component::deserialize(&engine, &compiled) }.expect("it was compiled here"));
    });
    tell("loading it mapped, without", SAMPLES, || {
        // SAFETY: the file was written just now with what `serialize` returned, in a folder of this process.
        drop(unsafe { Component::deserialize_file(&engine, &path) }.expect("it was compiled here"));
    });
}

/// It is no handler, which is found out when it is compiled.
fn look(engine: &Engine, file: &Path) {
    inspect(engine, file, Role::Handler).expect_err("it exports nothing");
}

/// Prints the least of several times.
fn tell(what: &str, samples: usize, run: impl Fn()) {
    let times = (0..samples).map(|_| {
        let begun = Instant::now();
        run();
        begun.elapsed().as_secs_f64() * 1_000.0
    });
    println!("{what:<50} {:>8.1} ms", times.fold(f64::INFINITY, f64::min));
}

fn component(mib: usize) -> Vec<u8> {
    let function = |number: usize| {
        let steps = "local.get 0 i32.const 7 i32.mul local.get 0 i32.xor local.set 0 ".repeat(100);
        format!("(func (export \"f{number}\") (param i32) (result i32) {steps} local.get 0)")
    };
    let functions: String = (0..400).map(function).collect();
    let data = "tidemill".repeat(mib << 17);
    let text = format!(
        "(component (core module (memory {}) {functions} (data (i32.const 0) \"{data}\")))",
        (mib << 4) + 1
    );
    wat::parse_str(text).expect("it is well-formed")
}
