//! `cargo xtask soak`: three real hosts, killed and stopped and frozen for minutes, and what came of it.

use std::fmt;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::{
    guests,
    repository::{self, Repository, cargo},
};

/// How it is run.
#[derive(clap::Args)]
pub struct Flags {
    /// How long things happen to the hosts
    #[arg(long, default_value_t = 2)]
    minutes: u64,
    /// Where the hosts keep their leases
    #[arg(long, value_enum, default_value_t = Store::Redis)]
    store: Store,
    /// What decides which things happen, to whom and when
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A lease store that several hosts can share.
#[derive(Clone, Copy, ValueEnum)]
enum Store {
    Redis,
    Dynamodb,
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redis => "redis",
            Self::Dynamodb => "dynamodb",
        })
    }
}

/// Runs the scenario of the tests for so long.
pub fn run(repository: &Repository, flags: &Flags) -> Result<()> {
    let guests = guests::build(repository)?;
    // As `cargo xtask test` builds them, so that neither compiles what the other has compiled.
    let mut build = cargo();
    build.args(["build", "--workspace", "--all-targets"]).current_dir(&repository.root);
    repository::run(&mut build).context("the tests do not compile")?;
    let mut soak = cargo();
    soak.args([
        "test",
        "--workspace",
        "--test",
        "main",
        "--",
        "--exact",
        "fleet::soak",
        "--ignored",
        "--nocapture",
    ])
    .env("TIDEMILL_BIN", repository.host("debug"))
    .env("TIDEMILL_GUESTS", guests)
    .env("TIDEMILL_SOAK_STORE", flags.store.to_string())
    .env("TIDEMILL_SOAK_SECONDS", (flags.minutes * 60).to_string())
    .env("TIDEMILL_SOAK_SEED", flags.seed.to_string());
    repository::run(soak.current_dir(&repository.root)).context("the hosts did not stand it")
}
