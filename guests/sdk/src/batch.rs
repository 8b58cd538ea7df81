//! A packed batch, read as records.

use crate::bindings::exports::tidemill::streams::packed_record_handler::PackedBatch;
use crate::{BatchInfo, Tag, positions};

/// Words that the index of a packed batch has for each record.
const WORDS: usize = 8;

/// User records of one shard, in order, and where they are from.
#[derive(Debug)]
pub struct Batch {
    info: BatchInfo,
    packed: PackedBatch,
}

/// One user record. What it borrows lives as long as its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Position in the batch, which names the record in a failure.
    pub index: u32,
    /// The document.
    pub data: &'a [u8],
    /// Partition key of the Kinesis record that it came in.
    pub partition_key: &'a str,
    /// Which Kinesis record of the batch it came in.
    pub raw_index: u32,
    /// Position inside that Kinesis record, 0 when it came alone.
    pub sub_index: u32,
    /// When the service took the Kinesis record, in milliseconds since 1970.
    pub arrival_millis: u64,
}

impl Record<'_> {
    /// Sequence number of the Kinesis record that it came in. It is a call to the host: ask where it is needed.
    pub fn sequence_number(&self) -> String {
        positions::sequence_number(self.raw_index).expect("the host knows every record of the batch at hand")
    }

    /// Explicit hash key that it was put with, in decimal, where its aggregator keeps one. It is a call to the host.
    pub fn explicit_hash_key(&self) -> Option<String> {
        positions::explicit_hash_key(self.raw_index, self.sub_index)
    }

    /// Tags that it was put with, in order, where its aggregator keeps them. It is a call to the host.
    pub fn tags(&self) -> Vec<Tag> {
        positions::tags(self.raw_index, self.sub_index)
    }
}

impl Batch {
    /// Where the batch is from.
    pub fn info(&self) -> &BatchInfo {
        &self.info
    }

    /// How many records it has.
    pub fn len(&self) -> usize {
        self.packed.index.len() / WORDS
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The records, in order.
    pub fn records(&self) -> Records<'_> {
        let (index, _) = self.packed.index.as_chunks::<WORDS>();
        Records { bytes: &self.packed.bytes, index: index.iter(), next: 0 }
    }

    pub(crate) fn new(info: BatchInfo, packed: PackedBatch) -> Self {
        Self { info, packed }
    }

    /// Bytes of all records and their keys.
    pub(crate) fn size(&self) -> usize {
        self.packed.bytes.len()
    }
}

/// The records of a batch, in order.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    index: std::slice::Iter<'a, [u32; WORDS]>,
    next: u32,
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let &[data_at, data_len, key_at, key_len, raw_index, sub_index, arrival_low, arrival_high] =
            self.index.next()?;
        let index = self.next;
        self.next += 1;
        Some(Record {
            index,
            data: part(self.bytes, data_at, data_len),
            partition_key: std::str::from_utf8(part(self.bytes, key_at, key_len))
                .expect("the host passes partition keys as UTF-8"),
            raw_index,
            sub_index,
            arrival_millis: u64::from(arrival_high) << 32 | u64::from(arrival_low),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.index.size_hint()
    }
}

impl ExactSizeIterator for Records<'_> {}

fn part(bytes: &[u8], at: u32, len: u32) -> &[u8] {
    &bytes[at as usize..][..len as usize]
}

/// A batch of some shard, for tests.
#[cfg(test)]
pub(crate) fn batch_of(packed: PackedBatch) -> Batch {
    let info = BatchInfo {
        stream_name: "s".into(),
        shard_id: "shardId-000000000000".into(),
        first_sequence_number: "1".into(),
        last_sequence_number: "2".into(),
        millis_behind_latest: 0,
        attempt: 1,
        generation: 1,
    };
    Batch::new(info, packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_read_back_what_the_host_packed() {
        let packed = PackedBatch {
            index: vec![3, 2, 0, 3, 0, 0, 5, 1, 8, 0, 5, 3, 1, 7, 6, 0],
            bytes: b"keyabk-2".to_vec(),
        };
        let batch = batch_of(packed);
        let records: Vec<_> = batch.records().collect();
        let first = Record {
            index: 0,
            data: b"ab",
            partition_key: "key",
            raw_index: 0,
            sub_index: 0,
            arrival_millis: (1 << 32) + 5,
        };
        let second = Record {
            index: 1,
            data: b"",
            partition_key: "k-2",
            raw_index: 1,
            sub_index: 7,
            arrival_millis: 6,
        };
        assert_eq!(records, [first, second]);
    }
}
