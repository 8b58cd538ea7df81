//! `tidemill put`: the lines of a file or of stdin onto a stream, by the producer that `run` uses.

use std::path::PathBuf;

use indicatif::ProgressBar;
use tidemill_engine::{limits, processor::Document, producer::Producer, stream::StreamRef, task};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::producing::ProducerFlags;
use crate::{
    args::ConnectionFlags,
    config::{ProcessorConfig, ProducerConfig},
    exit::Exit,
    failure::Failure,
    host::{processor::LoadedProcessor, target::Target},
    output,
    pointer::Pointer,
    signals::Stop,
};

mod lines;
mod tally;

use lines::{Input, Line};
use tally::{Sent, Tally};

/// Put the lines of a file or of stdin onto a stream; empty lines are passed over
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or ARN of the stream
    stream: StreamRef,
    /// The file; without it, or with -, stdin
    file: Option<PathBuf>,
    /// Where in each line, which then has to be JSON, its partition key is: a JSON pointer such as /user/id
    #[arg(long, value_name = "POINTER")]
    partition_key: Option<Pointer>,
    /// How lines become records: a preset, an aggregator and a serializer such as netstring+json, or a .wasm file
    #[arg(long, default_value_t)]
    processor: ProcessorConfig,
    #[command(flatten)]
    pub(super) producer: ProducerFlags,
}

/// Puts every line, then says how many there were and which of them failed.
pub async fn run(args: Args, connection: ConnectionFlags) -> Result<Exit, Failure> {
    let input = Input::open(args.file.as_deref()).await?;
    let processor = LoadedProcessor::alone(&args.processor).await?;
    let target = Target::connect(&connection.settings()).await?;
    let config = args.producer.over(ProducerConfig::of(args.processor));
    let producer = target.open(&config, processor.processor, &args.stream, "put", None).await?;
    let stop = Stop::on_signals()?;
    let began = Instant::now();
    let tally = put_all(input, args.partition_key.as_ref(), &producer, stop.token()).await?;
    output::line(&tally.report(began.elapsed()))?;
    Ok(if tally.is_complete() { Exit::Ok } else { Exit::Partial })
}

/// Sends lines as they are read, while a task of its own settles those that were sent before. The producer bounds
/// what is on its way.
async fn put_all(
    mut input: Input,
    key: Option<&Pointer>,
    producer: &Producer,
    stop: &CancellationToken,
) -> Result<Tally, Failure> {
    let unexpected = |error: &dyn std::error::Error| Failure::caused(Exit::Unexpected, error);
    let bar = input.bar();
    let (sent, under_way) = mpsc::channel(limits::PUT_GROUPS);
    let settling = task::spawn("settle", settle(under_way, bar.clone()));
    let mut unsent = Tally::default();
    let mut broken = None;
    loop {
        let Some(next) = stop.run_until_cancelled(input.next()).await else {
            unsent.interrupted = true;
            break;
        };
        let lines = match next {
            Ok(Some(lines)) => lines,
            Ok(None) => break,
            Err(error) => {
                broken = Some(error);
                break;
            }
        };
        let (lines, documents) = documents(lines, key, &mut unsent, &bar);
        if documents.is_empty() {
            continue;
        }
        let ticket = producer.put_all(documents).await.map_err(|error| unexpected(&error))?;
        sent.send(Sent { lines, ticket }).await.map_err(|error| unexpected(&error))?;
    }
    drop(sent);
    producer.close().await;
    let settled = settling.await.map_err(|error| unexpected(&error))?;
    bar.finish_and_clear();
    match broken {
        Some(error) => Err(lines::unreadable(&error)),
        None => Ok(settled.and(&unsent)),
    }
}

async fn settle(mut under_way: mpsc::Receiver<Sent>, bar: ProgressBar) -> Tally {
    let mut tally = Tally::default();
    while let Some(sent) = under_way.recv().await {
        sent.settle(&mut tally, &bar).await;
    }
    tally
}

/// The documents of lines, each with its line's number and length. Lines that cannot be one are counted.
fn documents(
    lines: Vec<Line>,
    key: Option<&Pointer>,
    unsent: &mut Tally,
    bar: &ProgressBar,
) -> (Vec<(u64, usize)>, Vec<Document>) {
    let mut numbers = Vec::with_capacity(lines.len());
    let mut documents = Vec::with_capacity(lines.len());
    for Line { number, text } in lines {
        let Some(data) = text else {
            unsent.fail(number, "the line is longer than any record may be", bar);
            continue;
        };
        if data.is_empty() {
            continue;
        }
        match key.map(|key| key.key_of(&data)).transpose() {
            Ok(partition_key) => {
                numbers.push((number, data.len()));
                documents.push(Document { data, partition_key, explicit_hash_key: None });
            }
            Err(reason) => unsent.fail(number, &reason, bar),
        }
    }
    (numbers, documents)
}
