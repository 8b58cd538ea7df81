//! `tidemill` runs WebAssembly components on Amazon Kinesis streams.
//!
//! The life of the process: flags → logs → the command, which reads settings, builds and runs → exit code.

mod admin;
mod args;
mod commands;
mod config;
mod deploying;
mod endpoint;
mod exit;
mod failure;
mod host;
mod http;
mod ingest;
mod log;
mod output;
mod pointer;
mod signals;

use std::process::ExitCode;

use clap::Parser;
use tidemill_engine::task;

use crate::{args::Cli, exit::Exit, failure::Failure};

fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start(&cli.log, cli.command.is_long_lived());
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::caused(Exit::Unexpected, &error))?;
    // A panic of the command comes back as an error of its task.
    let ended = runtime.block_on(async { task::spawn("command", commands::run(cli)).await });
    // What is still under way, such as a read of stdin, must not keep the process alive.
    runtime.shutdown_background();
    ended.unwrap_or_else(|error| {
        Err(Failure::new(Exit::Unexpected, format!("a bug in tidemill: {error}"))
            .help("please report it with the output above and what you did"))
    })
}
