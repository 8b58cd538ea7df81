//! From settings to a running host. [`Host::build`] compiles components, opens clients and stores and looks at the
//! streams; only [`Host::run`] starts work.

pub mod bound;
pub mod component;
mod leases;
mod pipeline;
mod running;

use std::time::Duration;

use tidemill_engine::{lease::{WorkerId, keeper::KeeperSettings}, time::Clock};
use tidemill_local_kinesis::{LocalKinesis, Settings};

use crate::{
    args::ConnectionFlags,
    config::{Config, Endpoint, KinesisConfig},
    endpoint::{self, Connection},
    failure::Failure,
};

use bound::MemoryBound;
use leases::Stores;
use pipeline::{BuiltPipeline, Surroundings};

/// A host that is ready to run.
#[derive(Debug)]
pub struct Host {
    pipelines: Vec<BuiltPipeline>,
    surroundings: Surroundings,
    embedded: Option<LocalKinesis>,
    grace: Duration,
}

impl Host {
    /// Opens everything that the settings name. What is wrong with the machine's own files is told before anything
    /// is asked of a stream.
    pub async fn build(config: Config, flags: ConnectionFlags) -> Result<Self, Failure> {
        let clock = Clock::system();
        let engine = component::engine()?;
        let mut handlers = Vec::new();
        for pipeline in config.pipelines.values() {
            handlers.push(component::load(&engine, &pipeline.handler).await?);
        }
        let stores = Stores::open(&config)?;
        let (embedded, connection) = connect(config.kinesis, flags).await?;
        let surroundings = Surroundings {
            kinesis: connection.open().await?,
            worker: WorkerId::from(&*format!("{}-{}", std::process::id(), clock.now())),
            clock,
            keeper: KeeperSettings {
                failover: config.leases.failover,
                checkpoint_interval: config.leases.checkpoint_interval,
            },
        };
        let mut pipelines = Vec::new();
        for ((name, pipeline), handler) in config.pipelines.into_iter().zip(handlers) {
            let leases = stores.of_pipeline(&name);
            pipelines.push(BuiltPipeline::build(name, pipeline, handler, leases, &surroundings).await?);
        }
        Ok(Self { pipelines, surroundings, embedded, grace: config.grace })
    }

    /// What the host is about to do, for people.
    pub fn introduction(&self) -> Vec<String> {
        let embedded = self.embedded.iter().map(|local| endpoint::introduction(local.url()));
        let mut bound = MemoryBound::default();
        self.pipelines.iter().for_each(|pipeline| bound += pipeline.bound());
        let memory = format!("memory {bound}");
        embedded.chain([memory]).chain(self.pipelines.iter().map(ToString::to_string)).collect()
    }
}

/// Starts the embedded Kinesis if it is wanted, and says how to reach the streams.
async fn connect(
    kinesis: KinesisConfig,
    flags: ConnectionFlags,
) -> Result<(Option<LocalKinesis>, Connection), Failure> {
    if let Some(connection) = Connection::from_settings(&kinesis, flags) {
        return Ok((None, connection));
    }
    let settings = Settings { port: kinesis.port, data_dir: kinesis.data_dir, ..Settings::default() };
    let local = LocalKinesis::start(settings).await.map_err(|error| endpoint::not_started(&error))?;
    // The way to the embedded streams is the wire, as for every other endpoint: what runs here runs on AWS.
    let connection = Connection { endpoint_url: Some(local.url().to_owned()), ..Connection::default() };
    Ok((Some(local), connection))
}

impl Connection {
    /// What flags and settings say together; none for the embedded Kinesis.
    pub fn from_settings(kinesis: &KinesisConfig, flags: ConnectionFlags) -> Option<Self> {
        let endpoint_url = match (flags.endpoint_url, &kinesis.endpoint) {
            (Some(url), _) => Some(url),
            (None, Endpoint::Url(url)) => Some(url.clone()),
            (None, Endpoint::Aws) => None,
            (None, Endpoint::Embedded) => return None,
        };
        Some(Self {
            endpoint_url,
            region: flags.region.or_else(|| kinesis.region.clone()),
            profile: flags.profile.or_else(|| kinesis.profile.clone()),
        })
    }
}
