//! `[leases]`: where leases and checkpoints are kept.

use std::{fmt, path::PathBuf, time::Duration};

use serde::Deserialize;
use tidemill_backends::{
    leases::{dynamodb, redis},
    redis::RedisSettings,
};
use tidemill_engine::{lease::balance::Balance, limits};

use super::units;
use crate::{exit::Exit, failure::Failure};

/// `[leases]`: where leases and checkpoints are kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "the table [leases]", default)]
pub struct LeasesConfig {
    /// What keeps them; a file, unless the streams are in memory only too.
    pub store: Option<StoreKind>,
    /// The file.
    pub path: Option<PathBuf>,
    /// The Redis.
    pub redis: Option<RedisConfig>,
    /// The DynamoDB.
    pub dynamodb: Option<DynamoDbConfig>,
    /// How long a lease may stand still before another worker takes it.
    #[serde(deserialize_with = "units::positive_duration")]
    pub failover: Duration,
    /// How long a checkpoint may wait to be written.
    #[serde(deserialize_with = "units::positive_duration")]
    pub checkpoint_interval: Duration,
    /// How long another worker may take to hand a lease over; the failover time unless told otherwise.
    #[serde(deserialize_with = "units::optional_duration")]
    pub handover: Option<Duration>,
    /// What workers should have the same of.
    pub balance: BalanceConfig,
}

impl Default for LeasesConfig {
    fn default() -> Self {
        Self {
            store: None,
            path: None,
            redis: None,
            dynamodb: None,
            failover: limits::FAILOVER,
            checkpoint_interval: limits::CHECKPOINT_INTERVAL,
            handover: None,
            balance: BalanceConfig::default(),
        }
    }
}

/// What workers should have the same of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BalanceConfig {
    /// Shards.
    #[default]
    Count,
    /// Bytes a second.
    Throughput,
}

impl From<BalanceConfig> for Balance {
    fn from(config: BalanceConfig) -> Self {
        match config {
            BalanceConfig::Count => Self::Count,
            BalanceConfig::Throughput => Self::Throughput,
        }
    }
}

/// What keeps leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// A file on this machine.
    File,
    /// This process; they are gone when it stops.
    Memory,
    /// Redis, one node or a cluster.
    Redis,
    /// A table of DynamoDB.
    DynamoDb,
}

impl StoreKind {
    /// As it is written in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Memory => "memory",
            Self::Redis => "redis",
            Self::DynamoDb => "dynamodb",
        }
    }
}

/// `[leases.redis]`, and what else is kept in Redis: where it is and how to get in. Printing it shows no password.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "the table [leases.redis]", default)]
pub struct RedisConfig {
    /// One node, or one of a cluster.
    pub url: Option<String>,
    /// Some nodes of a cluster.
    pub urls: Vec<String>,
    /// Whether the one URL is of a cluster.
    pub cluster: bool,
    /// The certificates to trust, in place of the machine's own.
    pub ca: Option<PathBuf>,
    /// The environment variable that holds the password.
    pub password_env: Option<String>,
    /// What every key begins with.
    pub prefix: String,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: None,
            urls: Vec::new(),
            cluster: false,
            ca: None,
            password_env: None,
            prefix: redis::PREFIX.to_owned(),
        }
    }
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("settings", &self.settings(None))
            .field("password_env", &self.password_env)
            .field("prefix", &self.prefix)
            .finish()
    }
}

impl RedisConfig {
    /// What the client is told, with the password that the environment holds.
    pub fn settings(&self, password: Option<String>) -> RedisSettings {
        let urls = self.url.iter().chain(&self.urls).cloned().collect();
        RedisSettings { urls, cluster: self.cluster, ca: self.ca.clone(), password }
    }

    fn validate(&self) -> Result<(), Failure> {
        if self.prefix.is_empty() || self.prefix.contains(['{', '}']) {
            return Err(contradiction(format!("not a prefix of keys: got={:?}", self.prefix))
                .help("leases.redis.prefix takes any text without braces, such as \"tidemill\""));
        }
        self.validate_servers("leases.redis").map_err(|(wrong, help)| contradiction(wrong).help(help))
    }

    /// Looks whether the servers of a table of this name can be meant: what is wrong, and what to do.
    pub fn validate_servers(&self, table: &str) -> Result<(), (String, &'static str)> {
        if self.url.is_some() && !self.urls.is_empty() {
            let wrong = format!("{table} has both `url` and `urls`");
            return Err((
                wrong,
                "`url` names one node; `urls` some nodes of a cluster: leave one of them out",
            ));
        }
        let settings = self.settings(None);
        settings
            .validate()
            .map_err(|error| (error.to_string(), "docs/settings.md shows how Redis is named"))?;
        if self.password_env.is_some() && settings.has_password() {
            let wrong = format!("{table} has a password in its URL and a `password-env`");
            return Err((wrong, "leave the password out of the URL"));
        }
        Ok(())
    }
}

/// `[leases.dynamodb]`: which table, and where.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "the table [leases.dynamodb]", default)]
pub struct DynamoDbConfig {
    /// The table's name.
    pub table: String,
    /// Whether it is made when it is missing.
    pub create_table: bool,
    /// The AWS region, if it is another one than that of the streams.
    pub region: Option<String>,
    /// An endpoint in place of AWS's own.
    pub endpoint_url: Option<String>,
    /// The profile in the AWS configuration files, if it is another one than that of the streams.
    pub profile: Option<String>,
}

impl Default for DynamoDbConfig {
    fn default() -> Self {
        Self {
            table: dynamodb::TABLE.to_owned(),
            create_table: false,
            region: None,
            endpoint_url: None,
            profile: None,
        }
    }
}

impl LeasesConfig {
    /// Where they are, for people; without any password.
    pub fn shown(&self, store: StoreKind) -> String {
        match store {
            StoreKind::Memory => "in memory".to_owned(),
            StoreKind::File => format!("in {}", self.path.clone().unwrap_or_default().display()),
            StoreKind::Redis => {
                let redis = self.redis.clone().unwrap_or_default();
                format!("in Redis at {}, keys {}:{{…}}:leases", redis.settings(None), redis.prefix)
            }
            StoreKind::DynamoDb => {
                format!("in DynamoDB, table {}", self.dynamodb.clone().unwrap_or_default().table)
            }
        }
    }

    /// What no single key can know, given what keeps the leases.
    pub fn validate(&self, store: StoreKind) -> Result<(), Failure> {
        let foreign = [
            (self.path.is_some() && store != StoreKind::File, "path", "file"),
            (self.redis.is_some() && store != StoreKind::Redis, "redis", "redis"),
            (self.dynamodb.is_some() && store != StoreKind::DynamoDb, "dynamodb", "dynamodb"),
        ];
        if let Some((_, key, owner)) = foreign.into_iter().find(|(is_foreign, ..)| *is_foreign) {
            let store = store.as_str();
            return Err(contradiction(format!("leases.{key} is set, and leases.store is \"{store}\""))
                .help(format!("set leases.store = \"{owner}\", or leave leases.{key} out")));
        }
        match &self.redis {
            Some(redis) => redis.validate(),
            None if store == StoreKind::Redis => Err(contradiction("leases.store = \"redis\" needs a URL")
                .help("add [leases.redis] with url = \"redis://HOST:6379\"")),
            None => Ok(()),
        }
    }
}

fn contradiction(message: impl Into<String>) -> Failure {
    Failure::new(Exit::Settings, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> LeasesConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_is_shown_of_redis_has_no_password() {
        let leases = config("store = 'redis'\nredis = { url = 'redis://me:secret@host:1/2', prefix = 'p' }");
        assert_eq!(leases.shown(StoreKind::Redis), "in Redis at redis://me@host:1/2, keys p:{…}:leases");
        assert!(!format!("{leases:?}").contains("secret"), "{leases:?}");
    }

    #[test]
    fn every_store_is_read_by_the_name_that_it_is_shown_with() {
        for store in [StoreKind::File, StoreKind::Memory, StoreKind::Redis, StoreKind::DynamoDb] {
            assert_eq!(config(&format!("store = '{}'", store.as_str())).store, Some(store));
        }
    }

    #[test]
    fn settings_of_redis_that_cannot_be_meant_are_refused_with_help() {
        let cases = [
            ("", "leases.store = \"redis\" needs a URL"),
            ("redis = { url = 'redis://a', urls = ['redis://b'] }", "leases.redis has both `url` and `urls`"),
            ("redis = { url = 'redis://a', prefix = 'a{b}' }", "not a prefix of keys"),
            (
                "redis = { url = 'redis://:x@a', password-env = 'P' }",
                "leases.redis has a password in its URL",
            ),
            (
                "path = 'x'\nredis = { url = 'redis://a' }",
                "leases.path is set, and leases.store is \"redis\"",
            ),
            ("dynamodb = {}\nredis = { url = 'redis://a' }", "leases.dynamodb is set, and leases.store"),
        ];
        for (text, expected) in cases {
            let failure = config(text).validate(StoreKind::Redis).unwrap_err();
            assert!(failure.to_string().starts_with(expected), "{failure}");
            assert!(failure.help_text().is_some(), "{failure}");
            assert_eq!(failure.exit(), Exit::Settings);
        }
        let no_url = config("redis = {}").validate(StoreKind::Redis).unwrap_err();
        assert!(no_url.to_string().starts_with("no Redis is named: set the URL"), "{no_url}");
        assert!(config("redis = { urls = ['redis://a', 'redis://b'] }").validate(StoreKind::Redis).is_ok());
    }
}
