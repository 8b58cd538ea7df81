//! What the house allows all the same, and why.

use std::{collections::BTreeSet, fs};

use serde::Deserialize;

use super::{Finding, tree};

/// The list in `tests/tidy.toml`.
pub struct Exceptions {
    all: Vec<Exception>,
    used: BTreeSet<usize>,
}

/// One entry of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// Name of the check.
    pub check: String,
    /// Path from the repository's root; a folder where it ends with a slash.
    pub path: String,
    /// Part of the finding's detail; every finding of the check in this file where it is left out.
    #[serde(default)]
    pub detail: String,
    /// Why, as a sentence.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    exception: Vec<Exception>,
}

impl Exceptions {
    /// Reads the list.
    pub fn load() -> Self {
        let text =
            fs::read_to_string(tree::root().join("tests/tidy.toml")).expect("tests/tidy.toml can be read");
        let list: List = toml::from_str(&text).expect("tests/tidy.toml is a list of exceptions");
        Self { all: list.exception, used: BTreeSet::new() }
    }

    /// Whether a finding is excepted.
    pub fn allow(&mut self, finding: &Finding) -> bool {
        let found = self.all.iter().position(|exception| exception.covers(finding));
        self.used.extend(found);
        found.is_some()
    }

    /// Every exception.
    pub fn all(&self) -> &[Exception] {
        &self.all
    }

    /// The exceptions that no finding needed.
    pub fn unused(&self) -> Vec<&Exception> {
        self.all
            .iter()
            .enumerate()
            .filter(|(at, _)| !self.used.contains(at))
            .map(|(_, exception)| exception)
            .collect()
    }
}

impl Exception {
    fn covers(&self, finding: &Finding) -> bool {
        let here =
            self.path == finding.path || (self.path.ends_with('/') && finding.path.starts_with(&self.path));
        here && self.check == finding.check && finding.detail.contains(&self.detail)
    }
}
