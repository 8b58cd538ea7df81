//! Components of the sizes that are wanted, each with a digest of its own.
//!
//! A component of a size is `green` with a core module beside its own that brings it to that size: functions with
//! arithmetic, loops, memory and calls, which are compiled and instantiated like any other code. The module is written
//! behind the component's own sections, which the format allows.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tidemill_engine::deploy::Artifact;
use tidemill_runtime::artifact;

/// Section of a component that holds a core module.
const CORE_MODULE: u8 = 1;
/// Section of a component that holds core instances.
const CORE_INSTANCE: u8 = 2;
/// Bytes in front of a component's first section.
const PREAMBLE: usize = 8;

/// Where components come from.
pub struct Components {
    /// The one that runs first.
    pub blue: Arc<Artifact>,
    green: Vec<u8>,
    folder: PathBuf,
}

impl Components {
    /// Those that are built, and room for others.
    pub async fn new(folder: &Path) -> Self {
        let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guests/target/wasm32-wasip2/release");
        let guests = std::env::var_os("TIDEMILL_GUESTS").map_or_else(|| PathBuf::from(built), PathBuf::from);
        let read = |name: &str| artifact_of(guests.join(name));
        let (blue, green) = (read("blue.wasm").await, read("green.wasm").await);
        Self { blue, green: green.bytes.to_vec(), folder: folder.to_owned() }
    }

    /// Four of about 65 KB.
    pub async fn taking_turns(&self) -> [Arc<Artifact>; 4] {
        let other = async |bytes: &[u8], number| {
            let bytes = with_number(bytes, number);
            self.written(&format!("turn-{number}"), bytes).await
        };
        let (blue, green) = (&self.blue.bytes, &self.green);
        [other(blue, 1).await, other(green, 2).await, other(blue, 3).await, other(green, 4).await]
    }

    /// One of so many KiB.
    pub async fn sized(&self, kib: usize, number: u32) -> Arc<Artifact> {
        let wanted = kib * 1024;
        let mut bytes = self.green.clone();
        if bytes.len() < wanted {
            let modules = count_modules(&bytes);
            let core = module_of(wanted - bytes.len());
            section(&mut bytes, CORE_MODULE, &core);
            // One instance, of the module that was just added, without imports.
            let mut instance = vec![1, 0];
            leb(&mut instance, modules);
            instance.push(0);
            section(&mut bytes, CORE_INSTANCE, &instance);
        }
        self.written(&format!("{kib}-{number}"), with_number(&bytes, number)).await
    }

    async fn written(&self, name: &str, bytes: Vec<u8>) -> Arc<Artifact> {
        let file = self.folder.join(format!("{name}.wasm"));
        fs::write(&file, bytes).expect("the folder can be written to");
        artifact_of(file).await
    }
}

/// What a component emitted says of it: its name and its generation.
pub fn named(data: &[u8]) -> (&str, u64) {
    let text = std::str::from_utf8(data).expect("guests emit text");
    let mut words = text.split(' ');
    let name = words.next().expect("a name");
    (name, words.next().and_then(|word| word.parse().ok()).expect("a generation"))
}

async fn artifact_of(file: PathBuf) -> Arc<Artifact> {
    artifact(&file).await.unwrap_or_else(|error| panic!("run `cargo xtask guests` first: {error}"))
}

/// The same component with another digest.
fn with_number(component: &[u8], number: u32) -> Vec<u8> {
    let mut bytes = component.to_vec();
    let name = b"bench";
    let mut custom = vec![u8::try_from(name.len()).expect("it is short")];
    custom.extend_from_slice(name);
    custom.extend_from_slice(&number.to_le_bytes());
    section(&mut bytes, 0, &custom);
    bytes
}

fn section(bytes: &mut Vec<u8>, id: u8, content: &[u8]) {
    bytes.push(id);
    leb(bytes, content.len());
    bytes.extend_from_slice(content);
}

fn leb(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Core modules of a component, not counting those of components inside of it.
fn count_modules(component: &[u8]) -> usize {
    let (mut at, mut modules) = (PREAMBLE, 0);
    while at < component.len() {
        modules += usize::from(component[at] == CORE_MODULE);
        let (mut length, mut shift) = (0, 0);
        loop {
            at += 1;
            length |= usize::from(component[at] & 0x7f) << shift;
            shift += 7;
            if component[at] & 0x80 == 0 {
                break;
            }
        }
        at += 1 + length;
    }
    modules
}

/// A core module of about so many bytes: functions that call the one before them.
fn module_of(bytes: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut functions = 16;
    loop {
        random.seed(7);
        let mut text = String::from("(module (memory 1)");
        for number in 0..functions {
            function(&mut text, number, &mut random);
        }
        text.push(')');
        let module = wat::parse_str(&text).expect("it is WebAssembly");
        if module.len() >= bytes * 98 / 100 {
            return module;
        }
        functions = (functions * bytes / module.len()).max(functions + 1);
    }
}

fn function(text: &mut String, number: usize, random: &mut fastrand::Rng) {
    const STATEMENTS: usize = 24;
    let _ = write!(text, "(func $f{number} (param i64 i32) (result i64) (local $i i32) (loop $again ");
    for _ in 0..STATEMENTS {
        let operation = ["i64.add", "i64.xor", "i64.mul", "i64.rotl", "i64.sub"][random.usize(..5)];
        let (constant, place) = (random.i64(..), random.u32(..60_000));
        let _ = write!(
            text,
            "(local.set 0 ({operation} (local.get 0) (i64.const {constant})))\
             (if (i64.lt_u (local.get 0) (i64.load offset={place} (i32.and (local.get 1) (i32.const 255))))\
             (then (i64.store offset={place} (i32.and (local.get 1) (i32.const 255)) (local.get 0))))"
        );
    }
    if number > 0 {
        let _ = write!(text, "(local.set 0 (call $f{} (local.get 0) (local.get $i)))", number - 1);
    }
    let _ = write!(
        text,
        "(local.set $i (i32.add (local.get $i) (i32.const 1)))\
         (br_if $again (i32.lt_u (local.get $i) (i32.const 3)))) (local.get 0))"
    );
}
