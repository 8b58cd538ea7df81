//! PutRecord and PutRecords.

use super::{Change, Held, Model, Number, ServiceError, shard::Shard, stream::Stream, validate};
use crate::{
    hash::HashKey,
    limits,
    record::{Entry, ShardId},
    time::UnixMillis,
};

/// Where a record went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The shard that took it.
    pub shard: ShardId,
    /// The number it got there.
    pub number: Number,
}

impl Model {
    /// PutRecord. Errors: ProvisionedThroughputExceededException where the shard takes no more now.
    pub fn put_record(&self, name: &str, entry: Entry) -> Result<Place, ServiceError> {
        validate::entry(&entry)?;
        self.put(name, vec![entry])?.pop().expect("one entry has one result")
    }

    /// PutRecords: one result an entry, in their order. Each entry settles on its own once the request was let in.
    pub fn put_records(
        &self,
        name: &str,
        entries: Vec<Entry>,
    ) -> Result<Vec<Result<Place, ServiceError>>, ServiceError> {
        validate::within("records", entries.len(), 1..=limits::PUT_RECORDS_ENTRIES)?;
        entries.iter().try_for_each(validate::entry)?;
        let bytes: usize = entries.iter().map(Entry::size).sum();
        if bytes > limits::PUT_RECORDS_BYTES {
            return Err(ServiceError::invalid_argument(format!(
                "Records size exceeds the limit of a request, data and partition keys together: bytes={bytes} limit={}",
                limits::PUT_RECORDS_BYTES
            )));
        }
        self.put(name, entries)
    }

    fn put(&self, name: &str, entries: Vec<Entry>) -> Result<Vec<Result<Place, ServiceError>>, ServiceError> {
        let keys: Vec<HashKey> = entries.iter().map(Entry::hash_key).collect();
        self.on(name, |stream, now| {
            stream.must_be_usable(now)?;
            must_be_small_enough(stream, &entries)?;
            let mut written = self.journal.as_ref().map(|_| Written::default());
            let mut results = Vec::with_capacity(entries.len());
            for (entry, key) in entries.into_iter().zip(keys) {
                let number = stream.route(key);
                let shard = stream.shards.get_mut(&number).expect("routes lead to open shards");
                if let Some(written) = &mut written {
                    written.before(number, shard);
                }
                results.push(self.append(&stream.name, shard, entry, now));
            }
            self.note_records(stream, &written.unwrap_or_default());
            Ok(results)
        })
    }

    fn append(
        &self,
        stream: &str,
        shard: &mut Shard,
        entry: Entry,
        now: UnixMillis,
    ) -> Result<Place, ServiceError> {
        if self.settings.enforce_limits {
            let size = entry.size() as u64;
            let rates = &mut shard.rates;
            if !(rates.written_records.has(1, now) && rates.written_bytes.has(size, now)) {
                let message = format!(
                    "Rate exceeded for shard {} in stream {stream} under account {}.",
                    shard.id, self.settings.account
                );
                return Err(ServiceError::throughput(message));
            }
            rates.written_records.spend(1);
            rates.written_bytes.spend(size);
        }
        let held = Held { arrival: now, partition_key: entry.partition_key, data: entry.data };
        Ok(Place { number: shard.append(held), shard: shard.id.clone() })
    }

    fn note_records(&self, stream: &Stream, written: &Written) {
        for (number, first) in &written.0 {
            let shard = &stream.shards[number];
            if *first < shard.tip() {
                self.note(|| Change::Records {
                    stream: stream.id,
                    shard: *number,
                    first: *first,
                    records: shard.from(*first).cloned().collect(),
                });
            }
        }
    }
}

/// The shards that a request wrote to, with the index of the first record that each got from it.
#[derive(Default)]
struct Written(Vec<(u32, u64)>);

impl Written {
    fn before(&mut self, number: u32, shard: &Shard) {
        if !self.0.iter().any(|(seen, _)| *seen == number) {
            self.0.push((number, shard.tip()));
        }
    }
}

fn must_be_small_enough(stream: &Stream, entries: &[Entry]) -> Result<(), ServiceError> {
    let limit = stream.max_record_bytes();
    match entries.iter().map(Entry::size).max() {
        Some(largest) if largest > limit => Err(ServiceError::invalid_argument(format!(
            "Record size exceeds MaxRecordSizeInKiB of stream {}, data and partition key together: bytes={largest} limit={limit}",
            stream.name
        ))),
        _ => Ok(()),
    }
}
