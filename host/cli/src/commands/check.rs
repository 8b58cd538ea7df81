//! `tidemill check`: settings and components, and the streams on request, without running anything.

use std::path::PathBuf;

use tidemill_engine::kinesis::ErrorKind;
use tidemill_runtime::Role;

use crate::{
    args::ConnectionFlags,
    config::Config,
    endpoint,
    exit::Exit,
    failure::Failure,
    host::{component, dead_letters, processor},
    output,
};

/// Check a settings file and its components against the contract, without running anything
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The settings file
    #[arg(default_value = "tidemill.toml")]
    settings: PathBuf,
    /// Check too that the streams are there; nothing is created
    #[arg(long)]
    streams: bool,
}

/// Says for every pipeline what was found.
pub async fn run(args: Args, flags: ConnectionFlags) -> Result<Exit, Failure> {
    let config = Config::load(&args.settings)?;
    let engine = component::engine(&config.deploy.cache, config.wasm_stack)?;
    for (name, pipeline) in &config.pipelines {
        let sinks = pipeline.named_sinks().map(|(_, sink)| &sink.producer.processor);
        let processors = [&pipeline.source.processor].into_iter().chain(sinks);
        let handler = (pipeline.handler.component.as_path(), Role::Handler);
        for (path, role) in [handler].into_iter().chain(processors.flat_map(processor::parts)) {
            let inspection = component::inspect(&engine, path, role).await?;
            output::line(&format!("pipeline {name}: {}", component::Shown(path, &inspection)))?;
        }
        if let Some(letters) = &pipeline.dead_letters {
            output::line(&format!("pipeline {name}: dead letters {}", dead_letters::Shown(letters)))?;
        }
    }
    for (name, stream) in config.ingest.iter().flat_map(|ingest| &ingest.streams) {
        for (path, role) in processor::parts(&stream.producer.processor) {
            let inspection = component::inspect(&engine, path, role).await?;
            output::line(&format!("ingest {name}: {}", component::Shown(path, &inspection)))?;
        }
    }
    if !config.pipelines.is_empty() {
        output::line(&format!("leases {}", config.leases.shown(config.lease_store())))?;
    }
    if args.streams {
        check_streams(&config, flags).await?;
    }
    output::line(&format!("{} is in order", args.settings.display()))?;
    Ok(Exit::Ok)
}

async fn check_streams(config: &Config, flags: ConnectionFlags) -> Result<(), Failure> {
    let Some(settings) = flags.over(&config.kinesis) else {
        return output::line("streams: the embedded Kinesis is not running; they are checked when it starts");
    };
    let kinesis = endpoint::open(&settings).await?;
    for (name, pipeline) in &config.pipelines {
        for (stream, create) in pipeline.streams() {
            let found = match (kinesis.describe_stream_summary(stream).await, create) {
                (Ok(summary), _) => format!("{} {} shards", summary.status.as_str(), summary.open_shards),
                (Err(error), Some(_)) if error.kind == ErrorKind::NotFound => "will be created".to_owned(),
                (Err(error), _) => return Err(Failure::of_stream(stream, &error)),
            };
            output::line(&format!("pipeline {name}: stream {stream}: {found}"))?;
        }
    }
    Ok(())
}
