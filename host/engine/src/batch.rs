//! Batches: user records of one shard in one stretch of bytes with an index over it.
//!
//! A batch of any length is two allocations. Splitting one, or picking records out of one, copies index entries
//! and shares the bytes. The index has the layout of `packed-batch` in `wit/`, so that it goes into a guest as it is.

use std::{collections::HashMap, sync::Arc};

use bytemuck::{Pod, Zeroable};
use bytes::Bytes;
use bytestring::ByteString;
use tidemill_processors::{Origin, Unpacked};

use crate::{
    hash::HashKey,
    processor::HashCheck,
    record::{Record, ShardId},
    sequence::SequenceNumber,
    time::UnixMillis,
};

mod builder;
mod gathered;

pub use builder::{DocumentsBuilder, RawBuilder, RecordPlace};

/// User records of one shard, in order, and where they are from.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Where the records are from.
    pub info: BatchInfo,
    documents: Documents,
}

/// Where a batch is from.
#[derive(Clone, Debug)]
pub struct BatchInfo {
    /// Name of the stream.
    pub stream: Arc<str>,
    /// The shard.
    pub shard: ShardId,
    /// Which lane of the shard, from 0: all records of a partition key are in one.
    pub lane: u32,
    /// How far the read was from the tip of the shard, in milliseconds.
    pub millis_behind_latest: u64,
    /// 1 when the records are given for the first time.
    pub attempt: u32,
    /// User records of the shard before these that were handled and that no checkpoint covers, where checkpoints are
    /// the handler's: what its instance may keep in memory.
    pub uncovered: u64,
}

impl Batch {
    /// A batch of these documents.
    pub fn new(info: BatchInfo, documents: Documents) -> Self {
        Self { info, documents }
    }

    /// The records.
    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// The records at these positions, for one of the lanes that handle the batch.
    #[must_use]
    pub fn lane(&self, lane: u32, positions: &[u32]) -> Self {
        Self { info: BatchInfo { lane, ..self.info.clone() }, documents: self.documents.pick(positions) }
    }

    /// The records at these positions, for this attempt at them.
    #[must_use]
    pub fn part(&self, positions: &[u32], attempt: u32) -> Self {
        let info = BatchInfo { attempt, ..self.info.clone() };
        Self { info, documents: self.documents.pick(positions) }
    }
}

/// User records in order: bytes and an index over them.
#[derive(Clone, Debug)]
pub struct Documents {
    bytes: Bytes,
    index: Vec<DocumentIndex>,
    sequences: Arc<[SequenceNumber]>,
    attributes: Arc<AttributesByPlace>,
}

/// Attributes of the few user records that have any, by raw index and sub-index.
pub type AttributesByPlace = HashMap<(u32, u32), Attributes>;

/// What a few user records have besides data and key, where their aggregator keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The explicit hash key that it was put with.
    pub explicit_hash_key: Option<HashKey>,
    /// Its tags, in order.
    pub tags: Vec<(ByteString, Option<ByteString>)>,
}

impl From<&Origin<'_>> for Attributes {
    fn from(origin: &Origin<'_>) -> Self {
        let text = |text: &str| ByteString::from(text);
        Self {
            explicit_hash_key: origin.hash_key.map(HashKey),
            tags: origin.tags.iter().map(|tag| (text(tag.key), tag.value.map(text))).collect(),
        }
    }
}

/// Where one user record lies in the bytes of its batch, and where it came from. Eight 32-bit words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct DocumentIndex {
    /// Offset of its data.
    pub data_offset: u32,
    /// Length of its data.
    pub data_length: u32,
    /// Offset of its partition key.
    pub key_offset: u32,
    /// Length of its partition key.
    pub key_length: u32,
    /// Which Kinesis record of the read it came in.
    pub raw_index: u32,
    /// Position inside that Kinesis record.
    pub sub_index: u32,
    /// Arrival in milliseconds since 1970, low word.
    pub arrival_low: u32,
    /// Arrival in milliseconds since 1970, high word.
    pub arrival_high: u32,
}

impl Documents {
    /// Each record as the one user record in it.
    pub fn of_records(records: &[Record]) -> Self {
        let mut builder = DocumentsBuilder::for_records(records, HashCheck::default());
        for record in records {
            builder.raw(record, &record.data).part(0..record.data.len(), &Origin::default());
        }
        builder.build().documents
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The bytes that the index points into.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The index, one entry a record.
    pub fn index(&self) -> &[DocumentIndex] {
        &self.index
    }

    /// Data of the record at a position.
    pub fn data(&self, position: usize) -> &[u8] {
        let at = &self.index[position];
        &self.bytes[span(at.data_offset, at.data_length)]
    }

    /// Data of the record at a position, sharing the batch's bytes.
    pub fn data_bytes(&self, position: usize) -> Bytes {
        let at = &self.index[position];
        self.bytes.slice(span(at.data_offset, at.data_length))
    }

    /// Partition key of the record at a position.
    pub fn partition_key(&self, position: usize) -> &str {
        let at = &self.index[position];
        std::str::from_utf8(&self.bytes[span(at.key_offset, at.key_length)])
            .expect("only whole strings are added as keys")
    }

    /// When the service took the record at a position.
    pub fn arrival(&self, position: usize) -> UnixMillis {
        let at = &self.index[position];
        UnixMillis(u64::from(at.arrival_high) << 32 | u64::from(at.arrival_low))
    }

    /// Sequence number of the Kinesis record that the record at a position came in.
    pub fn sequence(&self, position: usize) -> &SequenceNumber {
        &self.sequences[self.index[position].raw_index as usize]
    }

    /// Sequence number of the Kinesis record with this raw index.
    pub fn sequence_of_raw(&self, raw_index: u32) -> Option<&SequenceNumber> {
        self.sequences.get(raw_index as usize)
    }

    /// What the user record with this raw index and sub-index has besides, if anything.
    pub fn attributes(&self, raw_index: u32, sub_index: u32) -> Option<&Attributes> {
        self.attributes.get(&(raw_index, sub_index))
    }

    /// What user records of the whole read have besides.
    pub fn all_attributes(&self) -> &Arc<AttributesByPlace> {
        &self.attributes
    }

    /// Sequence numbers of the Kinesis records of the whole read, by raw index.
    pub fn sequences(&self) -> &Arc<[SequenceNumber]> {
        &self.sequences
    }

    /// The records from `start` on, at most `records` of them and at most `bytes` of data but at least one.
    /// `start` must be below the length. The bytes are shared and the offsets count from their new beginning.
    #[must_use]
    pub fn split(&self, start: usize, records: usize, bytes: usize) -> Self {
        let mut end = start;
        let mut taken = 0_usize;
        while end < self.index.len() && end - start < records {
            taken += self.index[end].data_length as usize;
            if taken > bytes && end > start {
                break;
            }
            end += 1;
        }
        self.rebased(self.index[start..end].to_vec())
    }

    /// The records at these positions, in the order given.
    #[must_use]
    pub fn pick(&self, positions: &[u32]) -> Self {
        self.rebased(positions.iter().map(|&at| self.index[at as usize]).collect())
    }

    /// Leaves away the bytes around what the index needs, so that a guest is given no more than its batch.
    fn rebased(&self, mut index: Vec<DocumentIndex>) -> Self {
        let start = index.iter().map(|at| at.data_offset.min(at.key_offset)).min().unwrap_or(0);
        let end = index.iter().map(|at| (at.data_offset + at.data_length).max(at.key_offset + at.key_length));
        let end = end.max().unwrap_or(0);
        for at in &mut index {
            at.data_offset -= start;
            at.key_offset -= start;
        }
        let bytes = self.bytes.slice(start as usize..end as usize);
        Self {
            bytes,
            index,
            sequences: Arc::clone(&self.sequences),
            attributes: Arc::clone(&self.attributes),
        }
    }
}

fn span(offset: u32, length: u32) -> std::ops::Range<usize> {
    offset as usize..offset as usize + length as usize
}

#[cfg(test)]
mod tests {
    use tidemill_processors::{Aggregator, Codec, Serializer};

    use super::*;

    fn record(sequence: u32, key: &'static str, data: &'static str) -> Record {
        Record {
            sequence: sequence.to_string().try_into().unwrap(),
            partition_key: key.into(),
            data: data.into(),
            arrival: UnixMillis(5_000_000_000),
        }
    }

    fn lines() -> Documents {
        let records = [record(7, "k", "ab\ncd\n"), record(9, "long", "e\n")];
        let mut builder = DocumentsBuilder::for_records(&records, HashCheck::default());
        for record in &records {
            let mut raw = builder.raw(record, &record.data);
            Codec { aggregator: Aggregator::Newline, serializer: Serializer::Bytes }
                .unpack(&record.data, &mut raw);
        }
        builder.build().documents
    }

    #[test]
    fn documents_read_back_what_was_added() {
        let documents = lines();
        let read: Vec<_> = (0..documents.len())
            .map(|at| (documents.data(at), documents.partition_key(at), documents.sequence(at).as_str()))
            .collect();
        assert_eq!(read, [(&b"ab"[..], "k", "7"), (b"cd", "k", "7"), (b"e", "long", "9")]);
        assert_eq!(documents.index()[1].sub_index, 1);
        assert_eq!(documents.arrival(2), UnixMillis(5_000_000_000));
    }

    #[test]
    fn a_split_holds_its_records_and_no_bytes_of_others() {
        let documents = lines();
        let tail = documents.split(2, 10, 100);
        assert_eq!((tail.data(0), tail.partition_key(0), tail.bytes().len()), (&b"e"[..], "long", 5));
        assert_eq!(documents.split(0, 10, 3).len(), 1, "two bytes fit and four do not");
        assert_eq!(documents.split(0, 10, 1).len(), 1, "one record goes however long it is");
        assert_eq!(documents.split(0, 2, 100).len(), 2);
    }

    #[test]
    fn picked_records_keep_their_order_and_place() {
        let picked = lines().pick(&[0, 2]);
        assert_eq!((picked.data(0), picked.data(1)), (&b"ab"[..], &b"e"[..]));
        assert_eq!(picked.sequence(1).as_str(), "9");
    }
}
