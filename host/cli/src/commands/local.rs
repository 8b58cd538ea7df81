//! `tidemill local`: the embedded Kinesis alone, for any AWS client.

use std::path::PathBuf;

use tidemill_engine::{kinesis::memory, limits};
use tidemill_local_kinesis::{LocalKinesis, Settings};

use crate::{endpoint, exit::Exit, failure::Failure, output, signals::Stop};

/// Start the embedded Kinesis alone, for any AWS client
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Port on the loopback interface; 0 takes a free one
    #[arg(long, default_value_t = 4567)]
    port: u16,
    /// Folder to keep the streams in; without it they are forgotten at the end
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Refuse what the service would refuse: too many reads, records or bytes a second
    #[arg(long)]
    enforce_limits: bool,
    /// Open shards that all streams may have together
    #[arg(long, value_name = "SHARDS", default_value_t = limits::LOCAL_SHARD_LIMIT)]
    shard_limit: u32,
}

/// Runs until a signal.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let stop = Stop::on_signals()?;
    let local = start(args).await?;
    output::line(&endpoint::introduction(local.url()))?;
    stop.token().cancelled().await;
    local.stop().await;
    Ok(Exit::Ok)
}

async fn start(args: Args) -> Result<LocalKinesis, Failure> {
    let defaults = Settings::default();
    let Args { enforce_limits, shard_limit, .. } = args;
    let model = memory::Settings { enforce_limits, shard_limit, ..defaults.model };
    let settings = Settings { port: args.port, data_dir: args.data_dir, model };
    LocalKinesis::start(settings).await.map_err(|error| endpoint::not_started(&error))
}
