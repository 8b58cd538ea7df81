//! `[deploy]`: how components come to run, and how new ones prove themselves.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use serde::Deserialize;
use tidemill_engine::limits;
use tidemill_runtime::RolloutSettings;

use super::{cache::CacheConfig, units};
use crate::{exit::Exit, failure::Failure};

/// `[deploy]`: what is looked at, how often, and what is expected of what is new.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "the table [deploy]", default)]
pub struct DeployConfig {
    /// Whether a component whose file changes is swapped while the host runs.
    pub watch: bool,
    /// How often files, and the store of deployments, are looked at.
    #[serde(deserialize_with = "units::positive_duration")]
    pub interval: Duration,
    /// How long a new component has to prove itself.
    #[serde(deserialize_with = "units::duration")]
    pub probation: Duration,
    /// Batches in a hundred that may fail on it beyond those that failed before.
    pub max_error_percent: f64,
    /// How many times as long as before a record may take.
    pub max_slowdown: f64,
    /// Documents that a new handler is tried out on, a line each.
    pub samples: Option<PathBuf>,
    /// Where compiled components are kept.
    pub cache: CacheConfig,
}

impl DeployConfig {
    /// What is expected of a new component. It reads the samples.
    pub fn rollout(&self) -> Result<RolloutSettings, Failure> {
        let samples = match &self.samples {
            None => Vec::new(),
            Some(file) => Bytes::from(fs::read(file).map_err(|error| no_samples(file, &error))?)
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(Bytes::copy_from_slice)
                .collect(),
        };
        let Self { probation, max_error_percent, max_slowdown, .. } = *self;
        Ok(RolloutSettings {
            probation,
            max_error_percent,
            max_slowdown,
            samples,
            ..RolloutSettings::default()
        })
    }

    /// What no single setting can know.
    pub fn validate(&self) -> Result<(), Failure> {
        let wrong = |message: String| Err(Failure::new(Exit::Settings, message));
        if !(0.0..=100.0).contains(&self.max_error_percent) {
            return wrong(format!("deploy.max-error-percent is 0 to 100, got={}", self.max_error_percent));
        }
        if !(self.max_slowdown.is_finite() && self.max_slowdown >= 1.0) {
            return wrong(format!("deploy.max-slowdown is 1 or more, got={}", self.max_slowdown));
        }
        Ok(())
    }

    /// The files and folders that it names.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.samples.iter_mut().chain(self.cache.path())
    }
}

fn no_samples(file: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Surroundings, format!("the samples cannot be read: {error}: file={}", file.display()))
        .help("name a file with a document on each line with deploy.samples, or leave it out")
}

impl Default for DeployConfig {
    fn default() -> Self {
        Self {
            watch: true,
            interval: limits::DEPLOY_INTERVAL,
            probation: limits::PROBATION,
            max_error_percent: limits::MAX_ERROR_PERCENT,
            max_slowdown: limits::MAX_SLOWDOWN,
            samples: None,
            cache: CacheConfig::default(),
        }
    }
}
