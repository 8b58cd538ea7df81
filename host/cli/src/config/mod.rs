//! `tidemill.toml`: what the settings are. Reading them opens nothing but the file itself.
//!
//! `docs/settings.md` documents every key, and a test compares the two. A key that is not known is an error.

mod admin;
mod cache;
mod dead_letters;
mod deploy;
mod failing;
mod file;
mod ingest;
mod leases;
mod names;
mod pipeline;
mod processor;
mod producer;
mod retrieval;
mod sandbox;
mod source;
mod units;

use std::{collections::BTreeMap, path::PathBuf, str::FromStr, time::Duration};

use serde::Deserialize;
use tidemill_engine::limits;

use crate::failure::Failure;

pub use admin::{AdminConfig, token};
pub use cache::CacheConfig;
pub use dead_letters::{DeadLettersConfig, RedisListConfig};
pub use deploy::DeployConfig;
pub use ingest::{IngestConfig, IngestStreamConfig, SpoolConfig};
pub use leases::{DynamoDbConfig, LeasesConfig, RedisConfig, StoreKind};
pub use names::{Name, Start};
pub use pipeline::{HandlerConfig, PipelineConfig};
pub use processor::{ComponentConfig, HalfConfig, ProcessorConfig, ProcessorKind};
pub use producer::{CreateConfig, OrderingConfig, ProducerConfig, SinkConfig};
pub use retrieval::{ConsumerName, RetrievalConfig};
pub use sandbox::{SandboxConfig, WasmStack};
pub use source::SourceConfig;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Leases and checkpoints belong to it.
    pub application: Name,
    /// How long a stopping host may take to finish what it has in hand.
    #[serde(default = "grace", deserialize_with = "units::duration")]
    pub grace: Duration,
    /// Bytes that the reads of all pipelines may take together.
    #[serde(default, deserialize_with = "units::optional_bytes")]
    pub read_memory: Option<usize>,
    /// Stack of each guest, in bytes.
    #[serde(default)]
    pub wasm_stack: WasmStack,
    /// Where the streams are.
    #[serde(default)]
    pub kinesis: KinesisConfig,
    /// Where leases and checkpoints are kept.
    #[serde(default)]
    pub leases: LeasesConfig,
    /// How components come to run.
    #[serde(default)]
    pub deploy: DeployConfig,
    /// What to run, by name.
    #[serde(default)]
    pub pipelines: BTreeMap<Name, PipelineConfig>,
    /// Shows how the host is, and takes components, over HTTP.
    pub admin: Option<AdminConfig>,
    /// Takes documents over HTTP.
    pub ingest: Option<IngestConfig>,
}

impl Config {
    /// The settings of a host that does nothing but ingest.
    pub fn of_ingest(ingest: IngestConfig) -> Result<Self, Failure> {
        ingest.validate()?;
        Ok(Self {
            application: Name::try_from("ingest".to_owned()).expect("it is a name"),
            grace: limits::GRACE,
            read_memory: None,
            wasm_stack: WasmStack::default(),
            kinesis: KinesisConfig::default(),
            leases: LeasesConfig::default(),
            deploy: DeployConfig::default(),
            pipelines: BTreeMap::new(),
            admin: None,
            ingest: Some(ingest),
        })
    }
}

/// `[kinesis]`: where the streams are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "the table [kinesis]", default)]
pub struct KinesisConfig {
    /// AWS, a URL, or the embedded Kinesis.
    #[serde(deserialize_with = "units::parsed")]
    pub endpoint: Endpoint,
    /// The AWS region.
    pub region: Option<String>,
    /// The profile in the AWS configuration files.
    pub profile: Option<String>,
    /// Where the embedded Kinesis keeps its streams; without it they are in memory only.
    pub data_dir: Option<PathBuf>,
    /// The port of the embedded Kinesis; 0 for any.
    pub port: u16,
}

/// Where the streams are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Endpoint {
    /// Amazon Kinesis.
    #[default]
    Aws,
    /// Whatever answers there.
    Url(String),
    /// The embedded Kinesis, in this process.
    Embedded,
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "embedded" => Ok(Self::Embedded),
            url if url.starts_with("http://") || url.starts_with("https://") => Ok(Self::Url(url.to_owned())),
            _ => Err(format!(
                "not an endpoint: expected `embedded` or a URL that begins with http:// or https://, got={text:?}"
            )),
        }
    }
}

fn grace() -> Duration {
    limits::GRACE
}
