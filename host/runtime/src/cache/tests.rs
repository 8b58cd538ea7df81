//! What was compiled is loaded, and nothing else is.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    sync::LazyLock,
};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::*;

static ENGINE: LazyLock<wasmtime::Engine> = LazyLock::new(wasmtime::Engine::default);

/// A component of which nothing matters but its digest.
fn component(number: u32) -> (Digest, Vec<u8>) {
    let text = format!("(component (core module (func (export \"f\") (result i32) i32.const {number})))");
    let bytes = wat::parse_str(text).unwrap();
    (Digest::of_bytes(&Sha256::digest(&bytes).into()), bytes)
}

struct Place {
    folder: TempDir,
    cache: Cache,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let cache = Cache::open(folder.path(), &ENGINE).unwrap();
        Self { folder, cache }
    }

    fn compile(&self, number: u32) {
        let (digest, bytes) = component(number);
        self.cache.component(&ENGINE, &digest, &bytes).unwrap();
    }

    fn has(&self, number: u32) -> bool {
        self.cache.load(&ENGINE, &component(number).0).unwrap().is_some()
    }

    fn file(&self, number: u32) -> PathBuf {
        self.folder.path().join(self.cache.tags.name(&component(number).0))
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn what_one_host_compiled_another_loads() {
    let place = Place::new();
    assert!(!place.has(1));
    place.compile(1);
    assert!(place.has(1) && !place.has(2));
    let other = Cache::open(place.folder.path(), &wasmtime::Engine::default()).unwrap();
    assert!(other.load(&ENGINE, &component(1).0).unwrap().is_some());
    assert_eq!(place.names().len(), 2, "the component and the key: {:?}", place.names());
    let mode =
        |name: &str| fs::metadata(place.folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert!(place.names().iter().all(|name| mode(name) == 0o600));
}

#[test]
fn a_file_that_was_changed_is_not_loaded_but_replaced() {
    let place = Place::new();
    place.compile(1);
    let good = fs::read(place.file(1)).unwrap();
    for at in [0, 31, 32, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(place.file(1), bad).unwrap();
        assert!(!place.has(1), "a changed byte was not noticed, at={at}");
    }
    for length in [0, 31, 32, good.len() - 1] {
        fs::write(place.file(1), &good[..length]).unwrap();
        assert!(!place.has(1), "a cut file was loaded, length={length}");
    }
    place.compile(1);
    assert!(place.has(1));
}

#[test]
fn a_file_of_another_folder_or_component_is_not_loaded() {
    let (here, there) = (Place::new(), Place::new());
    there.compile(1);
    fs::copy(there.file(1), here.file(1)).unwrap();
    assert!(!here.has(1), "its tag was made with another key");
    here.compile(2);
    fs::copy(here.file(2), here.file(1)).unwrap();
    assert!(!here.has(1), "it is another component");
}

#[test]
fn an_engine_with_other_settings_loads_nothing_of_this_one() {
    let place = Place::new();
    place.compile(1);
    let engine = wasmtime::Engine::new(wasmtime::Config::new().epoch_interruption(true)).unwrap();
    let other = Cache::open(place.folder.path(), &engine).unwrap();
    assert!(other.load(&engine, &component(1).0).unwrap().is_none());
    assert_ne!(other.tags.name(&component(1).0), place.cache.tags.name(&component(1).0));
    fs::copy(place.file(1), place.folder.path().join(other.tags.name(&component(1).0))).unwrap();
    assert!(other.load(&engine, &component(1).0).unwrap().is_none(), "the tag covers the engine");
}

#[test]
fn what_others_may_write_is_refused() {
    let place = Place::new();
    place.compile(1);
    fs::set_permissions(place.file(1), Permissions::from_mode(0o620)).unwrap();
    let refused = place.cache.load(&ENGINE, &component(1).0).unwrap_err();
    assert!(matches!(&refused, CacheError::NotPrivate(what) if what.starts_with("the file")), "{refused}");
    fs::set_permissions(place.folder.path(), Permissions::from_mode(0o777)).unwrap();
    let refused = Cache::open(place.folder.path(), &ENGINE).unwrap_err();
    assert!(matches!(&refused, CacheError::NotPrivate(what) if what == "the folder"), "{refused}");
    assert!(open_or_warn(place.folder.path(), &ENGINE).is_none(), "the engine goes on without");
}

#[test]
fn a_link_is_not_followed() {
    let (here, there) = (Place::new(), Place::new());
    here.compile(1);
    fs::rename(here.file(1), there.folder.path().join("moved")).unwrap();
    symlink(there.folder.path().join("moved"), here.file(1)).unwrap();
    assert!(here.cache.load(&ENGINE, &component(1).0).is_err());
}

#[test]
fn a_broken_key_is_replaced_and_what_it_tagged_with_it() {
    let place = Place::new();
    place.compile(1);
    fs::write(place.folder.path().join(tags::KEY), "short").unwrap();
    let again = Cache::open(place.folder.path(), &ENGINE).unwrap();
    assert!(again.load(&ENGINE, &component(1).0).unwrap().is_none());
    let (digest, bytes) = component(1);
    again.component(&ENGINE, &digest, &bytes).unwrap();
    assert!(again.load(&ENGINE, &digest).unwrap().is_some());
}

#[test]
fn what_was_not_used_for_longest_goes_first() {
    let place = Place::new();
    for number in 1..=3 {
        place.compile(number);
    }
    let age = |number: u32, seconds: u64| {
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        fs::File::options().write(true).open(place.file(number)).unwrap().set_modified(at).unwrap();
    };
    (1..=3).for_each(|number| age(number, u64::from(number)));
    assert!(place.has(1), "reading it makes it the one that was used last");
    let size = fs::metadata(place.file(1)).unwrap().len();
    place.cache.folder.hold_to(2 * size, &[tags::KEY]).unwrap();
    assert_eq!([1, 2, 3].map(|number| place.file(number).exists()), [true, false, true]);
    place.cache.folder.hold_to(0, &[tags::KEY]).unwrap();
    assert_eq!(place.names(), [tags::KEY]);
}

#[test]
fn a_component_that_is_none_is_an_error_and_leaves_nothing() {
    let place = Place::new();
    let digest = component(1).0;
    assert!(place.cache.component(&ENGINE, &digest, b"nothing").is_err());
    assert_eq!(place.names(), [tags::KEY]);
}
