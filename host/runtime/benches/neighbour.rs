//! What a healthy component loses to a sick one in the same process.
//!
//! The healthy one handles batches of eight shards, one after the other without a pause: it takes all the cores there
//! are. The sick one fails on one shard or more, and is given its batch again after the pauses that the engine makes. Alone
//! and beside it are measured by turns, so that what else the machine does disturbs both. Run `cargo xtask guests`
//! before it; the number behind it is the length of a turn in milliseconds.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use tidemill_engine::{
    backoff::Backoff,
    batch::{Batch, BatchInfo, Documents},
    handler::Handler,
    limits,
    record::Record,
    task::{self, Task},
    time::UnixMillis,
};
use tidemill_runtime::{ComponentHandler, Engine, HandlerSettings};
use tokio::time::{Instant, sleep};

/// Shards of the healthy component.
const SHARDS: usize = 8;
/// Records of its batches, and bytes of each.
const BATCH: (usize, usize) = (500, 200);
/// Turns alone, and as many beside each sick component.
const TURNS: usize = 5;
/// A turn, unless told otherwise.
const TURN: Duration = Duration::from_millis(1_000);
/// Sick components, with the record that sets each off, and how many shards it fails on.
const SICK: [(&str, &str, usize); 16] = [
    ("spin", "spin", 1),
    ("spin", "spin", 8),
    ("trap", "trap", 1),
    ("hog", "hog", 1),
    ("sleep", "sleep", 1),
    ("chatter", "chatter", 1),
    ("flood", "log", 1),
    ("flood", "stderr", 1),
    ("flood", "emit", 1),
    ("flood", "many", 1),
    ("handles", "handles", 1),
    ("stillborn", "", 1),
    ("recursion", "", 1),
    ("allocation_spin", "", 1),
    ("table_hoard", "", 1),
    ("list_gigantic", "", 1),
];

#[tokio::main]
async fn main() {
    let turn =
        std::env::args().find_map(|argument| argument.parse().ok()).map_or(TURN, Duration::from_millis);
    let engine = Engine::new().expect("the engine starts on every machine that builds it");
    let healthy = Healthy::start(&engine).await;
    println!("{:<28} {:>14} {:>14} {:>10}", "records a second", "alone", "beside", "loss");
    let mut losses = Vec::new();
    for (guest, word, shards) in SICK {
        let sick = load(&engine, &format!("fault_{guest}")).await;
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            alone.push(healthy.rate(turn).await);
            let failing: Vec<_> =
                (0..shards).map(|shard| fail_again_and_again(Arc::clone(&sick), word, shard)).collect();
            beside.push(healthy.rate(turn).await);
            drop(failing);
        }
        let (alone, beside) = (median(alone), median(beside));
        let loss = 100.0 * (1.0 - beside / alone);
        losses.push(loss);
        println!("{:<28} {alone:>14.0} {beside:>14.0} {loss:>8.1} %", format!("{guest} {word} {shards}"));
    }
    println!("{:<28} {:>14} {:>14} {:>8.1} %", "median", "", "", median(losses));
}

/// A component that does nothing but its work.
struct Healthy {
    records: Arc<AtomicU64>,
    _shards: Vec<Task<()>>,
}

impl Healthy {
    async fn start(engine: &Engine) -> Self {
        let handler = load(engine, "pass_through").await;
        let records = Arc::new(AtomicU64::new(0));
        let shard = |number: usize| {
            let (handler, records) = (Arc::clone(&handler), Arc::clone(&records));
            task::spawn("healthy", async move {
                let batch = batch(number, BATCH.0, &vec![b'x'; BATCH.1]);
                loop {
                    let outcome = handler.handle(&batch).await.expect("it handles every batch");
                    records.fetch_add(outcome.emits.len() as u64, Relaxed);
                    // What the engine does between two batches gives way to other tasks too.
                    tokio::task::yield_now().await;
                }
            })
        };
        Self { _shards: (0..SHARDS).map(shard).collect(), records }
    }

    /// Records a second in a turn.
    async fn rate(&self, turn: Duration) -> f64 {
        let (begun, before) = (Instant::now(), self.records.load(Relaxed));
        sleep(turn).await;
        (self.records.load(Relaxed) - before) as f64 / begun.elapsed().as_secs_f64()
    }
}

/// Gives one batch to a component until the task is dropped, with the pauses of the engine; after as many attempts as
/// it makes, the pauses begin anew.
fn fail_again_and_again(sick: Arc<ComponentHandler>, word: &'static str, shard: usize) -> Task<()> {
    let (first, longest) = limits::HANDLER_BACKOFF;
    let mut backoff = Backoff::new(first, longest, shard as u64);
    task::spawn("sick", async move {
        let batch = batch(shard, 1, word.as_bytes());
        for attempt in (1..=limits::HANDLER_ATTEMPTS).cycle() {
            match sick.handle(&batch).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(_) => sleep(backoff.pause(attempt)).await,
            }
        }
    })
}

async fn load(engine: &Engine, name: &str) -> Arc<ComponentHandler> {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guests/target/wasm32-wasip2/release");
    let folder = std::env::var_os("TIDEMILL_GUESTS").map_or_else(|| PathBuf::from(built), PathBuf::from);
    let file = folder.join(format!("{name}.wasm"));
    let artifact = tidemill_runtime::artifact(&file).await;
    let artifact = artifact.unwrap_or_else(|error| panic!("run `cargo xtask guests` first: {error}"));
    let loaded = ComponentHandler::load(engine, &artifact, HandlerSettings::new(name)).await;
    Arc::new(loaded.unwrap_or_else(|error| panic!("{name} cannot be loaded: {error}")))
}

fn batch(shard: usize, records: usize, data: &[u8]) -> Batch {
    let record = |at: usize| Record {
        sequence: (at + 1).to_string().try_into().expect("it is a number"),
        partition_key: format!("customer-{at:04}").into(),
        data: Bytes::copy_from_slice(data),
        arrival: UnixMillis(1_700_000_000_000),
    };
    let records: Vec<_> = (0..records).map(record).collect();
    let info = BatchInfo {
        stream: "bench".into(),
        shard: format!("shardId-{shard:012}").as_str().into(),
        lane: 0,
        millis_behind_latest: 0,
        attempt: 1,
        uncovered: 0,
    };
    Batch::new(info, Documents::of_records(&records))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
