//! A folder that belongs to this user alone. Its files are opened through a handle, so that a folder which takes its
//! place changes nothing.

use std::{
    fs::{DirBuilder, File},
    io::{self, Read, Write},
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, MetadataExt},
    },
    path::Path,
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT},
    io::Errno,
};

use super::CacheError;

/// Permissions that let others write.
const WRITTEN_BY_OTHERS: u32 = 0o022;
/// What names of files begin with that are not written to their end yet.
const UNFINISHED: &str = ".part-";

/// The folder.
#[derive(Debug)]
pub struct Folder(OwnedFd);

impl Folder {
    /// Opens a folder, and makes it and those above it where they are missing. One that others may write is refused.
    pub fn open(path: &Path) -> Result<Self, CacheError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from)?;
        let metadata = File::from(handle.try_clone()?).metadata()?;
        if !is_ours_alone(metadata.uid(), metadata.mode()) {
            return Err(CacheError::NotPrivate("the folder".to_owned()));
        }
        Ok(Self(handle))
    }

    /// Reads a file whole, and marks it as used; none where there is none. One that others may write is refused.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, CacheError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let handle = match rustix::fs::openat(&self.0, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            opened => opened.map_err(io::Error::from)?,
        };
        // The time is for choosing what goes first; a file system that does not keep it is none the worse.
        let _ = rustix::fs::futimens(&handle, &NOW);
        let mut file = File::from(handle);
        let metadata = file.metadata()?;
        if !metadata.is_file() || !is_ours_alone(metadata.uid(), metadata.mode()) {
            return Err(CacheError::NotPrivate(format!("the file {name}")));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        file.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Writes a file of these parts: who reads it meets all of it, or what was there before.
    pub fn write(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        let unfinished = format!("{UNFINISHED}{:016x}", getrandom::u64().map_err(io::Error::other)?);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(&self.0, &unfinished, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(handle);
        let written = parts.iter().try_for_each(|part| file.write_all(part));
        let renamed = written.and_then(|()| Ok(rustix::fs::renameat(&self.0, &unfinished, &self.0, name)?));
        renamed.inspect_err(|_| self.remove(&unfinished))
    }

    /// Removes the files that were not used for longest, until the rest has no more than so many bytes. Files with
    /// these names stay.
    pub fn hold_to(&self, bytes: u64, staying: &[&str]) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if staying.contains(&&*name) {
                continue;
            }
            // Another host may have removed it meanwhile.
            let Ok(stat) = rustix::fs::statat(&self.0, &name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            if FileType::from_raw_mode(stat.st_mode).is_file() {
                files.push((used_at(&stat), u64::try_from(stat.st_size).unwrap_or_default(), name));
            }
        }
        files.sort_unstable_by(|one, other| other.cmp(one));
        let mut taken = 0_u64;
        for (_, size, name) in files {
            taken = taken.saturating_add(size);
            if taken > bytes {
                self.remove(&name);
            }
        }
        Ok(())
    }

    /// What cannot be removed now is tried again when the next file is written.
    fn remove(&self, name: &str) {
        let _ = rustix::fs::unlinkat(&self.0, name, AtFlags::empty());
    }
}

const NOW: Timestamps = Timestamps {
    last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
    last_modification: Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
};

fn used_at(stat: &Stat) -> (i64, u64) {
    (stat.st_mtime, stat.st_mtime_nsec)
}

fn is_ours_alone(owner: u32, mode: u32) -> bool {
    owner == rustix::process::geteuid().as_raw() && mode & WRITTEN_BY_OTHERS == 0
}
