//! Compiled components kept on disk, so that a component is compiled once and not at every start and swap.
//!
//! What is loaded from there runs as it is, so only what a host itself compiled may be: a folder that belongs to this
//! user alone, and a tag over every file that nobody makes without the folder's key. What does not stand up to that is
//! compiled anew and replaced. The cache never fails a load: without it everything works, and slower.

use std::{
    fs, io,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use thiserror::Error;
use tidemill_engine::{deploy::Digest, limits};
use wasmtime::component::Component;

mod folder;
mod tags;
#[cfg(test)]
mod tests;

use folder::Folder;
use tags::Tags;

/// Why there is no cache, or why one of its files was of no use.
#[derive(Debug, Error)]
pub enum CacheError {
    /// Others could have put something there.
    #[error(
        "{0} belongs to another user or may be written by others: give it to the host's user alone, mode 700"
    )]
    NotPrivate(String),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The engine said no.
    #[error("{0}")]
    Engine(String),
}

/// Compiled components in a folder. Several hosts of one user may share it.
#[derive(Debug)]
pub struct Cache {
    folder: Folder,
    tags: Tags,
    has_warned: AtomicBool,
}

impl Cache {
    /// Opens the folder, and makes it where it is missing.
    pub fn open(path: &Path, engine: &wasmtime::Engine) -> Result<Self, CacheError> {
        let folder = Folder::open(path)?;
        let tags = Tags::open(&folder, engine)?;
        Ok(Self { folder, tags, has_warned: AtomicBool::new(false) })
    }

    /// The component with these bytes, compiled before or now. The digest must be that of the bytes.
    pub fn component(
        &self,
        engine: &wasmtime::Engine,
        digest: &Digest,
        bytes: &[u8],
    ) -> wasmtime::Result<Component> {
        let kept = self.load(engine, digest).unwrap_or_else(|error| self.warn(&error));
        if let Some(component) = kept {
            return Ok(component);
        }
        let component = Component::from_binary(engine, bytes)?;
        self.keep(&component, digest).unwrap_or_else(|error| self.warn(&error));
        Ok(component)
    }

    /// What was compiled before; none where nothing was, or where it does not bear the tag that it should.
    fn load(&self, engine: &wasmtime::Engine, digest: &Digest) -> Result<Option<Component>, CacheError> {
        let Some(file) = self.folder.read(&self.tags.name(digest))? else { return Ok(None) };
        let Some(compiled) = self.tags.checked(digest, &file) else { return Ok(None) };
        // SAFETY: `deserialize` must be given what `Component::serialize` returned, for an engine like this one.
        // - The tag over `compiled` is right, and nobody makes a right one without the key. The key is 256 random bits
        //   in a file that this user alone may read, in a folder that this user alone may write, both seen on open
        //   handles. A process that has it runs as this user and could do anything that code loaded here could.
        // - Hosts make tags in `keep` alone, over what `Component::serialize` returned in the same process.
        // - The tag covers the engine's compatibility hash, so the code is for an engine like this one; Wasmtime
        //   checks its version and the machine's features once more.
        // - `file` is this process's own copy, taken before the tag was checked: nobody can change it in between.
        // docs/decisions/0021-compiled-components-on-disk.md says it at length.
        let component = unsafe { Component::deserialize(engine, compiled) };
        component.map(Some).map_err(|error| CacheError::Engine(format!("{error:#}")))
    }

    fn keep(&self, component: &Component, digest: &Digest) -> Result<(), CacheError> {
        let compiled = component.serialize().map_err(|error| CacheError::Engine(format!("{error:#}")))?;
        if compiled.len() as u64 > limits::COMPILED_BYTES {
            return Ok(());
        }
        let tag = self.tags.tag(digest, &compiled);
        self.folder.write(&self.tags.name(digest), &[&tag, &compiled])?;
        self.folder.hold_to(limits::COMPILED_BYTES, &[tags::KEY])?;
        Ok(())
    }

    /// The first trouble is told; what follows is likely the same one.
    fn warn<T: Default>(&self, error: &CacheError) -> T {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "the cache of compiled components is of no use; components are compiled");
        }
        T::default()
    }
}

/// Opens a cache, or says why there is none and goes on without.
pub fn open_or_warn(path: &Path, engine: &wasmtime::Engine) -> Option<Cache> {
    let opened = Cache::open(path, engine);
    opened
        .inspect_err(|error| {
            let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            tracing::warn!(%error, path = %path.display(), "compiled components are not kept");
        })
        .ok()
}
