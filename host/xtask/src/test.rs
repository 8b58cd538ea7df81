//! `cargo xtask test`: builds what the tests start, then runs all of them.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{
    guests, python,
    repository::{self, Repository, cargo},
    servers,
};

/// How the tests are run.
#[derive(clap::Args)]
pub struct Flags {
    /// Fail where a test would be skipped because this machine lacks something
    #[arg(long, env = "TIDEMILL_NO_SKIPS", value_parser = clap::builder::FalseyValueParser::new())]
    no_skips: bool,
    /// Run only the tests whose names hold this text
    filter: Option<String>,
}

/// Runs every test of the workspace.
pub fn run(repository: &Repository, flags: &Flags) -> Result<()> {
    let mut skipped = servers::missing(repository);
    if flags.no_skips && !skipped.is_empty() {
        bail!("servers that the tests need are missing:\n{}", skipped.join("\n"));
    }
    let guests = guests::build(repository)?;
    let python = python::environment(repository);
    // The binary and the tests in one build: two would compile their libraries twice, because tests of this
    // workspace turn on features of libraries that the binary alone does not.
    run_cargo(repository, &mut cargo_with("build", &["--workspace", "--all-targets"]))?;
    // The guest library's own tests, its example among them, run natively.
    let library = ["--manifest-path", "guests/Cargo.toml", "--locked", "--package", "tidemill-guest"];
    run_cargo(repository, cargo_with("test", &library).args(["--target-dir", "guests/target"]))?;
    let mut test = cargo_with("test", &["--workspace", "--no-fail-fast"]);
    test.env("TIDEMILL_BIN", repository.host("debug")).env("TIDEMILL_GUESTS", guests);
    test.env("TIDEMILL_NO_SKIPS", if flags.no_skips { "1" } else { "0" });
    match python {
        Ok(python) => {
            test.env("TIDEMILL_PYTHON", python);
        }
        Err(error) if flags.no_skips => {
            return Err(error.context("the clients of others cannot be installed"));
        }
        Err(error) => {
            test.env("TIDEMILL_SKIP_PYTHON", "1");
            skipped.push(format!("boto3, async-kinesis and cbor2 are not there: {error:#}"));
        }
    }
    test.args(flags.filter.as_deref());
    run_cargo(repository, &mut test)?;
    for reason in skipped {
        eprintln!("SKIPPED the tests that need it: {reason}");
    }
    Ok(())
}

fn cargo_with(command: &str, arguments: &[&str]) -> Command {
    let mut cargo = cargo();
    cargo.arg(command).args(arguments);
    cargo
}

fn run_cargo(repository: &Repository, command: &mut Command) -> Result<()> {
    repository::run(command.current_dir(&repository.root)).context("the tests did not pass")
}
