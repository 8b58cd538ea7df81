//! What a component asks of the world around it, told by its imports.

use std::{collections::BTreeSet, fmt, str::FromStr};

use thiserror::Error;

use crate::component::Inspection;

/// Something of the world around it that a component asks for.
///
/// An import says that a component may use it and not that it does: the libraries of most languages import more than
/// the code on top of them needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// Requests to HTTP servers.
    Http,
    /// Sockets, and looking up names.
    Network,
    /// Files and folders.
    Files,
    /// Variables of the environment, and arguments.
    Environment,
    /// The time, and waiting.
    Clocks,
    /// Random numbers.
    Random,
    /// Standard input and outputs, which lead to the log.
    Stdio,
}

/// What imports ask for, by what their names begin with.
const ASKED_BY: [(&str, Capability); 7] = [
    ("wasi:http/", Capability::Http),
    ("wasi:sockets/", Capability::Network),
    ("wasi:filesystem/", Capability::Files),
    ("wasi:cli/environment@", Capability::Environment),
    ("wasi:clocks/", Capability::Clocks),
    ("wasi:random/", Capability::Random),
    ("wasi:cli/", Capability::Stdio),
];
/// Imports that ask for nothing though their names begin like others.
const HARMLESS: [&str; 2] = ["wasi:cli/exit@", "wasi:cli/run@"];

impl Capability {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Http, Self::Network, Self::Files, Self::Environment, Self::Clocks, Self::Random, Self::Stdio];

    /// Whether a component has it only where the settings grant it.
    pub fn needs_grant(self) -> bool {
        matches!(self, Self::Http | Self::Network | Self::Files | Self::Environment)
    }

    /// What these imports ask for together.
    pub fn of_imports<'a>(imports: impl IntoIterator<Item = &'a str>) -> BTreeSet<Self> {
        imports.into_iter().filter_map(Self::of_import).collect()
    }

    /// Its name, as settings and commands write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Network => "network",
            Self::Files => "files",
            Self::Environment => "environment",
            Self::Clocks => "clocks",
            Self::Random => "random",
            Self::Stdio => "stdio",
        }
    }

    fn of_import(name: &str) -> Option<Self> {
        if HARMLESS.iter().any(|harmless| name.starts_with(harmless)) {
            return None;
        }
        ASKED_BY.iter().find(|(start, _)| name.starts_with(start)).map(|(_, capability)| *capability)
    }
}

/// The capabilities that `after` asks for though `before` did not, of those that the settings have to grant.
pub fn newly_asked(before: &Inspection, after: &Inspection) -> BTreeSet<Capability> {
    let new = after.capabilities.difference(&before.capabilities).copied();
    new.filter(|capability| capability.needs_grant()).collect()
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Capability {
    type Err = UnknownCapability;

    fn from_str(text: &str) -> Result<Self, UnknownCapability> {
        let found = Self::ALL.into_iter().find(|capability| capability.name() == text);
        found.ok_or_else(|| UnknownCapability(text.to_owned()))
    }
}

/// A text that names no capability.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a capability: http, network, files, environment, clocks, random and stdio are, got={0:?}")]
pub struct UnknownCapability(String);

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(imports: &[&str]) -> Inspection {
        Inspection::of_imports_alone(imports)
    }

    #[test]
    fn imports_tell_what_a_component_asks_for() {
        let cases: [(&str, &[Capability]); 9] = [
            ("wasi:http/outgoing-handler@0.2.4", &[Capability::Http]),
            ("wasi:sockets/tcp-create-socket@0.2.6", &[Capability::Network]),
            ("wasi:filesystem/preopens@0.2.6", &[Capability::Files]),
            ("wasi:cli/environment@0.2.6", &[Capability::Environment]),
            ("wasi:clocks/wall-clock@0.2.6", &[Capability::Clocks]),
            ("wasi:random/random@0.2.6", &[Capability::Random]),
            ("wasi:cli/terminal-stdout@0.2.6", &[Capability::Stdio]),
            ("wasi:cli/exit@0.2.6", &[]),
            ("tidemill:streams/logging@0.1.0", &[]),
        ];
        for (import, expected) in cases {
            let asked = Capability::of_imports([import]);
            assert!(asked.iter().eq(expected), "{import} asks for {asked:?}");
        }
    }

    #[test]
    fn only_what_is_new_and_has_to_be_granted_counts_as_newly_asked() {
        let before = asking(&["wasi:filesystem/types@0.2.6"]);
        let after =
            asking(&["wasi:filesystem/types@0.2.9", "wasi:clocks/wall-clock@0.2.6", "wasi:http/types@0.2.4"]);
        assert!(newly_asked(&before, &after).into_iter().eq([Capability::Http]));
        assert!(newly_asked(&after, &before).is_empty());
    }

    #[test]
    fn a_capability_is_read_as_it_is_written() {
        for capability in Capability::ALL {
            assert_eq!(capability.to_string().parse(), Ok(capability));
        }
        assert!("sockets".parse::<Capability>().is_err());
    }
}
