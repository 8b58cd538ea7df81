//! `tidemill checkpoints`: show them, move them, and take them over from other libraries and back.
//!
//! Every command that writes makes a plan first, tells it, and then writes what it told, each write on the condition
//! that nothing changed since.

use clap::Subcommand;

use crate::{args::ConnectionFlags, exit::Exit, failure::Failure};

mod change;
mod dialect;
mod export;
mod import;
mod lines;
mod opened;
mod reset;
mod show;

/// Show and move checkpoints; take them over from other libraries, and back
#[derive(Debug, Subcommand)]
pub enum Args {
    Show(show::Args),
    Export(export::Args),
    Import(import::Args),
    Reset(reset::Args),
}

/// Does what the command line says.
pub async fn run(args: Args, flags: ConnectionFlags) -> Result<Exit, Failure> {
    match args {
        Args::Show(args) => show::run(args, flags).await,
        Args::Export(args) => export::run(args, flags).await,
        Args::Import(args) => import::run(args, flags).await,
        Args::Reset(args) => reset::run(args, flags).await,
    }
}
