//! `tidemill tail`: a pipeline whose handler prints. So it reads, decodes and follows reshards exactly as `run` does.

use std::{collections::BTreeMap, sync::Arc};

use tidemill_engine::{
    consumer::{OnFailure, Pipeline, PipelineSettings, Progress, ReadMemory},
    lease::{WorkerId, memory::MemoryLeases},
    stream::StreamRef,
    time::Clock,
};

use crate::{
    args::ConnectionFlags,
    config::{ProcessorConfig, Start},
    endpoint,
    exit::Exit,
    failure::Failure,
    host::processor::LoadedProcessor,
    signals::Stop,
};

mod print;

use print::{Format, Printer};

/// Print what arrives on a stream until interrupted
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or ARN of the stream
    stream: StreamRef,
    /// Where to start: latest, trim-horizon, a date such as 2026-01-31T12:00:00Z, or seconds since 1970
    #[arg(long, default_value = "latest")]
    from: Start,
    /// Stop after so many documents
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
    /// How records are taken apart: a preset, an aggregator and a serializer such as netstring+json, or a .wasm file
    #[arg(long, default_value_t)]
    processor: ProcessorConfig,
    /// What is printed of a document
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Prints until a signal, the limit, or a reader that goes away.
pub async fn run(args: Args, connection: ConnectionFlags) -> Result<Exit, Failure> {
    let processor = LoadedProcessor::alone(&args.processor).await?;
    let kinesis = endpoint::open(&connection.settings()).await?;
    endpoint::ensure_stream(&*kinesis, &args.stream, None).await?;
    let stop = Stop::on_signals()?;
    let printer = Arc::new(Printer::new(args.format, args.limit, stop.token().clone()));
    let mut settings = PipelineSettings::new("tail", args.stream);
    settings.start = args.from.0;
    // What does not decode is told in the log, and the rest is printed.
    settings.on_failure = Some(OnFailure::Drop);
    let pipeline = Pipeline {
        settings,
        kinesis,
        leases: Arc::new(MemoryLeases::new()),
        processor: processor.processor,
        handler: Arc::clone(&printer) as _,
        sinks: Arc::new(BTreeMap::new()),
        worker: WorkerId::from("tail"),
        clock: Clock::system(),
        memory: ReadMemory::default(),
        progress: Arc::new(Progress::default()),
        dead_letters: None,
        control: Arc::default(),
    };
    let ended = pipeline.run(stop.token().clone()).await;
    ended.map_err(|error| Failure::of_pipeline("tail", &error))?;
    printer.failure().map_or(Ok(Exit::Ok), Err)
}
