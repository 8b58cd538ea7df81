//! How many documents a second each preset encodes and decodes, by the host's own processor and by the component of it.
//!
//! Every figure is that of the best of several samples, all of one run and one thread: what disturbs a sample only
//! makes it slower. With `--json` each is an object on a line of its own. Run `cargo xtask guests` before it.

use std::{hint::black_box, path::PathBuf};

use tidemill_engine::{
    native::NativeProcessor,
    processor::{Document, Encoded, HashCheck, Processor},
    record::Record,
    time::UnixMillis,
};
use tidemill_processors::Preset;
use tidemill_runtime::{ComponentProcessor, Engine, ProcessorSettings, artifact};
use tokio::time::{Duration, Instant};

const SIZES: [usize; 3] = [100, 1_000, 10_000];
/// The largest batch: what a handler is given.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_DOCUMENTS: usize = 1_000;
const RECORD_BYTES: usize = 1 << 20;
const SAMPLES: usize = 15;
const SAMPLE: Duration = Duration::from_millis(30);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let as_json = std::env::args().any(|argument| argument == "--json");
    let engine = Engine::new().expect("the engine starts on every machine that builds it");
    for preset in Preset::ALL {
        let native = NativeProcessor::from(preset.codec);
        let component = load(&engine, preset.name).await;
        for bytes in SIZES {
            let documents: Vec<_> =
                (0..BATCH_DOCUMENTS.min(BATCH_BYTES / bytes)).map(|number| document(number, bytes)).collect();
            let [native_encode, native_decode] = measured(&native, &documents).await;
            let [encode, decode] = measured(&component, &documents).await;
            for (direction, native, component) in
                [("encode", native_encode, encode), ("decode", native_decode, decode)]
            {
                let name = preset.name;
                if !as_json {
                    let ratio = component / native;
                    println!(
                        "{name:>12} {bytes:>6} B {direction}: native {native:>12.0}/s component {component:>12.0}/s ratio {ratio:.2}"
                    );
                    continue;
                }
                for (form, rate) in [("native", native), ("component", component)] {
                    println!(
                        "{{\"preset\": \"{name}\", \"bytes\": {bytes}, \"direction\": \"{direction}\", \
                         \"form\": \"{form}\", \"documents_per_second\": {rate:.0}}}"
                    );
                }
            }
        }
    }
}

async fn load(engine: &Engine, preset: &str) -> ComponentProcessor {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guests/target/wasm32-wasip2/release");
    let folder = std::env::var_os("TIDEMILL_GUESTS").map_or_else(|| PathBuf::from(built), PathBuf::from);
    let file = folder.join(format!("processor_{}.wasm", preset.replace('-', "_")));
    let artifact =
        artifact(&file).await.unwrap_or_else(|error| panic!("run `cargo xtask guests` first: {error}"));
    let loaded = ComponentProcessor::load(engine, &artifact, &ProcessorSettings::new(preset)).await;
    loaded.unwrap_or_else(|error| panic!("run `cargo xtask guests` first: {error}"))
}

/// Documents a second: encoded, and decoded.
async fn measured(processor: &dyn Processor, documents: &[Document]) -> [f64; 2] {
    let encoded = || async { processor.encode(documents, RECORD_BYTES).await.expect("documents are good") };
    let records: Vec<_> = encoded().await.into_iter().zip(1..).map(record).collect();
    let encode = rate(documents.len(), async || drop(black_box(encoded().await))).await;
    let decode = rate(documents.len(), async || {
        let decoded = processor.decode(&records, HashCheck::default()).await.expect("records are good");
        assert_eq!(decoded.documents.len(), documents.len());
    });
    [encode, decode.await]
}

/// A document as Python's `json.dumps` writes it, filled up to the size.
fn document(number: usize, bytes: usize) -> Document {
    let amount = number as f64 / 100.0;
    let (is_paid, customer) = (number.is_multiple_of(3), number % 10_000);
    let start = format!(
        "{{\"id\": {number}, \"customer\": \"customer-{customer:05}\", \"amount\": {amount:?}, \"paid\": {is_paid}, \
         \"text\": \""
    );
    let end = "\"}";
    let filler = "abcdefghijklmnopqrstuvwxyz ".chars().cycle();
    let text: String = filler.take(bytes.saturating_sub(start.len() + end.len())).collect();
    Document {
        data: format!("{start}{text}{end}").into(),
        partition_key: Some("customer".into()),
        explicit_hash_key: None,
    }
}

fn record((encoded, number): (Encoded, u32)) -> Record {
    let Encoded::Entry { data, .. } = encoded else { panic!("a document is refused") };
    let sequence = number.to_string().try_into().expect("digits are a sequence number");
    Record { sequence, partition_key: "customer".into(), data, arrival: UnixMillis(0) }
}

/// How many documents a second go through this work, which is on so many at once.
async fn rate(documents: usize, work: impl AsyncFn()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..SAMPLES {
        let begun = Instant::now();
        let mut rounds = 0.0;
        while begun.elapsed() < SAMPLE {
            work().await;
            rounds += 1.0;
        }
        best = best.min(begun.elapsed().as_secs_f64() / rounds);
    }
    documents as f64 / best
}
