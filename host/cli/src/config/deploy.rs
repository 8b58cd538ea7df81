//! `[deploy]`: how components come to run, and how new ones prove themselves.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;
use tidemill_engine::limits;

use super::{cache::CacheConfig, units};

/// `[deploy]`: what is looked at, how often, and what is expected of what is new.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "the table [deploy]", default)]
pub struct DeployConfig {
    /// Whether a component whose file changes is swapped while the host runs.
    pub watch: bool,
    /// How often files, and the store of deployments, are looked at.
    #[serde(deserialize_with = "units::positive_duration")]
    pub interval: Duration,
    /// Where compiled components are kept.
    pub cache: CacheConfig,
}

impl Default for DeployConfig {
    fn default() -> Self {
        Self { watch: true, interval: limits::DEPLOY_INTERVAL, cache: CacheConfig::default() }
    }
}
