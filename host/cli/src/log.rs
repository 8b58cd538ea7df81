//! Logs: to stderr. What runs for long tells what it does, and what somebody waits for is quiet unless told otherwise.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{EnvFilter, fmt};

use crate::args::{LogFlags, LogFormat};

/// The search for credentials warns of every place that has none; the error that ends it says so once.
const QUIET: &str = "aws_config=error";

/// Starts logging for the life of the process.
pub fn start(flags: &LogFlags, is_long_lived: bool) {
    let level = match flags.verbose {
        0 if is_long_lived => format!("warn,tidemill=info,guest=info,{QUIET}"),
        0 => format!("warn,{QUIET}"),
        1 => "info,tidemill=debug,guest=debug".to_owned(),
        _ => "debug,tidemill=trace,guest=trace".to_owned(),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let lines = fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal());
    match flags.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}
