//! What a batch costs in each form of the contract, beside what its bytes cost without a guest.
//!
//! Every figure is the median of several samples in nanoseconds a record, all of one run; the guests emit every
//! record as it came. Run `cargo xtask guests` before it.

use std::{hint::black_box, path::PathBuf};

use bytes::Bytes;
use tidemill_engine::{
    batch::{Batch, BatchInfo, Documents},
    handler::Handler,
    record::Record,
    time::UnixMillis,
};
use tidemill_runtime::{ComponentHandler, Engine, HandlerSettings, artifact};
use tokio::time::{Duration, Instant};

const SAMPLES: usize = 25;
const SAMPLE: Duration = Duration::from_millis(20);

/// The fields of a record, each in an allocation of its own: what a list costs without leaving the host.
#[derive(Clone)]
#[expect(dead_code, reason = "the fields are there to be cloned")]
struct Owned {
    data: Vec<u8>,
    partition_key: String,
    places: [u64; 2],
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let engine = Engine::new().expect("the engine starts on every machine that builds it");
    let packed = load(&engine, "pass_through").await;
    let list = load(&engine, "pass_through_list").await;
    println!(
        "{:>14} {:>10} {:>10} {:>10} {:>10} {:>13}",
        "batch", "memcpy", "clone", "packed", "list", "packed/list"
    );
    for (records, bytes) in [(500, 100), (500, 1_000), (1_000, 1_000)] {
        let batch = batch(records, bytes);
        let owned = owned(&batch);
        let copy = measured(records, async || drop(black_box(batch.documents().bytes().to_vec()))).await;
        let clone = measured(records, async || drop(black_box(owned.clone()))).await;
        let packed = measured(records, async || handled(&packed, &batch).await).await;
        let list = measured(records, async || handled(&list, &batch).await).await;
        let name = format!("{records} x {bytes} B");
        println!("{name:>14} {copy:>10.1} {clone:>10.1} {packed:>10.1} {list:>10.1} {:>13.2}", packed / list);
    }
}

async fn load(engine: &Engine, name: &str) -> ComponentHandler {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guests/target/wasm32-wasip2/release");
    let folder = std::env::var_os("TIDEMILL_GUESTS").map_or_else(|| PathBuf::from(built), PathBuf::from);
    let file = folder.join(format!("{name}.wasm"));
    let artifact =
        artifact(&file).await.unwrap_or_else(|error| panic!("run `cargo xtask guests` first: {error}"));
    let loaded = ComponentHandler::load(engine, &artifact, HandlerSettings::new(name)).await;
    loaded.unwrap_or_else(|error| panic!("run `cargo xtask guests` first: {error}"))
}

async fn handled(handler: &ComponentHandler, batch: &Batch) {
    let outcome = handler.handle(batch).await.expect("a pass-through handles every batch");
    assert_eq!(outcome.emits.len(), batch.documents().len());
    black_box(outcome);
}

/// The median of all samples, in nanoseconds a record.
async fn measured(records: usize, run: impl AsyncFn()) -> f64 {
    let mut samples = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let begun = Instant::now();
        let mut turns = 0_u32;
        while begun.elapsed() < SAMPLE {
            run().await;
            turns += 1;
        }
        samples.push(begun.elapsed().as_secs_f64() * 1e9 / f64::from(turns) / records as f64);
    }
    samples.sort_by(f64::total_cmp);
    samples[SAMPLES / 2]
}

fn batch(records: usize, bytes: usize) -> Batch {
    let record = |at: usize| Record {
        sequence: format!("{:056}", at + 1).try_into().expect("56 digits are a sequence number"),
        partition_key: format!("customer-{at:04}").into(),
        data: Bytes::from(vec![b'a' + (at % 26) as u8; bytes]),
        arrival: UnixMillis(1_700_000_000_000),
    };
    let records: Vec<_> = (0..records).map(record).collect();
    let shard = "shardId-000000000000".into();
    let info = BatchInfo {
        stream: "bench".into(),
        shard,
        lane: 0,
        millis_behind_latest: 0,
        attempt: 1,
        uncovered: 0,
    };
    Batch::new(info, Documents::of_records(&records))
}

fn owned(batch: &Batch) -> Vec<Owned> {
    let documents = batch.documents();
    let record = |at: usize| Owned {
        data: documents.data(at).to_vec(),
        partition_key: documents.partition_key(at).to_owned(),
        places: [at as u64, documents.arrival(at).0],
    };
    (0..documents.len()).map(record).collect()
}
