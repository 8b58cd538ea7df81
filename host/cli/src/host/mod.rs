//! From settings to a running host. [`Host::build`] compiles components, opens clients and stores and looks at the
//! streams; only [`Host::run`] starts work.

pub mod bound;
pub mod component;
pub mod dead_letters;
pub mod leases;
mod loading;
mod pipeline;
pub mod processor;
pub mod report;
mod running;
pub mod target;
mod worker;

use std::time::Duration;

use tidemill_engine::{
    consumer::{ReadMemory, SharingSettings},
    lease::keeper::KeeperSettings,
    limits,
    time::Clock,
};
use tidemill_local_kinesis::{LocalKinesis, Settings};
use tokio_util::sync::CancellationToken;

use crate::{
    admin::Admin,
    args::ConnectionFlags,
    config::{Config, KinesisConfig},
    deploying::{beginning::Beginnings, following::Following},
    endpoint,
    failure::Failure,
    ingest::Ingest,
};

use bound::MemoryBound;
use component::LazyEngine;
use dead_letters::BuiltLetters;
use leases::Stores;
use pipeline::{BuiltPipeline, Components, Surroundings};
use target::Target;
use worker::worker_id;

/// A host that is ready to run.
#[derive(Debug)]
pub struct Host {
    pipelines: Vec<BuiltPipeline>,
    ingest: Option<Ingest>,
    admin: Option<Admin>,
    following: Following,
    surroundings: Surroundings,
    stores: Stores,
    embedded: Option<LocalKinesis>,
    grace: Duration,
    read_memory: Option<usize>,
}

impl Host {
    /// Opens everything that the settings name. What is wrong with the machine's own files is told before anything
    /// is asked of a stream.
    pub async fn build(
        config: Config,
        flags: ConnectionFlags,
        stop: &CancellationToken,
    ) -> Result<Self, Failure> {
        let clock = Clock::system();
        let engines = LazyEngine::new(&config.deploy, config.wasm_stack)?;
        let admin = match &config.admin {
            Some(admin) => Some(Admin::build(admin).await?),
            None => None,
        };
        let stores = Stores::open(&config, &flags).await?;
        let deployments = stores.deployments();
        let beginnings = Beginnings::ask(&config, &*deployments).await?;
        let mut components = Vec::new();
        for (name, pipeline) in &config.pipelines {
            components.push(Components::load(&engines, name, pipeline, &beginnings).await?);
        }
        let (embedded, target) = connect(config.kinesis, flags).await?;
        let surroundings = Surroundings {
            target,
            application: config.application,
            worker: worker_id(clock.now()),
            clock,
            keeper: KeeperSettings {
                failover: config.leases.failover,
                checkpoint_interval: config.leases.checkpoint_interval,
            },
            sharing: SharingSettings {
                handover: config.leases.handover,
                balance: config.leases.balance.into(),
                ..SharingSettings::default()
            },
            memory: config.read_memory.map_or_else(ReadMemory::default, ReadMemory::of),
        };
        let mut pipelines = Vec::new();
        for ((name, pipeline), components) in config.pipelines.into_iter().zip(components) {
            let leases = stores.of_pipeline(&name);
            let letters = match &pipeline.dead_letters {
                Some(letters) => {
                    let redis = config.leases.redis.as_ref();
                    Some(BuiltLetters::open(letters, redis, &surroundings.target).await?)
                }
                None => None,
            };
            let built =
                BuiltPipeline::build(name, pipeline, components, leases, letters, &surroundings).await?;
            pipelines.push(built);
        }
        let deployables = pipelines.iter_mut().flat_map(BuiltPipeline::take_deployables).collect();
        let worker = surroundings.worker.as_str();
        let following = Following::build(deployables, deployments, &config.deploy, worker, clock).await;
        let ingest = match config.ingest {
            Some(ingest) => Some(Ingest::build(ingest, &surroundings.target, &engines, stop.clone()).await?),
            None => None,
        };
        warn_of_too_many(&pipelines);
        let (grace, read_memory) = (config.grace, config.read_memory);
        Ok(Self { pipelines, ingest, admin, following, surroundings, stores, embedded, grace, read_memory })
    }

    /// What the host is about to do, for people.
    pub fn introduction(&self) -> Vec<String> {
        let embedded = self.embedded.iter().map(|local| endpoint::introduction(local.url()));
        let mut bound = MemoryBound::default();
        self.pipelines.iter().for_each(|pipeline| bound += pipeline.bound());
        bound.reads = bound.reads.min(self.read_memory.unwrap_or(usize::MAX));
        bound.ingest = self.ingest.as_ref().map_or(0, Ingest::memory);
        bound.admin = self.admin.as_ref().map_or(0, |_| limits::COMPONENT_BYTES);
        let memory = format!("memory {bound}");
        let leases = (!self.pipelines.is_empty()).then(|| self.stores.to_string());
        let pipelines = self.pipelines.iter().map(ToString::to_string);
        embedded
            .chain([memory])
            .chain(leases)
            .chain(self.admin.iter().map(ToString::to_string))
            .chain(self.ingest.iter().map(ToString::to_string))
            .chain(pipelines)
            .collect()
    }
}

fn warn_of_too_many(pipelines: &[BuiltPipeline]) {
    let handlers: usize = pipelines.iter().map(|pipeline| pipeline.bound().handlers).sum();
    let most = limits::INSTANCES;
    if handlers > most as usize {
        tracing::warn!(
            handlers,
            most,
            "all shards with all their lanes need more instances than a host has: run more hosts, or lower lanes"
        );
    }
}

/// Reaches the streams, starting the embedded Kinesis if it is wanted.
async fn connect(
    config: KinesisConfig,
    flags: ConnectionFlags,
) -> Result<(Option<LocalKinesis>, Target), Failure> {
    if let Some(settings) = flags.over(&config) {
        return Ok((None, Target::connect(&settings).await?));
    }
    let settings = Settings { port: config.port, data_dir: config.data_dir, ..Settings::default() };
    let local = LocalKinesis::start(settings).await.map_err(|error| endpoint::not_started(&error))?;
    // Others join by the wire. This process needs none, nor the credentials that a client would look for.
    let target = Target::embedded(local.kinesis());
    Ok((Some(local), target))
}
