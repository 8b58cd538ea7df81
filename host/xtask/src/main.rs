//! The chores of this repository, for `cargo xtask`. Each does its own set-up, so that a fresh clone needs one command.

mod bench;
mod child;
mod demo;
mod guests;
mod python;
mod repository;
mod servers;
mod sim;
mod soak;
mod test;
mod vitals;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::repository::Repository;

/// The chores of this repository.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Flags {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run a component on 60,000 records of an embedded Kinesis, and verify what comes out
    Demo(demo::Flags),
    /// Run every test, end to end
    Test(test::Flags),
    /// Kill, stop and freeze three hosts for minutes, and verify what comes out
    Soak(soak::Flags),
    /// Measure how fast it is, beside async-kinesis
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Run the consumer under simulation: each seed decides what goes wrong
    Sim(sim::Flags),
    /// Compile the components in guests/
    Guests,
    /// Install the servers of others that the tests run against, into the target folder
    Servers,
}

fn main() -> Result<()> {
    let repository = Repository::find()?;
    match Flags::parse().chore {
        Chore::Demo(flags) => demo::run(&repository, flags),
        Chore::Test(flags) => test::run(&repository, &flags),
        Chore::Soak(flags) => soak::run(&repository, &flags),
        Chore::Bench(bench) => bench::run(&repository, &bench),
        Chore::Sim(flags) => sim::run(&repository, &flags),
        Chore::Guests => guests::build(&repository).map(drop),
        Chore::Servers => servers::install(&repository),
    }
}
