//! The commands, a file each: its flags, and what it does with them.

pub mod check;
pub mod checkpoints;
pub mod dead_letters;
pub mod deployments;
pub mod inspect;
pub mod local;
mod producing;
pub mod put;
pub mod run;
pub mod serve_put;
pub mod streams;
pub mod tail;

use crate::{
    args::{Cli, Command},
    exit::Exit,
    failure::Failure,
};

/// Does what the command line says.
pub async fn run(cli: Cli) -> Result<Exit, Failure> {
    let connection = cli.connection;
    match cli.command {
        Command::Run(args) => run::run(args, connection).await,
        Command::Check(args) => check::run(args, connection).await,
        Command::Inspect(args) => inspect::run(args).await,
        Command::ServePut(args) => serve_put::run(args, connection).await,
        Command::Put(args) => put::run(args, connection).await,
        Command::Tail(args) => tail::run(args, connection).await,
        Command::Streams(args) => streams::run(args, connection).await,
        Command::Checkpoints(args) => checkpoints::run(args, connection).await,
        Command::Deploy(args) => deployments::deploy::run(args, connection).await,
        Command::Rollback(args) => deployments::change::roll_back(args, connection).await,
        Command::Promote(args) => deployments::change::promote(args, connection).await,
        Command::History(args) => deployments::history::run(args, connection).await,
        Command::Status(args) => deployments::status::run(args).await,
        Command::Resume(args) => deployments::resume::run(args).await,
        Command::DeadLetters(args) => dead_letters::run(args, connection).await,
        Command::Local(args) => local::run(args).await,
    }
}
