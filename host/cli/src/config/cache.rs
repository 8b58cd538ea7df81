//! `deploy.cache`: where compiled components are kept, if anywhere.

use std::{env, path::PathBuf};

use serde::{Deserialize, Deserializer, de::Error};

/// Where compiled components are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CacheConfig {
    /// The user's cache folder.
    #[default]
    OfUser,
    /// This folder.
    Folder(PathBuf),
    /// Nowhere: each start compiles.
    Off,
}

impl CacheConfig {
    /// The folder; none where there is to be no cache, or where it is not known whose host this is.
    pub fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.clone()),
            Self::OfUser => of_user(env::var_os("XDG_CACHE_HOME").map(PathBuf::from), env::home_dir()),
            Self::Off => None,
        }
    }

    /// The path in it, for whoever knows what it is relative to.
    pub fn path(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::OfUser | Self::Off => None,
        }
    }
}

/// As the XDG base directory specification has it: a path that is not absolute does not count.
fn of_user(cache: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let cache = cache.filter(|path| path.is_absolute());
    let home = home.filter(|path| path.is_absolute());
    cache.or_else(|| Some(home?.join(".cache"))).map(|folder| folder.join("tidemill"))
}

impl<'de> Deserialize<'de> for CacheConfig {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a folder, or false for no cache")]
        enum Written {
            Folder(PathBuf),
            Switch(bool),
        }
        match Written::deserialize(input)? {
            Written::Folder(folder) if folder.as_os_str().is_empty() => {
                Err(D::Error::custom("an empty path names no folder: write cache = false for no cache"))
            }
            Written::Folder(folder) => Ok(Self::Folder(folder)),
            Written::Switch(true) => Ok(Self::OfUser),
            Written::Switch(false) => Ok(Self::Off),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        cache: CacheConfig,
    }

    fn read(text: &str) -> Result<CacheConfig, String> {
        toml::from_str::<File>(text).map(|file| file.cache).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_cache_is_a_folder_or_none() {
        assert_eq!(read("cache = \"kept\""), Ok(CacheConfig::Folder("kept".into())));
        assert_eq!(read("cache = false").map(|cache| cache.folder()), Ok(None));
        assert_eq!(read("cache = true"), Ok(CacheConfig::OfUser));
        assert!(read("cache = 1").unwrap_err().contains("a folder, or false for no cache"));
        assert!(read("cache = \"\"").unwrap_err().contains("names no folder"));
    }

    #[test]
    fn the_users_cache_is_where_the_system_keeps_caches() {
        let folder = |cache: Option<&str>, home: Option<&str>| {
            of_user(cache.map(PathBuf::from), home.map(PathBuf::from))
        };
        assert_eq!(folder(Some("/c"), Some("/h")), Some("/c/tidemill".into()));
        assert_eq!(folder(None, Some("/h")), Some("/h/.cache/tidemill".into()));
        assert_eq!(folder(Some("relative"), Some("/h")), Some("/h/.cache/tidemill".into()));
        assert_eq!(folder(None, Some("")), None);
    }
}
