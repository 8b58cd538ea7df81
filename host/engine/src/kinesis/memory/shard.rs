//! One shard: its records in memory, its place among its relatives.

use std::collections::VecDeque;

use bytes::Bytes;
use bytestring::ByteString;
use tokio::sync::watch;

use super::{Number, ServiceError, Stamp, bucket::Bucket};
use crate::{
    hash::HashRange,
    kinesis::{self, ChildShard, Position},
    limits,
    record::ShardId,
    time::UnixMillis,
};

/// A record as a shard holds it; its number follows from its index. Cloning copies no data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// When the shard took it.
    pub arrival: UnixMillis,
    /// Partition key.
    pub partition_key: ByteString,
    /// The data.
    pub data: Bytes,
}

impl Held {
    /// What the record counts for in every limit, in bytes.
    pub fn size(&self) -> usize {
        self.data.len() + self.partition_key.len()
    }
}

#[derive(Debug)]
pub(super) struct Shard {
    pub(super) id: ShardId,
    pub(super) stamp: Stamp,
    pub(super) range: HashRange,
    /// None, one after a split, two after a merge.
    pub(super) parents: Vec<u32>,
    pub(super) opened: UnixMillis,
    pub(super) closed: Option<UnixMillis>,
    /// Index of the oldest record held. The first record of a shard has index 1.
    pub(super) first: u64,
    pub(super) records: VecDeque<Held>,
    pub(super) rates: Rates,
    /// Wakes those that are subscribed.
    woken: watch::Sender<()>,
}

/// How fast the shard was written and read.
#[derive(Debug)]
pub(super) struct Rates {
    pub(super) written_records: Bucket,
    pub(super) written_bytes: Bucket,
    pub(super) reads: Bucket,
    pub(super) read_bytes: Bucket,
    pub(super) iterators: Bucket,
}

impl Rates {
    fn full(now: UnixMillis) -> Self {
        let bytes = |rate: usize| u32::try_from(rate).unwrap_or(u32::MAX);
        Self {
            written_records: Bucket::full(limits::SHARD_WRITE_RECORDS_PER_SECOND, now),
            written_bytes: Bucket::full(bytes(limits::SHARD_WRITE_BYTES_PER_SECOND), now),
            reads: Bucket::full(limits::GET_RECORDS_PER_SECOND, now),
            read_bytes: Bucket::full(bytes(limits::SHARD_READ_BYTES_PER_SECOND), now),
            iterators: Bucket::full(limits::GET_SHARD_ITERATOR_PER_SECOND, now),
        }
    }
}

impl Shard {
    pub(super) fn open(stamp: Stamp, range: HashRange, parents: Vec<u32>, now: UnixMillis) -> Self {
        Self {
            id: shard_id(stamp.shard),
            stamp,
            range,
            parents,
            opened: now,
            closed: None,
            first: 1,
            records: VecDeque::new(),
            rates: Rates::full(now),
            woken: watch::Sender::new(()),
        }
    }

    /// Index that the next record gets.
    pub(super) fn tip(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    pub(super) fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// Takes a record. Time never goes back within a shard, so that a search by time is a search by index.
    pub(super) fn append(&mut self, mut record: Held) -> Number {
        let newest = self.records.back().map_or(UnixMillis(0), |newest| newest.arrival);
        record.arrival = record.arrival.max(newest);
        let number = self.stamp.number(self.tip(), record.arrival);
        self.records.push_back(record);
        self.wake();
        number
    }

    /// Has everybody who is subscribed look at the shard again.
    pub(super) fn wake(&self) {
        if !self.woken.is_closed() {
            self.woken.send_replace(());
        }
    }

    /// Tells of every later change.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.woken.subscribe()
    }

    /// Takes no more records.
    pub(super) fn close(&mut self, now: UnixMillis) {
        self.closed = Some(now);
        self.wake();
    }

    /// The number of the record before an index, or of where it was or would be.
    pub(super) fn number_before(&self, index: u64) -> Number {
        let before = index.saturating_sub(1);
        let held = before.checked_sub(self.first).and_then(|at| self.records.get(usize::try_from(at).ok()?));
        self.stamp.number(before, held.map_or(UnixMillis(0), |held| held.arrival))
    }

    /// Refuses a moment that is still to come.
    pub(super) fn must_be_past(&self, position: &Position, now: UnixMillis) -> Result<(), ServiceError> {
        match position {
            Position::AtTimestamp(moment) if *moment > now => Err(ServiceError::invalid_argument(format!(
                "Timestamp is in the future: timestamp_ms={moment} now_ms={now}"
            ))),
            _ => Ok(()),
        }
    }

    /// Forgets records that arrived before the horizon; whether there were any.
    pub(super) fn trim(&mut self, horizon: UnixMillis) -> bool {
        let expired = self.records.iter().take_while(|record| record.arrival < horizon).count();
        self.records.drain(..expired);
        self.first += expired as u64;
        expired > 0
    }

    /// The records from an index on, oldest first.
    pub(super) fn from(&self, index: u64) -> impl Iterator<Item = &Held> {
        let skipped = usize::try_from(index.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.records.range(skipped.min(self.records.len())..)
    }

    /// Index of the first record to read at a position.
    pub(super) fn index_at(&self, position: &Position) -> Result<u64, ServiceError> {
        Ok(match position {
            Position::TrimHorizon => self.first,
            Position::Latest => self.tip(),
            Position::AtTimestamp(moment) => {
                self.first + self.records.partition_point(|record| record.arrival < *moment) as u64
            }
            Position::At(number) => self.index_of(number.as_str())?,
            Position::After(number) => (self.index_of(number.as_str())? + 1).min(self.tip()),
        })
    }

    /// The index that a number of this shard stands for; its ends stand for the first record and for the tip.
    fn index_of(&self, number: &str) -> Result<u64, ServiceError> {
        if number == self.stamp.highest().as_str() {
            return Ok(self.tip());
        }
        let refused = || {
            ServiceError::invalid_argument(format!(
                "StartingSequenceNumber {number} is not a sequence number of shard {}",
                self.id
            ))
        };
        let (stamp, index, arrival) = Number::parse(number).ok_or_else(refused)?;
        let held = index.checked_sub(self.first).and_then(|at| self.records.get(usize::try_from(at).ok()?));
        let is_another = held.is_some_and(|record| record.arrival != arrival);
        if stamp != self.stamp || index >= self.tip() || is_another {
            return Err(refused());
        }
        Ok(index)
    }

    /// The shard as it is listed.
    pub(super) fn listed(&self) -> kinesis::Shard {
        kinesis::Shard {
            id: self.id.clone(),
            parent: self.parents.first().copied().map(shard_id),
            adjacent_parent: self.parents.get(1).copied().map(shard_id),
            range: self.range,
            starting_sequence: self.stamp.lowest().into(),
            ending_sequence: self.closed.map(|_| self.stamp.highest().into()),
        }
    }

    /// The shard as the last read of a parent names it.
    pub(super) fn as_child(&self) -> ChildShard {
        ChildShard {
            id: self.id.clone(),
            parents: self.parents.iter().copied().map(shard_id).collect(),
            range: self.range,
        }
    }
}

/// The id of a shard by its number.
pub(super) fn shard_id(number: u32) -> ShardId {
    format!("shardId-{number:012}").into()
}

/// The number of a shard by its id.
pub(super) fn shard_number(id: &str) -> Option<u32> {
    let digits = id.strip_prefix("shardId-")?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}
