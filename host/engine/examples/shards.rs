//! A consumer with many shards of the in-memory Kinesis in one process, for `cargo xtask bench shards` to look at from
//! outside: it says when it reads all of them, and works until its stdin ends.
//!
//! `shards SHARDS RECORDS`: so many shards, and so many records a second over all of them.

use std::{env, error::Error, io, sync::Arc, sync::atomic::Ordering::Relaxed, time::Duration};

use tidemill_engine::{
    Consumer,
    batch::Batch,
    consumer::Progress,
    handler::{HandlerFn, Outcome},
    kinesis::{
        Kinesis, StreamMode,
        memory::{MemoryKinesis, Settings},
    },
    limits,
    record::Entry,
    stream::StreamRef,
    task,
    time::Clock,
};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

/// Requests of records a second.
const REQUESTS_PER_SECOND: u32 = 20;
/// Bytes of a record.
const BYTES: usize = 100;
/// How often is looked whether all shards are read.
const LOOK: Duration = Duration::from_millis(20);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<u32> = env::args().skip(1).map(|count| count.parse()).collect::<Result<_, _>>()?;
    let [shards, records] = arguments[..] else { return Err("expected: shards SHARDS RECORDS".into()) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let stop = CancellationToken::new();
    let running = runtime.block_on(start(shards, records, stop.clone()))?;
    println!("ready");
    io::copy(&mut io::stdin(), &mut io::sink())?;
    stop.cancel();
    let done = runtime.block_on(running)??.done;
    println!("done={done}");
    Ok(())
}

type Running =
    task::Task<Result<tidemill_engine::consumer::Summary, tidemill_engine::consumer::PipelineError>>;

/// Starts the consumer and the records, and waits until all shards are read.
async fn start(shards: u32, records: u32, stop: CancellationToken) -> Result<Running, Box<dyn Error>> {
    let kinesis = Arc::new(MemoryKinesis::new(
        Clock::system(),
        Settings { shard_limit: shards, ..Settings::default() },
    ));
    let stream: StreamRef = "shards".parse()?;
    kinesis.create_stream(&stream, StreamMode::Provisioned { shards }).await?;
    let consumer = Consumer::new(stream.clone(), Arc::clone(&kinesis) as Arc<dyn Kinesis>);
    let progress: Arc<Progress> = consumer.progress();
    let handler = HandlerFn(|_: &Batch| Ok(Outcome::default()));
    let putting = put(kinesis, stream, records);
    let stopped = stop.clone();
    let running = task::spawn("consumer", async move {
        let putting = task::spawn("putting", putting);
        let summary = consumer.run(handler, stopped).await;
        drop(putting);
        summary
    });
    while progress.active_shards.load(Relaxed) < u64::from(shards) {
        sleep(LOOK).await;
    }
    Ok(running)
}

/// Puts so many records a second, each under another key, for ever.
async fn put(kinesis: Arc<MemoryKinesis>, stream: StreamRef, records: u32) {
    let mut ticks = interval(Duration::from_secs(1) / REQUESTS_PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut number = 0_u64;
    loop {
        ticks.tick().await;
        let entries: Vec<Entry> = (0..records / REQUESTS_PER_SECOND)
            .map(|_| {
                number += 1;
                Entry {
                    data: vec![b'x'; BYTES].into(),
                    partition_key: number.to_string().into(),
                    explicit_hash_key: None,
                }
            })
            .collect();
        for request in entries.chunks(limits::PUT_RECORDS_ENTRIES) {
            let placed = kinesis.put_records(&stream, request).await;
            assert!(placed.is_ok_and(|placed| placed.iter().all(Result::is_ok)), "a record was refused");
        }
    }
}
