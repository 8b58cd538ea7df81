//! `tidemill run`: the host, from a settings file to the end of the drain.

use std::path::PathBuf;

use crate::{
    args::ConnectionFlags, config::Config, exit::Exit, failure::Failure, host::Host, output, signals::Stop,
};

/// Run the pipelines of a settings file until SIGINT or SIGTERM
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The settings file
    #[arg(default_value = "tidemill.toml")]
    settings: PathBuf,
}

/// Runs until a signal, then says what was done.
pub async fn run(args: Args, flags: ConnectionFlags) -> Result<Exit, Failure> {
    let config = Config::load(&args.settings)?;
    let stop = Stop::on_signals()?;
    let built = stop.token().run_until_cancelled(Host::build(config, flags)).await;
    let Some(host) = built.transpose()? else { return Ok(Exit::Ok) };
    host.introduction().iter().try_for_each(|line| output::line(line))?;
    let ended = host.run(stop.token().clone()).await?;
    ended.iter().try_for_each(|pipeline| output::line(&pipeline.to_string()))?;
    let has_stopped_shards = ended.iter().any(|pipeline| !pipeline.summary.stopped.is_empty());
    Ok(if has_stopped_shards { Exit::Partial } else { Exit::Ok })
}
