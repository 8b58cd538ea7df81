//! `[deploy]`: how components come to run.

use serde::Deserialize;

use super::cache::CacheConfig;

/// `[deploy]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "the table [deploy]", default)]
pub struct DeployConfig {
    /// Where compiled components are kept.
    pub cache: CacheConfig,
}
