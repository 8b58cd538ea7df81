//! Collecting the user records of one read.

use std::{collections::HashMap, ops::Range, sync::Arc};

use bytemuck::{Pod, Zeroable};
use tidemill_processors::{Malformed, Origin, Unpacked};

use super::{Attributes, DocumentIndex, Documents};
use crate::{
    hash::HashKey,
    processor::{Decoded, HashCheck, HashRangePolicy, Rejection},
    record::Record,
    sequence::SequenceNumber,
};

/// Collects the user records of one read. Holds at most 4 GiB: a read is 10 MiB and its keys.
#[derive(Debug)]
pub struct DocumentsBuilder {
    check: HashCheck,
    bytes: Vec<u8>,
    index: Vec<DocumentIndex>,
    sequences: Vec<SequenceNumber>,
    attributes: HashMap<(u32, u32), Attributes>,
    rejections: Vec<Rejection>,
    misplaced: u64,
    passed_over: u64,
}

impl DocumentsBuilder {
    /// Room for the user records of these Kinesis records.
    pub fn for_records(records: &[Record], check: HashCheck) -> Self {
        let bytes = records.iter().map(|record| record.data.len() + record.partition_key.len()).sum();
        Self {
            check,
            bytes: Vec::with_capacity(bytes),
            index: Vec::with_capacity(records.len()),
            sequences: Vec::with_capacity(records.len()),
            attributes: HashMap::new(),
            rejections: Vec::new(),
            misplaced: 0,
            passed_over: 0,
        }
    }

    /// Begins the next Kinesis record: copies its key and `data` in, and answers where to add its user records.
    pub fn raw<'a>(&'a mut self, record: &Record, data: &[u8]) -> RawBuilder<'a> {
        let place = self.copy_in(record, data);
        self.at(record, word(self.sequences.len() - 1), place)
    }

    /// Copies all Kinesis records in at once and answers where each of them lies, for a processor that is given
    /// [`DocumentsBuilder::bytes`] and says where in them the user records are.
    pub fn all(&mut self, records: &[Record]) -> Vec<RecordPlace> {
        records.iter().map(|record| self.copy_in(record, &record.data)).collect()
    }

    /// The bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds bytes that user records may lie in, and answers where they are.
    pub fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    /// Where to add the user records of a Kinesis record that was copied in at this place.
    pub fn at<'a>(&'a mut self, record: &Record, raw_index: u32, place: RecordPlace) -> RawBuilder<'a> {
        let template = DocumentIndex {
            data_offset: place.data_offset,
            data_length: 0,
            key_offset: place.key_offset,
            key_length: place.key_length,
            raw_index,
            sub_index: 0,
            arrival_low: (record.arrival.0 & u64::from(u32::MAX)) as u32,
            arrival_high: (record.arrival.0 >> 32) as u32,
        };
        let first = self.index.len();
        let misplaced = self.misplaced;
        let data_length = place.data_length as usize;
        RawBuilder { all: self, template, data_length, first, misplaced, last_key: None }
    }

    fn copy_in(&mut self, record: &Record, data: &[u8]) -> RecordPlace {
        self.sequences.push(record.sequence.clone());
        let key_offset = word(self.bytes.len());
        self.bytes.extend_from_slice(record.partition_key.as_bytes());
        let data_offset = word(self.bytes.len());
        self.bytes.extend_from_slice(data);
        let (key_length, data_length) = (data_offset - key_offset, word(data.len()));
        RecordPlace { data_offset, data_length, key_offset, key_length }
    }

    /// Everything that was added.
    pub fn build(self) -> Decoded {
        let documents = Documents {
            bytes: self.bytes.into(),
            index: self.index,
            sequences: self.sequences.into(),
            attributes: Arc::new(self.attributes),
        };
        let Self { rejections, misplaced, passed_over, .. } = self;
        Decoded { documents, rejections, misplaced, passed_over }
    }
}

/// Where a Kinesis record lies in the bytes of a builder. Four 32-bit words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct RecordPlace {
    /// Where its data begins.
    pub data_offset: u32,
    /// Length of its data in bytes.
    pub data_length: u32,
    /// Where its partition key begins.
    pub key_offset: u32,
    /// Length of its partition key in bytes.
    pub key_length: u32,
}

/// Adds the user records of one Kinesis record. When it goes, the Kinesis record is complete.
#[derive(Debug)]
pub struct RawBuilder<'a> {
    all: &'a mut DocumentsBuilder,
    template: DocumentIndex,
    data_length: usize,
    /// How many documents there were before this Kinesis record, and how many of them misplaced.
    first: usize,
    misplaced: u64,
    /// The last partition key that was looked at, and whether it belongs to the shard: neighbours often share one.
    last_key: Option<(Range<usize>, bool)>,
}

impl RawBuilder<'_> {
    /// Adds a document that lies in the builder's bytes, as its partition key does if it has one of its own.
    ///
    /// # Panics
    /// When the key is not text, or either of them reaches past the bytes.
    pub fn place(&mut self, data: Range<usize>, key: Option<Range<usize>>, attributes: Attributes) {
        let end = data.end.max(key.as_ref().map_or(0, |key| key.end));
        assert!(end <= self.all.bytes.len(), "a document or its key reaches past the bytes");
        if !self.belongs(key.as_ref(), attributes.explicit_hash_key) {
            self.all.misplaced += 1;
        }
        let mut document =
            DocumentIndex { data_offset: word(data.start), data_length: word(data.len()), ..self.template };
        if let Some(key) = key {
            document.key_offset = word(key.start);
            document.key_length = word(key.len());
        }
        if attributes != Attributes::default() {
            self.all.attributes.insert((document.raw_index, document.sub_index), attributes);
        }
        self.all.index.push(document);
        self.template.sub_index += 1;
    }

    /// Adds bytes that user records may lie in, and answers where they are.
    pub fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        self.all.append(bytes)
    }

    /// The next document is the one at this position of the Kinesis record: those before it are not given.
    pub fn skip_to(&mut self, sub_index: u32) {
        self.template.sub_index = sub_index;
    }

    /// Counts the next place as taken by something that is no document.
    pub fn reject(&mut self, reason: String) {
        let DocumentIndex { raw_index, sub_index, .. } = self.template;
        self.all.rejections.push(Rejection { raw_index, sub_index, reason });
        self.template.sub_index += 1;
    }

    /// Adds a document of an aggregator, whose keys lie in the record's data.
    fn add(&mut self, data: Range<usize>, origin: &Origin<'_>) {
        let start = self.template.data_offset as usize;
        let key = origin.key.as_ref().map(|key| {
            assert!(key.end <= self.data_length, "a key reaches past its record");
            start + key.start..start + key.end
        });
        self.place(data, key, origin.into());
    }

    /// Whether a document with keys of its own belongs to the shard.
    fn belongs(&mut self, key: Option<&Range<usize>>, hash_key: Option<HashKey>) -> bool {
        let Some(range) = self.all.check.range else { return true };
        if let Some(hash_key) = hash_key {
            return range.contains(hash_key);
        }
        let Some(key) = key else { return true };
        if let Some((_, belongs)) = self.last_key.as_ref().filter(|(last, _)| last == key) {
            return *belongs;
        }
        let text = std::str::from_utf8(&self.all.bytes[key.clone()])
            .expect("an aggregator gives keys that are text");
        let belongs = range.contains(HashKey::of(text));
        self.last_key = Some((key.clone(), belongs));
        belongs
    }
}

impl Unpacked for RawBuilder<'_> {
    /// # Panics
    /// When the part reaches past the data.
    fn part(&mut self, place: Range<usize>, origin: &Origin<'_>) {
        assert!(place.end <= self.data_length, "a document reaches past its record");
        let start = self.template.data_offset as usize;
        self.add(start + place.start..start + place.end, origin);
    }

    fn made(&mut self, origin: &Origin<'_>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>) {
        let start = self.all.bytes.len();
        match write(&mut self.all.bytes) {
            Ok(()) => self.add(start..self.all.bytes.len(), origin),
            Err(malformed) => {
                self.all.bytes.truncate(start);
                self.rejected(&malformed);
            }
        }
    }

    fn rejected(&mut self, why: &Malformed) {
        self.reject(why.to_string());
    }
}

impl Drop for RawBuilder<'_> {
    fn drop(&mut self) {
        let is_strict = self.all.check.policy == HashRangePolicy::StrictKcl;
        if is_strict && self.all.misplaced > self.misplaced {
            self.all.passed_over += (self.all.index.len() - self.first) as u64;
            self.all.index.truncate(self.first);
        }
    }
}

fn word(count: usize) -> u32 {
    u32::try_from(count).expect("a read is far below 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hash::HashRange, time::UnixMillis};

    /// Three user records with keys of their own in a shard that takes the hash key of `a`, and no other.
    fn decoded(policy: HashRangePolicy) -> Decoded {
        let record = Record {
            sequence: "1".to_owned().try_into().unwrap(),
            partition_key: "outer".into(),
            data: "ab".into(),
            arrival: UnixMillis(0),
        };
        let of_a = HashKey::of("a");
        let range = Some(HashRange { start: of_a, end: of_a });
        let mut builder =
            DocumentsBuilder::for_records(std::slice::from_ref(&record), HashCheck { range, policy });
        let mut raw = builder.raw(&record, &record.data);
        let keyed = |at: usize| Origin { key: Some(at..at + 1), ..Origin::default() };
        raw.part(0..1, &keyed(0));
        raw.part(1..2, &keyed(1));
        raw.made(&Origin { hash_key: Some(of_a.0), ..keyed(1) }, |out| {
            out.extend_from_slice(b"made");
            Ok(())
        });
        drop(raw);
        builder.build()
    }

    #[test]
    fn user_records_keep_the_keys_they_were_put_with() {
        let decoded = decoded(HashRangePolicy::Lenient);
        let documents = &decoded.documents;
        let read: Vec<_> =
            (0..documents.len()).map(|at| (documents.data(at), documents.partition_key(at))).collect();
        assert_eq!(read, [(&b"a"[..], "a"), (b"b", "b"), (b"made", "b")]);
        let attributes = documents.attributes(0, 2).unwrap();
        assert_eq!(attributes.explicit_hash_key, Some(HashKey::of("a")));
        assert_eq!(documents.attributes(0, 1), None);
    }

    #[test]
    fn misplaced_user_records_are_counted_or_cost_their_record_all_its_user_records() {
        let lenient = decoded(HashRangePolicy::Lenient);
        assert_eq!((lenient.documents.len(), lenient.misplaced, lenient.passed_over), (3, 1, 0));
        let strict = decoded(HashRangePolicy::StrictKcl);
        assert_eq!((strict.documents.len(), strict.misplaced, strict.passed_over), (0, 1, 3));
    }
}
