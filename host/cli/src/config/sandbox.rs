//! What a component may use and reach: the keys that handlers and processors share.

use std::{collections::BTreeMap, num::NonZeroU64, path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer, de::Error};
use tidemill_engine::limits;
use tidemill_runtime::{Address, Allow, Folder, Sandbox};

use super::units;
use crate::{exit::Exit, failure::Failure};

/// Declares a table of settings that has keys of its own and those of a sandbox.
///
/// It writes the keys out in each such table, because serde knows either tables that take in others or tables that
/// refuse keys that they do not know, and a misspelt limit must not be passed over.
macro_rules! with_sandbox {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        $vis struct $name {
            $($own)*
            /// What the component reads through the interface `configuration`.
            config: Option<std::collections::BTreeMap<String, String>>,
            /// Memory of one instance, in bytes.
            #[serde(default, deserialize_with = "crate::config::units::optional_bytes")]
            memory: Option<usize>,
            /// How long one call may take.
            #[serde(default, deserialize_with = "crate::config::units::optional_duration")]
            deadline: Option<std::time::Duration>,
            /// Calls of the host in one call of the component.
            host_calls: Option<std::num::NonZeroU64>,
            /// Instances at once.
            instances: Option<crate::config::sandbox::Instances>,
            /// Elements of one instance's tables.
            tables: Option<crate::config::sandbox::TableElements>,
            /// Lines a second in the log.
            log_lines: Option<u32>,
            /// Series of metrics.
            series: Option<usize>,
            /// What it may reach.
            allow: Option<crate::config::sandbox::AllowConfig>,
        }

        impl $name {
            /// What its keys say of the component's sandbox.
            $vis fn sandbox_keys(&self) -> crate::config::sandbox::SandboxKeys {
                crate::config::sandbox::SandboxKeys {
                    config: self.config.clone(),
                    memory: self.memory,
                    deadline: self.deadline,
                    host_calls: self.host_calls,
                    instances: self.instances,
                    tables: self.tables,
                    log_lines: self.log_lines,
                    series: self.series,
                    allow: self.allow.clone(),
                }
            }
        }
    };
}

pub(super) use with_sandbox;

/// The keys of a sandbox, as far as they are set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SandboxKeys {
    pub config: Option<BTreeMap<String, String>>,
    pub memory: Option<usize>,
    pub deadline: Option<Duration>,
    pub host_calls: Option<NonZeroU64>,
    pub instances: Option<Instances>,
    pub tables: Option<TableElements>,
    pub log_lines: Option<u32>,
    pub series: Option<usize>,
    pub allow: Option<AllowConfig>,
}

impl SandboxKeys {
    /// Whether none of them is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// With the defaults for the rest.
    pub fn over(self, default: &Sandbox) -> SandboxConfig {
        let allow = self.allow.unwrap_or_default();
        let folder = |FolderConfig { path, seen_as, write }| Folder { path, seen_as: seen_as.0, write };
        SandboxConfig {
            sandbox: Sandbox {
                config: self.config.unwrap_or_default(),
                memory_bytes: self.memory.unwrap_or(default.memory_bytes),
                deadline: self.deadline.unwrap_or(default.deadline),
                host_calls: self.host_calls.map_or(default.host_calls, NonZeroU64::get),
                instances: self.instances.map_or(default.instances, |instances| instances.0),
                table_elements: self.tables.map_or(default.table_elements, |tables| tables.0),
                log_lines: self.log_lines.unwrap_or(default.log_lines),
                series: self.series.unwrap_or(default.series),
                allow: Allow {
                    http: allow.http,
                    connect: allow.connect,
                    folders: allow.folders.into_iter().map(folder).collect(),
                    environment: allow.environment,
                },
            },
            pass_environment: allow.pass_environment,
        }
    }
}

/// What a component may use and reach, but for what stands in the host's environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SandboxConfig {
    /// What the file says.
    pub sandbox: Sandbox,
    /// Variables of the host's own environment that the component sees too.
    pass_environment: Vec<String>,
}

impl SandboxConfig {
    /// With what the host's environment has of it. Fails where that lacks a variable.
    pub fn resolved(&self) -> Result<Sandbox, Failure> {
        let mut sandbox = self.sandbox.clone();
        for key in &self.pass_environment {
            let value = std::env::var(key).map_err(|_| {
                let missing =
                    format!("pass-environment names a variable that is not set or not UTF-8: key={key}");
                Failure::new(Exit::Settings, missing)
                    .help("set it where the host is started, or leave it out")
            })?;
            sandbox.allow.environment.insert(key.clone(), value);
        }
        Ok(sandbox)
    }

    /// The folders that it names.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.sandbox.allow.folders.iter_mut().map(|folder| &mut folder.path)
    }

    /// Memory of the instances that so many callers need at once, in bytes.
    pub fn memory(&self, callers: usize) -> usize {
        callers.min(self.sandbox.instances).saturating_mul(self.sandbox.memory_bytes)
    }
}

/// `allow`: what a component may reach of the world around it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table such as { http = [\"api.example.com:443\"] }",
    default
)]
pub struct AllowConfig {
    /// Where it may send requests over HTTP.
    #[serde(deserialize_with = "units::all_parsed")]
    http: Vec<Address>,
    /// Where it may open TCP connections to.
    #[serde(deserialize_with = "units::all_parsed")]
    connect: Vec<Address>,
    /// Folders that it sees.
    folders: Vec<FolderConfig>,
    /// Its environment.
    environment: BTreeMap<String, String>,
    /// Variables of the host's environment that it sees too.
    pass_environment: Vec<String>,
}

impl AllowConfig {
    /// The folders that it names.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.folders.iter_mut().map(|folder| &mut folder.path)
    }
}

/// A folder that a component sees.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table such as { path = \"rates\", as = \"/rates\" }"
)]
struct FolderConfig {
    /// The folder.
    path: PathBuf,
    /// What the component calls it.
    #[serde(rename = "as")]
    seen_as: SeenAs,
    /// Whether it may change what is in it.
    #[serde(default)]
    write: bool,
}

/// What a component calls a folder: an absolute path.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct SeenAs(String);

impl TryFrom<String> for SeenAs {
    type Error = String;

    fn try_from(path: String) -> Result<Self, String> {
        if path.starts_with('/') {
            return Ok(Self(path));
        }
        Err(format!("not a folder's name for a component: it begins with /, such as \"/data\", got={path:?}"))
    }
}

/// Instances at once: 1 to [`limits::INSTANCES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instances(usize);

impl<'de> Deserialize<'de> for Instances {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        bounded(input, "number of instances", limits::INSTANCES as usize).map(Self)
    }
}

/// Elements of one instance's tables: 1 to [`limits::INSTANCE_TABLE_ELEMENTS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableElements(usize);

impl<'de> Deserialize<'de> for TableElements {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        bounded(input, "number of table elements", limits::INSTANCE_TABLE_ELEMENTS_MAX).map(Self)
    }
}

/// Stack of each guest, in bytes: up to [`limits::WASM_STACK_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WasmStack(pub usize);

impl Default for WasmStack {
    fn default() -> Self {
        Self(limits::WASM_STACK_BYTES)
    }
}

impl<'de> Deserialize<'de> for WasmStack {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let most = limits::WASM_STACK_BYTES_MAX;
        match units::bytes(input)? {
            bytes if bytes <= most => Ok(Self(bytes)),
            bytes => Err(D::Error::custom(format!("too much stack for a guest, most={most} got={bytes}"))),
        }
    }
}

fn bounded<'de, D: Deserializer<'de>>(input: D, what: &str, most: usize) -> Result<usize, D::Error> {
    let given = usize::deserialize(input)?;
    if (1..=most).contains(&given) {
        return Ok(given);
    }
    Err(D::Error::custom(format!("not a {what}: 1 to {most} are allowed, got={given}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    with_sandbox! {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        struct Table {}
    }

    fn sandbox(text: &str) -> SandboxConfig {
        toml::from_str::<Table>(text).unwrap().sandbox_keys().over(&Sandbox::default())
    }

    #[test]
    fn what_is_not_set_is_the_default_and_the_rest_is_as_written() {
        assert_eq!(sandbox("").sandbox, Sandbox::default());
        let set = sandbox(
            "host-calls = 7\ninstances = 2\ntables = 3\nlog-lines = 0\nseries = 0\nmemory = \"1MiB\"\n\
             allow = { connect = [\"DB.internal:5432\"], folders = [{ path = \"in\", as = \"/in\" }] }",
        );
        let Sandbox { host_calls, instances, table_elements, log_lines, series, allow, .. } = &set.sandbox;
        assert_eq!((*host_calls, *instances, *table_elements, *log_lines, *series), (7, 2, 3, 0, 0));
        assert_eq!(allow.connect[0].to_string(), "db.internal:5432");
        assert!(!allow.folders[0].write);
    }

    #[test]
    fn i7_memory_is_counted_for_as_many_instances_as_there_may_be() {
        let set = sandbox("instances = 3\nmemory = \"1MiB\"");
        assert_eq!([set.memory(0), set.memory(2), set.memory(50)], [0, 2 << 20, 3 << 20]);
    }
}
