//! The pipelines of a settings file, with their leases and, where it can be asked, the shards of their stream.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tidemill_backends::dialects::kcl::Records;
use tidemill_engine::{
    kinesis::{Kinesis, Shard, ShardFilter, list_all_shards},
    lease::{Lease, LeaseStore, memory::MemoryLeases, plan::Start},
    stream::StreamRef,
};
use tidemill_processors::Aggregator;

use crate::{
    args::ConnectionFlags,
    config::{Config, HalfConfig, KinesisConfig, Name, PipelineConfig, ProcessorKind, StoreKind},
    endpoint,
    exit::Exit,
    failure::Failure,
    host::leases::Stores,
    output,
};

/// Whose checkpoints.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// The settings file
    #[arg(long, value_name = "FILE", default_value = "tidemill.toml")]
    settings: PathBuf,
    /// The pipeline, where the file has several
    #[arg(long, value_name = "NAME")]
    pipeline: Option<Name>,
    /// The stream, where the pipeline reads several
    #[arg(long, value_name = "NAME")]
    stream: Option<StreamRef>,
}

/// What leases are opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To look only: a file that is missing is not made.
    Look,
    /// To move checkpoints.
    Move,
}

/// A pipeline whose checkpoints are looked at or moved.
#[derive(Debug)]
pub struct Opened {
    /// Its name.
    pub pipeline: Name,
    /// What it reads.
    pub stream: StreamRef,
    /// Its leases.
    pub leases: Arc<dyn LeaseStore>,
    /// How long a lease may stand still before its holder counts as gone.
    pub failover: Duration,
    /// Where it reads a shard without a checkpoint.
    pub start: Start,
    /// How it takes records apart.
    pub records: Records,
    /// The shards of its stream; none where it cannot be asked.
    pub shards: Option<Vec<Shard>>,
    /// What the settings say of AWS.
    pub kinesis: KinesisConfig,
}

impl Which {
    /// Opens the one pipeline that is meant.
    pub async fn open(&self, flags: &ConnectionFlags, purpose: Purpose) -> Result<Opened, Failure> {
        let mut opened = self.open_all(flags, purpose).await?;
        if opened.len() == 1 {
            return Ok(opened.remove(0));
        }
        if opened.is_empty() {
            return Err(Failure::new(Exit::Usage, "no pipeline of the settings reads that stream"));
        }
        let which = |one: &Opened| format!("--pipeline {} --stream {}", one.pipeline, one.stream.name());
        let names: Vec<String> = opened.iter().map(which).collect();
        Err(Failure::new(Exit::Usage, "the settings have several pipelines or streams")
            .help(format!("say which: {}", names.join(", or "))))
    }

    /// Opens the pipeline that is meant, or all of them.
    pub async fn open_all(&self, flags: &ConnectionFlags, purpose: Purpose) -> Result<Vec<Opened>, Failure> {
        let mut config = Config::load(&self.settings)?;
        if let Some(name) = &self.pipeline
            && !config.pipelines.contains_key(name)
        {
            let names: Vec<&str> = config.pipelines.keys().map(Name::as_str).collect();
            return Err(Failure::new(Exit::Usage, format!("there is no such pipeline: pipeline={name}"))
                .help(format!("the settings have: {}", names.join(", "))));
        }
        must_outlive_a_process(&config)?;
        let stores = match purpose {
            Purpose::Look if nothing_is_kept_yet(&config) => None,
            _ => Some(Stores::open(&config, flags).await?),
        };
        let kinesis = connect(flags, &config.kinesis).await;
        config.pipelines.retain(|name, _| self.pipeline.as_ref().is_none_or(|wanted| wanted == name));
        let mut opened = Vec::new();
        for (pipeline, PipelineConfig { source, .. }) in config.pipelines {
            let records = records(&source.processor.kind);
            let leases = stores.as_ref().map_or_else(
                || Arc::new(MemoryLeases::new()) as Arc<dyn LeaseStore>,
                |stores| stores.of_pipeline(&pipeline),
            );
            for stream in source.streams {
                if self.stream.as_ref().is_some_and(|wanted| wanted.name() != stream.name()) {
                    continue;
                }
                let shards = match &kinesis {
                    Some(kinesis) => shards(&**kinesis, &stream).await,
                    None => None,
                };
                opened.push(Opened {
                    leases: Arc::clone(&leases),
                    pipeline: pipeline.clone(),
                    failover: config.leases.failover,
                    start: source.start.0,
                    records,
                    stream,
                    shards,
                    kinesis: config.kinesis.clone(),
                });
            }
        }
        Ok(opened)
    }
}

impl Opened {
    /// Its leases as they are now. Those of a stream that it read before are told and left alone.
    pub async fn list(&self) -> Result<Vec<Lease>, Failure> {
        let mut leases =
            self.leases.list().await.map_err(|error| Failure::caused(Exit::Surroundings, &error))?;
        let before = leases.len();
        leases.retain(|lease| *lease.key.stream == *self.stream.name());
        if leases.len() < before {
            let others = before - leases.len();
            output::note(&format!("leases of other streams than {} stay as they are: {others}", self.stream));
        }
        leases.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(leases)
    }
}

fn nothing_is_kept_yet(config: &Config) -> bool {
    let path = config.leases.path.as_ref();
    config.lease_store() == StoreKind::File && path.is_none_or(|path| !path.exists())
}

fn must_outlive_a_process(config: &Config) -> Result<(), Failure> {
    if config.pipelines.is_empty() {
        return Err(Failure::new(Exit::Settings, "there is no pipeline, and so no checkpoint"));
    }
    match config.lease_store() {
        StoreKind::Memory => Err(Failure::new(
            Exit::Settings,
            "there is nothing to look at: leases.store = \"memory\" forgets checkpoints when the host stops",
        )
        .help("set leases.store = \"file\", or one that several hosts share")),
        _ => Ok(()),
    }
}

/// The endpoint, if the settings name one that can be asked. Why not is told, and the rest goes on without it.
async fn connect(flags: &ConnectionFlags, config: &KinesisConfig) -> Option<Arc<dyn Kinesis>> {
    let Some(settings) = flags.clone().over(config) else {
        output::note("the stream was not asked for its shards: the embedded Kinesis runs with the host only");
        return None;
    };
    let opened = endpoint::open(&settings).await;
    opened
        .inspect_err(|failure| output::note(&format!("the stream was not asked for its shards: {failure}")))
        .ok()
}

async fn shards(kinesis: &dyn Kinesis, stream: &StreamRef) -> Option<Vec<Shard>> {
    let listed = list_all_shards(kinesis, stream, ShardFilter::All).await;
    let told = |error: &_| {
        let failure = Failure::of_stream(stream, error);
        output::note(&format!("the stream was not asked for its shards: {failure}"));
    };
    listed.inspect_err(told).ok()
}

/// How a processor takes records apart, compared with the KCL.
fn records(processor: &ProcessorKind) -> Records {
    let of = |aggregator: Aggregator| match aggregator {
        Aggregator::Kpl => Records::LikeKcl,
        _ => Records::Otherwise,
    };
    match processor {
        ProcessorKind::Native(codec) => of(codec.aggregator),
        ProcessorKind::Halves(HalfConfig::Native(aggregator), _) => of(*aggregator),
        ProcessorKind::Whole(_) | ProcessorKind::Halves(HalfConfig::Component(_), _) => Records::Unknown,
    }
}
