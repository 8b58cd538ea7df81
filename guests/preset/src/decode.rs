//! From Kinesis records to documents.

use std::ops::Range;

use tidemill_processors::{Codec, Malformed, Origin, Unpacked};

use crate::{
    bindings::{
        exports::tidemill::streams::packed_processor::{Attributes, Decoded, Rejection},
        tidemill::streams::types::Tag,
    },
    part, word,
};

/// Words that the index has for each record.
const RECORD_WORDS: usize = 4;
/// Words that the answer's index has for each document.
const DOCUMENT_WORDS: usize = 6;

/// Takes records apart.
pub fn decode(codec: Codec, index: &[u32], bytes: &[u8]) -> Decoded {
    let (records, _) = index.as_chunks::<RECORD_WORDS>();
    let decoded = Decoded {
        index: Vec::with_capacity(records.len() * DOCUMENT_WORDS),
        bytes: Vec::new(),
        rejections: Vec::new(),
        attributes: Vec::new(),
    };
    let mut answer = Answer { decoded, passed: bytes.len(), raw_index: 0, sub_index: 0, start: 0 };
    let reader = codec.reader(records.iter().map(|&[at, length, ..]| part(bytes, at, length)).collect());
    for (record, &[at, ..]) in records.iter().enumerate() {
        answer.raw_index = word(record);
        answer.sub_index = 0;
        answer.start = at;
        reader.unpack(record, &mut answer);
    }
    answer.decoded
}

/// The answer in the making, at one record.
struct Answer {
    decoded: Decoded,
    /// Bytes that the host passed: those that are made come behind them.
    passed: usize,
    raw_index: u32,
    sub_index: u32,
    /// Where the record's data begins.
    start: u32,
}

impl Answer {
    fn add(&mut self, at: u32, length: usize, origin: &Origin<'_>) {
        let [key_at, key_length] = match &origin.key {
            Some(key) => [self.start + word(key.start), word(key.len())],
            None => [0, 0],
        };
        let row = [self.raw_index, self.sub_index, at, word(length), key_at, key_length];
        self.decoded.index.extend_from_slice(&row);
        if origin.hash_key.is_some() || !origin.tags.is_empty() {
            self.keep_attributes(origin);
        }
        self.sub_index += 1;
    }

    fn keep_attributes(&mut self, origin: &Origin<'_>) {
        let tag = |tag: &tidemill_processors::Tag<'_>| Tag {
            key: tag.key.to_owned(),
            value: tag.value.map(str::to_owned),
        };
        self.decoded.attributes.push(Attributes {
            raw_index: self.raw_index,
            sub_index: self.sub_index,
            explicit_hash_key: origin.hash_key.map(|hash_key| hash_key.to_string()),
            tags: origin.tags.iter().map(tag).collect(),
        });
    }
}

impl Unpacked for Answer {
    fn part(&mut self, place: Range<usize>, origin: &Origin<'_>) {
        self.add(self.start + word(place.start), place.len(), origin);
    }

    fn made(&mut self, origin: &Origin<'_>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>) {
        let start = self.decoded.bytes.len();
        match write(&mut self.decoded.bytes) {
            Ok(()) => {
                let length = self.decoded.bytes.len() - start;
                self.add(word(self.passed + start), length, origin);
            }
            Err(malformed) => {
                self.decoded.bytes.truncate(start);
                self.rejected(&malformed);
            }
        }
    }

    fn rejected(&mut self, why: &Malformed) {
        let Self { raw_index, sub_index, .. } = *self;
        self.decoded.rejections.push(Rejection { raw_index, sub_index, reason: why.to_string() });
        self.sub_index += 1;
    }
}
