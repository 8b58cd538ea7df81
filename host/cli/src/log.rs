//! Logs: to stderr, at `info` for this project and `warn` for its libraries unless told otherwise.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{EnvFilter, fmt};

use crate::args::{LogFlags, LogFormat};

/// Starts logging for the life of the process.
pub fn start(flags: &LogFlags) {
    let level = match flags.verbose {
        0 => "warn,tidemill=info",
        1 => "info,tidemill=debug",
        _ => "debug,tidemill=trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let lines = fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal());
    match flags.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}
