//! How many documents a second each preset encodes and decodes, in one thread.
//!
//! Every figure is that of the best of many calls: what disturbs a call only makes it slower. With `--json`
//! each is an object on a line of its own.

use std::{hint::black_box, ops::Range, time::Duration};

use tidemill_processors::{Bounds, Codec, Item, Malformed, Origin, Packed, Preset, Unpacked, pack};

const SIZES: [usize; 3] = [100, 1_000, 10_000];
/// Bytes of documents in one call of `pack`, about what a request takes.
const CALL_BYTES: usize = 4_000_000;
/// How long each figure is measured for, over and over: one call takes a few milliseconds.
const MEASURED: Duration = Duration::from_millis(500);
/// What a stream takes unless it is told otherwise.
const BOUNDS: Bounds = Bounds { record_bytes: 1 << 20, spread_key_bytes: 16 };

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let as_json = arguments.iter().any(|argument| argument == "--json");
    let wanted = |preset: &Preset| {
        let mut names = arguments.iter().filter(|argument| !argument.starts_with('-')).peekable();
        names.peek().is_none() || names.any(|name| name == preset.name)
    };
    if !as_json {
        println!("{:>12} {:>8} {:>14} {:>14}   documents/s", "preset", "bytes", "encode", "decode");
    }
    for preset in Preset::ALL.iter().filter(|preset| wanted(preset)) {
        for bytes in SIZES {
            let [encode, decode] = measured(preset.codec, bytes);
            let name = preset.name;
            if as_json {
                for (direction, rate) in [("encode", encode), ("decode", decode)] {
                    println!(
                        "{{\"preset\": \"{name}\", \"bytes\": {bytes}, \"direction\": \"{direction}\", \
                         \"documents_per_second\": {rate:.0}}}"
                    );
                }
            } else {
                println!("{name:>12} {bytes:>8} {encode:>14.0} {decode:>14.0}");
            }
        }
    }
}

/// Documents a second: encoded, and decoded.
fn measured(codec: Codec, bytes: usize) -> [f64; 2] {
    let documents: Vec<_> = (0..CALL_BYTES / bytes).map(|number| document(number, bytes)).collect();
    let items: Vec<_> = documents
        .iter()
        .map(|document| Item { document: document.as_bytes(), key: None, hash_key: None })
        .collect();
    let mut out = Vec::with_capacity(2 * CALL_BYTES);
    let encode = rate(items.len(), || {
        out.clear();
        black_box(pack(codec, &items, BOUNDS, &mut out));
    });
    out.clear();
    let entries: Vec<Vec<u8>> =
        pack(codec, &items, BOUNDS, &mut out).into_iter().map(|part| data(part, &items, &out)).collect();
    let mut count = Count::default();
    let decode = rate(items.len(), || {
        count.documents = 0;
        let reader = codec.reader(entries.iter().map(|entry| black_box(&entry[..])).collect());
        for at in 0..entries.len() {
            count.made.clear();
            reader.unpack(at, &mut count);
        }
        assert_eq!(count.documents, items.len());
    });
    [encode, decode]
}

/// A document as Python's `json.dumps` writes it, filled up to the size.
fn document(number: usize, bytes: usize) -> String {
    let amount = number as f64 / 100.0;
    let is_paid = number.is_multiple_of(3);
    let customer = number % 10_000;
    let start = format!(
        "{{\"id\": {number}, \"customer\": \"customer-{customer:05}\", \"amount\": {amount:?}, \"paid\": {is_paid}, \
         \"text\": \""
    );
    let filler = "abcdefghijklmnopqrstuvwxyz ".chars().cycle();
    let end = "\"}";
    let room = bytes.saturating_sub(start.len() + end.len());
    start.chars().chain(filler.take(room)).chain(end.chars()).collect()
}

fn data(part: Packed, items: &[Item<'_>], out: &[u8]) -> Vec<u8> {
    match part {
        Packed::Alone(at) => items[at].document.to_vec(),
        Packed::Shared(_, data) => out[data].to_vec(),
        Packed::Refused(_, refusal) => panic!("a document is refused: {refusal}"),
    }
}

/// Counts documents, and keeps those that are made where the host would keep them.
#[derive(Default)]
struct Count {
    documents: usize,
    made: Vec<u8>,
}

impl Unpacked for Count {
    fn part(&mut self, place: Range<usize>, origin: &Origin<'_>) {
        black_box((place, origin));
        self.documents += 1;
    }

    fn made(&mut self, _: &Origin<'_>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>) {
        write(&mut self.made).expect("documents that were packed are well formed");
        self.documents += 1;
    }

    fn rejected(&mut self, why: &Malformed) {
        panic!("a document that was packed is rejected: {why}");
    }
}

/// How many documents a second go through this work, which is on so many at once.
#[expect(clippy::disallowed_methods, reason = "a figure is of the time that really passed")]
fn rate(documents: usize, mut work: impl FnMut()) -> f64 {
    let now = std::time::Instant::now;
    let (begun, mut best) = (now(), Duration::MAX);
    while begun.elapsed() < MEASURED {
        let begun = now();
        work();
        best = best.min(begun.elapsed());
    }
    documents as f64 / best.as_secs_f64()
}
