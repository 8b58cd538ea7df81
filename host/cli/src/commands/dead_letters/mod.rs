//! `tidemill dead-letters`: look at the records that were given up, and give them another try.

use clap::Subcommand;

use crate::{args::ConnectionFlags, exit::Exit, failure::Failure};

mod filter;
mod list;
mod marks;
mod on_stream;
mod place;
mod reading;
mod redrive;
mod show;

/// Look at the records that pipelines gave up, and give them another try
#[derive(Debug, Subcommand)]
pub enum Args {
    List(list::Args),
    Show(show::Args),
    Redrive(Box<redrive::Args>),
}

/// Does what the command line says.
pub async fn run(args: Args, flags: ConnectionFlags) -> Result<Exit, Failure> {
    match args {
        Args::List(args) => list::run(args, flags).await,
        Args::Show(args) => show::run(args, flags).await,
        Args::Redrive(args) => redrive::run(*args, flags).await,
    }
}
