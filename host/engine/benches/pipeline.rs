//! What the engine itself costs: a producer into the in-memory Kinesis, and a pipeline from one stream of it to
//! another through a handler that echoes. No network and no component, so every figure is the engine's own.
//!
//! `cargo bench -p tidemill-engine`

use std::{collections::BTreeMap, error::Error, sync::Arc, sync::atomic::Ordering::Relaxed, time::Duration};

use bytes::Bytes;
use tidemill_engine::{
    batch::Batch,
    consumer::{Pipeline, PipelineSettings, Progress, ReadMemory, ReaderSettings},
    handler::{Emit, HandlerFn, Outcome},
    kinesis::{Kinesis, StreamMode, memory},
    lease::memory::MemoryLeases,
    native::NativeProcessor,
    processor::{Document, Processor},
    producer::{Producer, ProducerSettings},
    stream::StreamRef,
    task,
    time::Clock,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const DOCUMENTS: usize = 1_000_000;
const KEYS: usize = 10_000;
const GROUP: usize = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("{DOCUMENTS} documents of 100 bytes, {KEYS} partition keys, 4 shards, one thread");
    for preset in ["string", "json-line"] {
        runtime.block_on(measure(preset))?;
    }
    Ok(())
}

async fn measure(preset: &str) -> Result<(), Box<dyn Error>> {
    let kinesis: Arc<dyn Kinesis> =
        Arc::new(memory::MemoryKinesis::new(Clock::system(), memory::Settings::default()));
    let processor: Arc<dyn Processor> = Arc::new(NativeProcessor::named(preset).ok_or("no such preset")?);
    for name in ["in", "out"] {
        kinesis.create_stream(&name.parse()?, StreamMode::Provisioned { shards: 4 }).await?;
    }

    let begun = Instant::now();
    put_all(&start(&kinesis, &processor, "in")?).await?;
    report(preset, "produce", begun.elapsed());

    let begun = Instant::now();
    run(&kinesis, &processor, preset).await?;
    report(preset, "consume, echo, produce", begun.elapsed());
    Ok(())
}

fn start(
    kinesis: &Arc<dyn Kinesis>,
    processor: &Arc<dyn Processor>,
    stream: &str,
) -> Result<Producer, Box<dyn Error>> {
    let stream: StreamRef = stream.parse()?;
    // The model takes more than a shard of the service, and here it is asked for all it has.
    let settings = ProducerSettings { shard_rate: None, ..ProducerSettings::default() };
    Ok(Producer::start(settings, stream, Arc::clone(kinesis), Arc::clone(processor)))
}

async fn put_all(producer: &Producer) -> Result<(), Box<dyn Error>> {
    let data = Bytes::from(format!("{{\"x\":\"{}\"}}", "y".repeat(92)));
    for group in 0..DOCUMENTS / GROUP {
        // Documents of one key come together, so that an aggregator has something to do.
        let document = |at: usize| Document {
            data: data.clone(),
            partition_key: Some(((group * GROUP + at) / 10 % KEYS).to_string().into()),
            explicit_hash_key: None,
        };
        let _ticket = producer.put_all((0..GROUP).map(document).collect()).await?;
    }
    producer.close().await;
    Ok(())
}

async fn run(
    kinesis: &Arc<dyn Kinesis>,
    processor: &Arc<dyn Processor>,
    preset: &str,
) -> Result<(), Box<dyn Error>> {
    let mut settings = PipelineSettings::new(preset, "in".parse()?);
    settings.reader = ReaderSettings { interval: Duration::ZERO, ..ReaderSettings::default() };
    let pipeline = Pipeline {
        settings,
        kinesis: Arc::clone(kinesis),
        leases: Arc::new(MemoryLeases::default()),
        processor: Arc::clone(processor),
        handler: Arc::new(HandlerFn(|batch: &Batch| Ok(echo(batch)))),
        sinks: Arc::new(BTreeMap::from([("default".to_owned(), start(kinesis, processor, "out")?)])),
        worker: "bench".into(),
        clock: Clock::system(),
        progress: Arc::new(Progress::default()),
        memory: ReadMemory::default(),
        dead_letters: None,
        control: Arc::default(),
    };
    let (progress, stop) = (Arc::clone(&pipeline.progress), CancellationToken::new());
    let running = task::spawn("pipeline", pipeline.run(stop.clone()));
    while progress.documents.load(Relaxed) < DOCUMENTS as u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stop.cancel();
    let summary = running.await??;
    assert_eq!(summary.done, DOCUMENTS as u64);
    Ok(())
}

fn echo(batch: &Batch) -> Outcome {
    let documents = batch.documents();
    let emit = |at| Emit {
        data: documents.data_bytes(at),
        partition_key: Some(documents.partition_key(at).into()),
        explicit_hash_key: None,
        sink: None,
    };
    Outcome { emits: (0..documents.len()).map(emit).collect(), ..Outcome::default() }
}

fn report(preset: &str, what: &str, took: Duration) {
    let rate = DOCUMENTS as f64 / took.as_secs_f64();
    let each = took.as_secs_f64() * 1e9 / DOCUMENTS as f64;
    println!("{preset:10} {what:24} {rate:>12.0} documents/s {each:>8.0} ns each");
}
