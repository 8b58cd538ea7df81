//! From documents to entries.

use tidemill_processors::{Codec, Item, Packed, pack};

use crate::{
    bindings::exports::tidemill::streams::packed_processor::{Bounds, Encoded, Refusal},
    part, word,
};

/// Words that the index has for each document.
const DOCUMENT_WORDS: usize = 6;
/// Words that the answer's index has for each entry.
const ENTRY_WORDS: usize = 7;

/// Bytes that an aggregator may put around a document, about.
const FRAMING_BYTES: usize = 16;

/// A document as the host passed it: where its data, its key and its explicit hash key lie.
type Row = [u32; DOCUMENT_WORDS];

/// Packs documents.
pub fn encode(codec: Codec, index: &[u32], bytes: &[u8], bounds: Bounds) -> Encoded {
    let (rows, _) = index.as_chunks::<DOCUMENT_WORDS>();
    let items: Vec<_> = rows.iter().map(|row| item(row, bytes)).collect();
    let bounds = tidemill_processors::Bounds {
        record_bytes: bounds.record_bytes as usize,
        spread_key_bytes: bounds.spread_key_bytes as usize,
    };
    // Room for all at once: growing piece by piece copies what was written, and leaves holes in a memory that only grows.
    let mut out = Vec::with_capacity(bytes.len() + items.len() * FRAMING_BYTES);
    let packed = pack(codec, &items, bounds, &mut out);
    let index = Vec::with_capacity(packed.len() * ENTRY_WORDS);
    let encoded = Encoded { index, bytes: out, refusals: Vec::new() };
    let mut answer = Answer { encoded, codec, rows, items: &items, passed: word(bytes.len()) };
    for part in packed {
        match part {
            Packed::Alone(at) => answer.add(at, 1, [rows[at][0], rows[at][1]]),
            Packed::Shared(run, data) => {
                let place = [answer.passed + word(data.start), word(data.len())];
                answer.add(run.start, run.len(), place);
            }
            Packed::Refused(at, refusal) => {
                let refusal = Refusal { document: word(at), reason: refusal.to_string() };
                answer.encoded.refusals.push(refusal);
            }
        }
    }
    answer.encoded
}

fn item<'a>(&[at, length, key_at, key_length, hash_at, hash_length]: &Row, bytes: &'a [u8]) -> Item<'a> {
    let text = |at, length| {
        let text = std::str::from_utf8(part(bytes, at, length));
        text.expect("the host passes keys as text")
    };
    let number = |text: &str| text.parse().expect("the host passes explicit hash keys in decimal");
    Item {
        document: part(bytes, at, length),
        key: (key_length > 0).then(|| text(key_at, key_length)),
        hash_key: (hash_length > 0).then(|| number(text(hash_at, hash_length))),
    }
}

/// The answer in the making.
struct Answer<'a> {
    encoded: Encoded,
    codec: Codec,
    rows: &'a [Row],
    items: &'a [Item<'a>],
    /// Bytes that the host passed: those that are made come behind them.
    passed: u32,
}

impl Answer<'_> {
    /// Adds the entry of so many documents from this one on. Keys that are the first document's own are pointed to.
    fn add(&mut self, first: usize, documents: usize, [at, length]: [u32; 2]) {
        let (row, item) = (self.rows[first], self.items[first]);
        let [key_at, key_length] = match self.codec.entry_key(&item) {
            None => [0, 0],
            key if key == item.key => [row[2], row[3]],
            Some(key) => self.write(key),
        };
        let [hash_at, hash_length] = match self.codec.entry_hash_key(&item) {
            None => [0, 0],
            hash_key if hash_key == item.hash_key => [row[4], row[5]],
            Some(hash_key) => self.write(&hash_key.to_string()),
        };
        let entry = [word(documents), at, length, key_at, key_length, hash_at, hash_length];
        self.encoded.index.extend_from_slice(&entry);
    }

    fn write(&mut self, text: &str) -> [u32; 2] {
        let at = self.passed + word(self.encoded.bytes.len());
        self.encoded.bytes.extend_from_slice(text.as_bytes());
        [at, word(text.len())]
    }
}
