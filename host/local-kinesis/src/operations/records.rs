//! PutRecord, PutRecords, GetRecords: where speed matters. A request's data is decoded into one buffer that its
//! records share; a response is written from the records where they lie.

use std::borrow::Cow;

use bytes::Bytes;
use bytestring::ByteString;
use serde::{Deserialize, Serialize};
use tidemill_engine::{
    hash::HashKey,
    kinesis::{
        ChildShard,
        memory::{Held, Model, Number, Place, ServiceError, hash_key, sequence_number},
    },
    record::Entry,
};

use super::{Call, Target, shards::RangeOut};
use crate::values::{Blob, Data, Moment};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    #[serde(borrow)]
    data: Blob<'a>,
    #[serde(borrow)]
    partition_key: Cow<'a, str>,
    #[serde(borrow)]
    explicit_hash_key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sequence_number_for_ordering: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutOut {
    shard_id: String,
    sequence_number: String,
    encryption_type: &'static str,
}

pub(super) fn put(model: &Model, asked: PutIn<'_>) -> Result<PutOut, ServiceError> {
    if let Some(number) = &asked.sequence_number_for_ordering {
        // Every number is greater than all before it, so that there is nothing to do but to look at it.
        sequence_number("sequenceNumberForOrdering", number)?;
    }
    let entry = EntryIn {
        data: asked.data,
        partition_key: asked.partition_key,
        explicit_hash_key: asked.explicit_hash_key,
    };
    let entry = entries(&[entry])?.pop().expect("one entry was given");
    let place = model.put_record(&asked.stream.name(model)?, entry)?;
    Ok(PutOut {
        shard_id: place.shard.to_string(),
        sequence_number: place.number.as_str().to_owned(),
        encryption_type: "NONE",
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutManyIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    #[serde(borrow)]
    records: Vec<EntryIn<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntryIn<'a> {
    #[serde(borrow)]
    data: Blob<'a>,
    #[serde(borrow)]
    partition_key: Cow<'a, str>,
    #[serde(borrow)]
    explicit_hash_key: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutManyOut {
    failed_record_count: usize,
    records: Vec<ResultOut>,
    encryption_type: &'static str,
}

/// What became of one entry.
#[derive(Debug)]
struct ResultOut(Result<Place, ServiceError>);

impl Serialize for ResultOut {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Done<'a> {
            sequence_number: &'a str,
            shard_id: &'a str,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Failed<'a> {
            error_code: &'a str,
            error_message: &'a str,
        }
        match &self.0 {
            Ok(place) => Done { sequence_number: place.number.as_str(), shard_id: place.shard.as_str() }
                .serialize(serializer),
            Err(error) => {
                Failed { error_code: error.code, error_message: &error.message }.serialize(serializer)
            }
        }
    }
}

pub(super) fn put_many(model: &Model, asked: PutManyIn<'_>) -> Result<PutManyOut, ServiceError> {
    let name = asked.stream.name(model)?;
    let results = model.put_records(&name, entries(&asked.records)?)?;
    Ok(PutManyOut {
        failed_record_count: results.iter().filter(|result| result.is_err()).count(),
        records: results.into_iter().map(ResultOut).collect(),
        encryption_type: "NONE",
    })
}

/// Entries as the model takes them. Their data and keys lie one after another in one buffer.
fn entries(asked: &[EntryIn<'_>]) -> Result<Vec<Entry>, ServiceError> {
    let length = asked.iter().map(|entry| entry.data.capacity() + entry.partition_key.len()).sum();
    let mut buffer = Vec::with_capacity(length);
    let mut ends = Vec::with_capacity(asked.len());
    for entry in asked {
        let undecodable = || ServiceError::new("SerializationException", "Data is not base64");
        entry.data.append_to(&mut buffer).ok_or_else(undecodable)?;
        let data_end = buffer.len();
        buffer.extend_from_slice(entry.partition_key.as_bytes());
        ends.push((data_end, buffer.len()));
    }
    let buffer = Bytes::from(buffer);
    let mut start = 0;
    let cut = asked.iter().zip(ends).map(|(entry, (data_end, end))| {
        let data = buffer.slice(start..data_end);
        let key = ByteString::try_from(buffer.slice(data_end..end)).expect("a key is copied from a string");
        start = end;
        Ok(Entry { data, partition_key: key, explicit_hash_key: explicit_key(entry)? })
    });
    cut.collect()
}

fn explicit_key(entry: &EntryIn<'_>) -> Result<Option<HashKey>, ServiceError> {
    entry.explicit_hash_key.as_deref().map(|text| hash_key("explicitHashKey", text)).transpose()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    #[serde(borrow)]
    shard_iterator: Cow<'a, str>,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetOut<'a> {
    records: Vec<RecordOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_shard_iterator: Option<&'a str>,
    millis_behind_latest: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    child_shards: Vec<ChildOut>,
}

/// A record as it goes out: a number and a view of what the shard holds.
#[derive(Debug)]
pub(super) struct RecordOut<'a>(pub(super) Number, pub(super) &'a Held);

impl Serialize for RecordOut<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Record<'a> {
            sequence_number: &'a str,
            approximate_arrival_timestamp: Moment,
            data: Data<'a>,
            partition_key: &'a str,
            encryption_type: &'static str,
        }
        let Self(number, held) = self;
        let record = Record {
            sequence_number: number.as_str(),
            approximate_arrival_timestamp: Moment(held.arrival),
            data: Data(&held.data),
            partition_key: &held.partition_key,
            encryption_type: "NONE",
        };
        record.serialize(serializer)
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChildOut {
    shard_id: String,
    parent_shards: Vec<String>,
    hash_key_range: RangeOut,
}

impl From<&ChildShard> for ChildOut {
    fn from(child: &ChildShard) -> Self {
        Self {
            shard_id: child.id.to_string(),
            parent_shards: child.parents.iter().map(ToString::to_string).collect(),
            hash_key_range: child.range.into(),
        }
    }
}

pub(super) fn get(call: &Call<'_>) -> Result<Vec<u8>, ServiceError> {
    let asked: GetIn<'_> = call.format.read(call.body)?;
    let stream = asked.stream.name_if_any(call.model)?;
    let fetched = call.model.get_records(stream.as_deref(), &asked.shard_iterator, asked.limit)?;
    let read = &fetched.read;
    call.format.write(&GetOut {
        records: read.numbered().map(|(number, held)| RecordOut(number, held)).collect(),
        next_shard_iterator: fetched.next.as_deref(),
        millis_behind_latest: read.millis_behind_latest,
        child_shards: read.children.iter().map(ChildOut::from).collect(),
    })
}
