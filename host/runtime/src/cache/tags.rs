//! What tells a file that a host wrote from any other: a tag that only whoever has the folder's key can make.

use std::hash::{Hash, Hasher};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use tidemill_engine::deploy::Digest;

use super::{CacheError, folder::Folder};

/// The file with the key.
pub const KEY: &str = "key";
/// Bytes of the key, of a tag and of what tells engines apart.
const BYTES: usize = 32;
/// What every tag covers first. It changes when files are laid out in another way.
const LAYOUT: &[u8] = b"tidemill: a compiled component, layout 1";

/// Makes and checks the tags of one engine's files.
pub struct Tags {
    key: [u8; BYTES],
    engine: [u8; BYTES],
}

impl Tags {
    /// Reads the key of a folder. Where there is none, or a broken one, the folder gets a new one; what was tagged with
    /// another is then compiled again.
    pub fn open(folder: &Folder, engine: &wasmtime::Engine) -> Result<Self, CacheError> {
        if key_of(folder)?.is_none() {
            let mut key = [0; BYTES];
            getrandom::fill(&mut key).map_err(std::io::Error::other)?;
            folder.write(KEY, &[&key])?;
        }
        // Another host may have been faster: what lies there now is what all of them use.
        let key = key_of(folder)?.ok_or_else(|| std::io::Error::other("the key was damaged just now"))?;
        Ok(Self { key, engine: identity(engine) })
    }

    /// The name of the file for a component.
    pub fn name(&self, digest: &Digest) -> String {
        let engine = Digest::of_bytes(&self.engine);
        format!("{digest}-{}.compiled", engine.short())
    }

    /// The tag over what was compiled of a component; it goes before it in the file.
    pub fn tag(&self, digest: &Digest, compiled: &[u8]) -> [u8; BYTES] {
        self.over(digest, compiled).finalize().into_bytes().into()
    }

    /// What was compiled, where the file has the right tag.
    pub fn checked<'a>(&self, digest: &Digest, file: &'a [u8]) -> Option<&'a [u8]> {
        let (tag, compiled) = file.split_at_checked(BYTES)?;
        self.over(digest, compiled).verify_slice(tag).ok().map(|()| compiled)
    }

    /// All but the last part have a fixed length, so no two inputs look alike.
    fn over(&self, digest: &Digest, compiled: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("it takes keys of any length");
        [LAYOUT, digest.as_str().as_bytes(), &self.engine, compiled].iter().for_each(|part| mac.update(part));
        mac
    }
}

impl std::fmt::Debug for Tags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tags")
    }
}

fn key_of(folder: &Folder) -> Result<Option<[u8; BYTES]>, CacheError> {
    Ok(folder.read(KEY)?.and_then(|bytes| bytes.try_into().ok()))
}

/// Engines with the same identity load what each of them compiled.
fn identity(engine: &wasmtime::Engine) -> [u8; BYTES] {
    let mut hasher = Hashed(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.update(env!("CARGO_PKG_VERSION"));
    hasher.0.finalize().into()
}

/// Takes in whatever hashes itself, for a digest that is the same in every process.
struct Hashed(Sha256);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Nobody asks: the digest is taken in its place.
    fn finish(&self) -> u64 {
        0
    }
}
