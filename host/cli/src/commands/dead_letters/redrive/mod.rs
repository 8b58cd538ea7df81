//! `tidemill dead-letters redrive`: letters back onto the stream that they came from, or through the handler again.
//!
//! A letter is taken away only once what it holds is acknowledged. Of a file or a list it is taken out, on a stream the
//! mark moves behind it. Letters that come while it runs are left for the next time: some may be those that it sent.

use std::{collections::HashSet, sync::Arc};

use tidemill_backends::dead_letters::form;
use tidemill_engine::{
    dead_letter::DeadLetter,
    lease::{LeaseStore, memory::MemoryLeases},
    stream::StreamRef,
};

use super::{
    marks, on_stream,
    place::{Opened, Place, Which},
    reading::{Item, Reading, Scope},
};
use crate::{
    args::ConnectionFlags, config::ProcessorConfig, exit::Exit, failure::Failure, output, signals::Stop,
};

mod back;
mod boxed;
mod route;
mod streamed;
mod tally;
mod through;

use back::Back;
use route::Route;
use streamed::Streamed;
use tally::Tally;
use through::Through;

/// Give letters another try: put them back onto the stream that they came from, or through the handler
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Put them onto this stream, and not onto the one that they came from
    #[arg(long, value_name = "STREAM", conflicts_with = "handler")]
    to: Option<StreamRef>,
    /// Give them to the pipeline's handler, and what it emits to its sinks, and put nothing back
    #[arg(long, conflicts_with_all = ["stream", "file", "redis"])]
    handler: bool,
    /// How documents are packed into records where no settings say so, as `put` packs them
    #[arg(long, conflicts_with = "handler")]
    processor: Option<ProcessorConfig>,
    #[command(flatten)]
    how: How,
}

/// Which letters, and what with those that cannot be redriven.
#[derive(Clone, Debug, clap::Args)]
struct How {
    /// Only the letter of this id, as often as wanted; on a stream the mark then stays where it is
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
    /// No more than so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Print what would be redriven, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// On a stream: go on behind letters that cannot be redriven. They are not given again unless by their ids
    #[arg(long)]
    skip_failed: bool,
}

impl How {
    /// Whether a letter is among those that are named, or none are.
    fn names(&self, letter: &DeadLetter) -> bool {
        self.ids.is_empty() || self.ids.contains(&form::id(letter))
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }
}

/// Redrives until all letters had their turn, or a signal.
pub async fn run(args: Args, flags: ConnectionFlags) -> Result<Exit, Failure> {
    let Args { which, to, handler, processor, how } = args;
    let opened = which.open(&flags).await?;
    if how.dry_run {
        return rehearse(&opened, &flags, &how).await;
    }
    let route = if handler {
        Route::Through(Through::open(&opened).await?)
    } else {
        Route::Back(Back::open(&opened, to, processor).await?.into())
    };
    let stop = Stop::on_signals()?;
    let (tally, worked) = match &opened.place {
        Place::Stream(stream) => {
            let (kinesis, token) = (opened.kinesis().await?, stop.token().child_token());
            let marks = if how.ids.is_empty() {
                marks::open(&opened, &flags).await?
            } else {
                Arc::new(MemoryLeases::new()) as Arc<dyn LeaseStore>
            };
            let stream = stream.clone();
            let work = Streamed::new(opened, how, route, &*kinesis, &stream, token.clone()).await?;
            let work = Arc::new(work);
            let read = on_stream::read(kinesis, &stream, marks, Arc::clone(&work) as _, &token).await;
            (work.close().await, read)
        }
        _ => boxed::redrive(&opened, &how, route, stop.token()).await?,
    };
    output::line(&tally.to_string())?;
    worked?;
    Ok(if tally.is_complete() { Exit::Ok } else { Exit::Partial })
}

/// Tells what would be redriven.
async fn rehearse(opened: &Opened, flags: &ConnectionFlags, how: &How) -> Result<Exit, Failure> {
    let scope = if how.ids.is_empty() { Scope::NotRedriven } else { Scope::All };
    let mut reading = Reading::begin(opened, flags, scope).await?;
    let (mut seen, mut exit) = (HashSet::new(), Exit::Ok);
    while seen.len() < how.limit() {
        match reading.next().await? {
            None => break,
            Some(Item::Unreadable(reason)) => {
                exit = Exit::Partial;
                output::note(&reason);
            }
            Some(Item::Letter(letter)) if opened.is_meant(&letter) && how.names(&letter) => {
                let DeadLetter { stream, shard, sequence, .. } = &*letter;
                let id = form::id(&letter);
                let line = format!("would be redriven: {id} {stream}/{shard} {sequence}: {}", letter.kind);
                if seen.insert(id) {
                    output::line(&line)?;
                }
            }
            Some(Item::Letter(_)) => {}
        }
    }
    output::line(&format!("{} would be redriven", seen.len()))?;
    Ok(exit)
}
