//! Lease tables of the Kinesis Client Library, versions 2 and 3. They are read only.
//!
//! `checkpoint` and `checkpointSubSequenceNumber` name the last user record that is done. Version 3 keeps more than
//! leases in the table; what has an `entityType` other than `LEASE` is passed over. A finished lease is deleted once
//! all of its children were begun, so a shard without a row, before one that has a row, is done.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use tidemill_engine::lease::Checkpoint;

use super::{
    Dialect, DialectError, Found, Holder, Place, Row, Sign,
    table::{Item, items, number, required, text},
};

/// A lease table, and the stream in it that is looked for.
#[derive(Clone, Debug)]
pub struct Table {
    /// Where the table is.
    pub client: Client,
    /// Its name, which is the name of the KCL's application.
    pub table: String,
    /// The stream. A table of one stream does not name it.
    pub stream: String,
    /// How tidemill will take its records apart.
    pub records: Records,
}

/// How tidemill takes records apart, which decides what sub-sequence number 0 means: all of a record that holds one
/// user record to the KCL, or the first of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// As the KCL does: what the KPL put together is several user records, and any other record is one.
    LikeKcl,
    /// In another way: the KCL saw each as one user record.
    Otherwise,
    /// By a component, of which nobody knows.
    Unknown,
}

#[async_trait]
impl Dialect for Table {
    async fn read(&self) -> Result<Found, DialectError> {
        sort(&self.stream, self.records, &items(&self.client, &self.table).await?)
    }
}

fn sort(stream: &str, records: Records, items: &[Item]) -> Result<Found, DialectError> {
    let mut found = Found::default();
    for item in items {
        let key =
            required(item, "leaseKey").map_err(|reason| DialectError::unreadable("leaseKey", reason))?;
        let unreadable = |reason| DialectError::unreadable(key, reason);
        let kind = text(item, "entityType").map_err(unreadable)?.unwrap_or(LEASE);
        if kind != LEASE {
            found.passed_over.push(format!("no lease but {kind}: {key}"));
            continue;
        }
        match shard_of(stream, key) {
            Some(shard) => found.rows.push(row(shard, records, item).map_err(unreadable)?),
            None => found.passed_over.push(format!("of another stream: {key}")),
        }
    }
    Ok(found)
}

/// The shard of a lease: `SHARD`, or `ACCOUNT:STREAM:EPOCH:SHARD` in a table of several streams.
fn shard_of<'a>(stream: &str, key: &'a str) -> Option<&'a str> {
    match key.split(':').collect::<Vec<_>>()[..] {
        [shard] => Some(shard),
        [_, name, _, shard] if name == stream => Some(shard),
        _ => None,
    }
}

fn row(shard: &str, records: Records, item: &Item) -> Result<Row, String> {
    let sub_sequence = number(item, "checkpointSubSequenceNumber")?.unwrap_or(0);
    let place = match required(item, "checkpoint")? {
        "TRIM_HORIZON" => Place::At(Checkpoint::TrimHorizon),
        "LATEST" => Place::At(Checkpoint::Latest),
        "AT_TIMESTAMP" => Place::Moment,
        "SHARD_END" => Place::At(Checkpoint::ShardEnd),
        digits => {
            let sequence = digits.to_owned().try_into().map_err(|error| format!("{error}"))?;
            let sub_sequence = done_in_record(sub_sequence, records)?;
            Place::At(Checkpoint::At { sequence, sub_sequence })
        }
    };
    let counter = number(item, "leaseCounter")?.unwrap_or(0);
    let holder =
        text(item, "leaseOwner")?.map(|name| Holder { name: name.to_owned(), sign: Sign::Counter(counter) });
    Ok(Row { shard: shard.into(), place, holder })
}

/// The last user record that is done, as tidemill counts; none for all of the record.
fn done_in_record(sub_sequence: u64, records: Records) -> Result<Option<u32>, String> {
    match (records, sub_sequence) {
        (Records::Otherwise, 0) => Ok(None),
        (Records::Otherwise, _) => Err(format!(
            "it is in the middle of a record of the KPL, which the pipeline's processor does not take apart: set an aggregator of \"kpl\", sub-sequence={sub_sequence}"
        )),
        (Records::LikeKcl | Records::Unknown, _) => u32::try_from(sub_sequence)
            .map(Some)
            .map_err(|_| format!("no record holds so many user records: sub-sequence={sub_sequence}")),
    }
}

/// The entity that is a lease.
const LEASE: &str = "LEASE";

#[cfg(test)]
mod tests;
