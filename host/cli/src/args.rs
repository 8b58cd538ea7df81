//! The command line: every command has its own flags in `commands/`, and all of them share these.

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use tidemill_backends::kinesis::AwsSettings;

use crate::{
    commands::{
        check, checkpoints, dead_letters, deployments, inspect, local, put, run, serve_put, streams, tail,
    },
    config::{Endpoint, KinesisConfig},
};

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 a bug; 2 wrong flags; 3 wrong settings; 4 component refused; 5 stream, service, credentials or \
file not as needed; 6 partly failed; 130 ended by a second signal.";

/// Runs WebAssembly components on Amazon Kinesis streams.
#[derive(Debug, Parser)]
#[command(name = "tidemill", version, after_help = EXIT_CODES, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    pub connection: ConnectionFlags,
    #[command(flatten)]
    pub log: LogFlags,
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Run(run::Args),
    Check(check::Args),
    Inspect(inspect::Args),
    Put(put::Args),
    ServePut(serve_put::Args),
    Tail(tail::Args),
    #[command(subcommand)]
    Streams(streams::Args),
    #[command(subcommand)]
    Checkpoints(checkpoints::Args),
    Deploy(deployments::deploy::Args),
    Rollback(deployments::change::RollBack),
    Promote(deployments::change::Promote),
    History(deployments::history::Args),
    Status(deployments::status::Args),
    Resume(deployments::resume::Args),
    #[command(subcommand)]
    DeadLetters(dead_letters::Args),
    Local(local::Args),
}

impl Command {
    /// Whether it runs until it is stopped, so that its log is how people follow it.
    pub fn is_long_lived(&self) -> bool {
        matches!(self, Self::Run(_) | Self::ServePut(_) | Self::Local(_))
    }
}

/// Where the streams are. A flag goes before what a settings file says.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Kinesis")]
pub struct ConnectionFlags {
    /// Endpoint in place of AWS's own, such as the URL that `tidemill local` prints
    #[arg(long, global = true, value_name = "URL", value_parser = endpoint_url)]
    pub endpoint_url: Option<String>,
    /// AWS region
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// Profile in the AWS configuration files
    #[arg(long, global = true)]
    pub profile: Option<String>,
}

impl ConnectionFlags {
    /// What the flags say alone.
    pub fn settings(self) -> AwsSettings {
        let Self { endpoint_url, region, profile } = self;
        AwsSettings { region, endpoint_url, profile }
    }

    /// What the flags and a settings file say together; none for the embedded Kinesis.
    pub fn over(self, file: &KinesisConfig) -> Option<AwsSettings> {
        let endpoint_url = match (self.endpoint_url, &file.endpoint) {
            (Some(url), _) => Some(url),
            (None, Endpoint::Url(url)) => Some(url.clone()),
            (None, Endpoint::Aws) => None,
            (None, Endpoint::Embedded) => return None,
        };
        let region = self.region.or_else(|| file.region.clone());
        let profile = self.profile.or_else(|| file.profile.clone());
        Some(AwsSettings { region, endpoint_url, profile })
    }
}

/// What is logged, and how. Logs go to stderr, results to stdout.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Logs")]
pub struct LogFlags {
    /// How log lines are written
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Log more; twice for still more. RUST_LOG says it in detail
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

fn endpoint_url(text: &str) -> Result<String, String> {
    match text.parse()? {
        Endpoint::Url(url) => Ok(url),
        Endpoint::Aws | Endpoint::Embedded => {
            Err("only a settings file can start the embedded Kinesis; `tidemill local` starts it alone"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_of_all_commands_may_stand_behind_the_command() {
        let cli = Cli::parse_from(["tidemill", "streams", "list", "--region", "eu-west-1", "-vv"]);
        assert_eq!((cli.connection.region.as_deref(), cli.log.verbose), (Some("eu-west-1"), 2));
    }

    #[test]
    fn an_endpoint_that_is_no_url_is_refused() {
        let error = Cli::try_parse_from(["tidemill", "streams", "list", "--endpoint-url", "localhost:1"]);
        let text = error.unwrap_err().to_string();
        assert!(text.contains("begins with http:// or https://"), "{text}");
    }
}
