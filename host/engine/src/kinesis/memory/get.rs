//! GetRecords.

use std::ops::Deref;

use super::{
    Held, Model, Number, ServiceError, Stamp,
    bucket::millis,
    list_shards::children,
    shard::{Shard, shard_id},
    stream::Stream,
    token::Cursor,
    validate,
};
use crate::{kinesis::ChildShard, limits, time::UnixMillis};

/// What was read of a shard at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// What the records' numbers have in common.
    pub stamp: Stamp,
    /// Index of the first record; the others follow without a gap.
    pub first: u64,
    /// The records, oldest first.
    pub records: Vec<Held>,
    /// Whether the shard is closed and was read to its end.
    pub ended: bool,
    /// Age of the last record read, in milliseconds; 0 when there are no more for now.
    pub millis_behind_latest: u64,
    /// The shards that go on where this one ended; only given at its end.
    pub children: Vec<ChildShard>,
}

impl Read {
    /// The records with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (Number, &Held)> {
        (self.first..).zip(&self.records).map(|(index, held)| (self.stamp.number(index, held.arrival), held))
    }

    /// Index of the record that comes after these.
    pub(super) fn next_index(&self) -> u64 {
        self.first + self.records.len() as u64
    }
}

/// What GetRecords answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// What was read.
    pub read: Read,
    /// The iterator to go on with; none when the shard is closed and was read to its end.
    pub next: Option<String>,
}

impl Deref for Fetched {
    type Target = Read;

    fn deref(&self) -> &Read {
        &self.read
    }
}

impl Model {
    /// GetRecords: up to `limit` records and 10 MiB from an iterator on, always one record where there is one.
    /// `stream` is the stream that the caller named as well, where it did.
    pub fn get_records(
        &self,
        stream: Option<&str>,
        iterator: &str,
        limit: Option<usize>,
    ) -> Result<Fetched, ServiceError> {
        let limit = limit.unwrap_or(limits::GET_RECORDS_RECORDS);
        validate::between("limit", &limit, 1..=limits::GET_RECORDS_RECORDS)?;
        validate::within("shardIterator", iterator.len(), 1..=limits::SHARD_ITERATOR_CHARS)?;
        let foreign = || ServiceError::invalid_argument("Invalid ShardIterator.");
        let cursor = Cursor::open(iterator).ok_or_else(foreign)?;
        if stream.is_some_and(|name| name != cursor.name) {
            return Err(ServiceError::invalid_argument("ShardIterator is of another stream than StreamARN"));
        }
        self.must_be_fresh(&cursor)?;
        self.on(&cursor.name, |stream, now| {
            stream.must_be_usable(now)?;
            if stream.id != cursor.stream {
                return Err(foreign());
            }
            self.fetch(stream, &cursor, limit, now)
        })
    }

    fn must_be_fresh(&self, cursor: &Cursor) -> Result<(), ServiceError> {
        let (age, life) = (self.clock.now().millis_since(cursor.issued), millis(self.settings.iterator_life));
        if age < life {
            return Ok(());
        }
        Err(ServiceError::new(
            "ExpiredIteratorException",
            format!("Iterator expired; get a new one at the last position: age_ms={age} life_ms={life}"),
        ))
    }

    fn fetch(
        &self,
        stream: &mut Stream,
        cursor: &Cursor,
        limit: usize,
        now: UnixMillis,
    ) -> Result<Fetched, ServiceError> {
        let shard = stream.shard(shard_id(cursor.shard).as_str())?;
        if self.settings.enforce_limits {
            must_not_be_too_fast(shard, now)?;
        }
        let read = read(stream, cursor.shard, cursor.index, (limit, limits::GET_RECORDS_BYTES), now)?;
        let bytes: usize = read.records.iter().map(Held::size).sum();
        let shard = stream.shard(shard_id(cursor.shard).as_str())?;
        shard.rates.read_bytes.spend(bytes as u64);
        let next = Cursor { issued: now, index: read.next_index(), ..cursor.clone() };
        Ok(Fetched { next: (!read.ended).then(|| next.seal()), read })
    }
}

/// What a shard holds from an index on, up to so many records and bytes, always one record where there is one.
pub(super) fn read(
    stream: &mut Stream,
    number: u32,
    index: u64,
    most: (usize, usize),
    now: UnixMillis,
) -> Result<Read, ServiceError> {
    let shard = stream.shard(shard_id(number).as_str())?;
    let first = index.max(shard.first);
    let records = take(shard, first, most);
    let caught_up = first + records.len() as u64 >= shard.tip();
    let age = records.last().map_or(0, |last| now.millis_since(last.arrival));
    let ended = caught_up && !shard.is_open();
    let stamp = shard.stamp;
    Ok(Read {
        stamp,
        first,
        records,
        ended,
        millis_behind_latest: if caught_up { 0 } else { age.max(1) },
        children: if ended { children(stream, number) } else { Vec::new() },
    })
}

/// Records from an index on, as many as one response may hold.
fn take(shard: &Shard, first: u64, (limit, most_bytes): (usize, usize)) -> Vec<Held> {
    let (mut records, mut bytes) = (Vec::new(), 0);
    for held in shard.from(first).take(limit) {
        if bytes + held.size() > most_bytes && !records.is_empty() {
            break;
        }
        bytes += held.size();
        records.push(held.clone());
    }
    records
}

fn must_not_be_too_fast(shard: &mut Shard, now: UnixMillis) -> Result<(), ServiceError> {
    let open = shard.rates.read_bytes.is_open(now);
    if open && shard.rates.reads.take(now) {
        return Ok(());
    }
    let what = if open { "five reads" } else { "2 MiB" };
    Err(ServiceError::throughput(format!("Rate exceeded for shard {}: {what} a second", shard.id)))
}
