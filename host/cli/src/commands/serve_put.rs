//! `tidemill serve-put`: documents over HTTP onto streams, without pipelines.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use tidemill_engine::stream::StreamRef;

use super::{producing::ProducerFlags, run::serve};
use crate::{
    args::ConnectionFlags,
    config::{Config, IngestConfig, IngestStreamConfig, ProcessorConfig, ProducerConfig, SpoolConfig},
    exit::Exit,
    failure::Failure,
};

/// Take documents over HTTP and put them onto streams, until SIGINT or SIGTERM
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The settings file, of which `[ingest]` is served; without it and without --stream, tidemill.toml
    #[arg(conflicts_with = "stream")]
    settings: Option<PathBuf>,
    /// Name or ARN of a stream, served as /streams/NAME/records; once for each stream
    #[arg(long)]
    stream: Vec<StreamRef>,
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", requires = "stream")]
    listen: Option<SocketAddr>,
    /// Listen where other machines reach it, though nobody is asked who they are
    #[arg(long, requires = "stream")]
    allow_remote: bool,
    /// How documents become records
    #[arg(long, default_value_t, requires = "stream")]
    processor: ProcessorConfig,
    /// Folder where entries wait that were not on the stream in time
    #[arg(long, value_name = "FOLDER", requires = "stream")]
    spool: Option<PathBuf>,
    #[command(flatten)]
    producer: ProducerFlags,
}

/// Serves until a signal, then says what was done.
pub async fn run(args: Args, connection: ConnectionFlags) -> Result<Exit, Failure> {
    let config = match args.settings {
        None if !args.stream.is_empty() => Config::of_ingest(args.ingest())?,
        settings => of_file(&settings.unwrap_or_else(|| "tidemill.toml".into()))?,
    };
    serve(config, connection).await
}

fn of_file(path: &Path) -> Result<Config, Failure> {
    let config = Config::load(path)?;
    if config.ingest.is_some() {
        return Ok(Config { pipelines: BTreeMap::new(), ..config });
    }
    let message = format!("there is no ingest to serve: file={}", path.display());
    Err(Failure::new(Exit::Settings, message)
        .help("add [ingest] with [ingest.streams.NAME], or name streams with --stream"))
}

impl Args {
    /// What a settings file would say.
    fn ingest(self) -> IngestConfig {
        let producer = self.producer.over(ProducerConfig::of(self.processor));
        let spool = self.spool.map(SpoolConfig::new);
        let stream = |stream: StreamRef| {
            let config = IngestStreamConfig {
                stream: Some(stream.clone()),
                producer: producer.clone(),
                spool: spool.clone(),
            };
            (stream.name().to_owned(), config)
        };
        let default = IngestConfig::default();
        IngestConfig {
            listen: self.listen.unwrap_or(default.listen),
            allow_remote: self.allow_remote,
            streams: self.stream.into_iter().map(stream).collect(),
            ..default
        }
    }
}
