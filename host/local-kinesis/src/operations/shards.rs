//! ListShards and GetShardIterator.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use tidemill_engine::{
    hash::HashRange,
    kinesis::{
        Position, Shard, ShardFilter,
        memory::{Model, ServiceError, ShardQuery, sequence_number},
    },
};

use super::Target;
use crate::values::Moment;

/// A shard as it is listed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ShardOut {
    shard_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_shard_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    adjacent_parent_shard_id: Option<String>,
    hash_key_range: RangeOut,
    sequence_number_range: NumbersOut,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RangeOut {
    starting_hash_key: String,
    ending_hash_key: String,
}

impl From<HashRange> for RangeOut {
    fn from(range: HashRange) -> Self {
        Self { starting_hash_key: range.start.to_string(), ending_hash_key: range.end.to_string() }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct NumbersOut {
    starting_sequence_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ending_sequence_number: Option<String>,
}

impl From<Shard> for ShardOut {
    fn from(shard: Shard) -> Self {
        Self {
            shard_id: shard.id.to_string(),
            parent_shard_id: shard.parent.map(|id| id.to_string()),
            adjacent_parent_shard_id: shard.adjacent_parent.map(|id| id.to_string()),
            hash_key_range: shard.range.into(),
            sequence_number_range: NumbersOut {
                starting_sequence_number: shard.starting_sequence.to_string(),
                ending_sequence_number: shard.ending_sequence.map(|number| number.to_string()),
            },
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    next_token: Option<String>,
    exclusive_start_shard_id: Option<String>,
    max_results: Option<usize>,
    shard_filter: Option<FilterIn>,
    stream_creation_timestamp: Option<Moment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FilterIn {
    r#type: String,
    shard_id: Option<String>,
    timestamp: Option<Moment>,
}

impl FilterIn {
    fn filter(self) -> Result<ShardFilter, ServiceError> {
        let moment = self.timestamp.map(|Moment(moment)| moment);
        let lacks =
            |field| ServiceError::invalid_argument(format!("ShardFilter {} needs {field}", self.r#type));
        Ok(match self.r#type.as_str() {
            "AFTER_SHARD_ID" => {
                ShardFilter::AfterShard(self.shard_id.ok_or_else(|| lacks("ShardId"))?.into())
            }
            "AT_TRIM_HORIZON" => ShardFilter::AtTrimHorizon,
            "FROM_TRIM_HORIZON" => ShardFilter::FromTrimHorizon,
            "AT_LATEST" => ShardFilter::AtLatest,
            "AT_TIMESTAMP" => ShardFilter::AtTimestamp(moment.ok_or_else(|| lacks("Timestamp"))?),
            "FROM_TIMESTAMP" => ShardFilter::FromTimestamp(moment.ok_or_else(|| lacks("Timestamp"))?),
            _ => {
                let set = "satisfy enum value set: [AFTER_SHARD_ID, AT_TRIM_HORIZON, FROM_TRIM_HORIZON, AT_LATEST, AT_TIMESTAMP, FROM_TIMESTAMP]";
                return Err(ServiceError::validation("shardFilter.type", set));
            }
        })
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListOut {
    shards: Vec<ShardOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn list(model: &Model, asked: ListIn<'_>) -> Result<ListOut, ServiceError> {
    let name = asked.stream.name_if_any(model)?;
    let filter = asked.shard_filter.map(FilterIn::filter).transpose()?;
    let after = asked.exclusive_start_shard_id.as_deref();
    let query = match (&name, &asked.next_token) {
        (None, None) => {
            return Err(ServiceError::invalid_argument(
                "Either StreamName, StreamARN or NextToken is needed",
            ));
        }
        (Some(name), None) => ShardQuery::Stream { name, filter: filter.unwrap_or(ShardFilter::All), after },
        (None, Some(token))
            if filter.is_none() && after.is_none() && asked.stream_creation_timestamp.is_none() =>
        {
            ShardQuery::Token(token)
        }
        (_, Some(_)) => {
            let message =
                "NextToken comes alone: it remembers the stream, the filter and where the page begins";
            return Err(ServiceError::invalid_argument(message));
        }
    };
    let page = model.list_shards(&query, asked.max_results)?;
    Ok(ListOut { shards: page.shards.into_iter().map(ShardOut::from).collect(), next_token: page.next })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct IteratorIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    #[serde(borrow)]
    shard_id: Cow<'a, str>,
    #[serde(borrow)]
    shard_iterator_type: Cow<'a, str>,
    #[serde(borrow)]
    starting_sequence_number: Option<Cow<'a, str>>,
    timestamp: Option<Moment>,
}

/// Where in a shard to start, by the names of the interface. `field` names the kind in errors.
pub(super) fn position(
    field: &str,
    kind: &str,
    number: Option<&str>,
    timestamp: Option<Moment>,
) -> Result<Position, ServiceError> {
    let lacks = |what| ServiceError::invalid_argument(format!("A position of type {kind} needs {what}"));
    let number =
        || sequence_number("startingSequenceNumber", number.ok_or_else(|| lacks("a sequence number"))?);
    Ok(match kind {
        "TRIM_HORIZON" => Position::TrimHorizon,
        "LATEST" => Position::Latest,
        "AT_TIMESTAMP" => Position::AtTimestamp(timestamp.ok_or_else(|| lacks("a timestamp"))?.0),
        "AT_SEQUENCE_NUMBER" => Position::At(number()?),
        "AFTER_SEQUENCE_NUMBER" => Position::After(number()?),
        _ => {
            let set = "satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]";
            return Err(ServiceError::validation(field, set));
        }
    })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct IteratorOut {
    shard_iterator: String,
}

pub(super) fn iterator(model: &Model, asked: IteratorIn<'_>) -> Result<IteratorOut, ServiceError> {
    let number = asked.starting_sequence_number.as_deref();
    let position = position("shardIteratorType", &asked.shard_iterator_type, number, asked.timestamp)?;
    let name = asked.stream.name(model)?;
    Ok(IteratorOut { shard_iterator: model.get_shard_iterator(&name, &asked.shard_id, &position)? })
}
