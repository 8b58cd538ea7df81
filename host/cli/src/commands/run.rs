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
    serve(config, flags).await
}

/// Runs what the settings say until a signal, then says what was done.
pub async fn serve(config: Config, flags: ConnectionFlags) -> Result<Exit, Failure> {
    let stop = Stop::on_signals()?;
    let building = Host::build(config, flags, stop.token());
    let built = stop.token().run_until_cancelled(building).await;
    let Some(host) = built.transpose()? else { return Ok(Exit::Ok) };
    host.introduction().iter().try_for_each(|line| output::line(line))?;
    let done = host.run(stop.token().clone()).await?;
    output::line(done.to_string().trim_end())?;
    Ok(if done.is_partial() { Exit::Partial } else { Exit::Ok })
}
