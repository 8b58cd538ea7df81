//! SplitShard, MergeShards, UpdateShardCount.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use tidemill_engine::kinesis::memory::{Model, ServiceError, hash_key};

use super::Target;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SplitIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    shard_to_split: Cow<'a, str>,
    new_starting_hash_key: Cow<'a, str>,
}

pub(super) fn split(model: &Model, asked: SplitIn<'_>) -> Result<(), ServiceError> {
    let at = hash_key("newStartingHashKey", &asked.new_starting_hash_key)?;
    model.split_shard(&asked.stream.name(model)?, &asked.shard_to_split, at)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MergeIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    shard_to_merge: Cow<'a, str>,
    adjacent_shard_to_merge: Cow<'a, str>,
}

pub(super) fn merge(model: &Model, asked: MergeIn<'_>) -> Result<(), ServiceError> {
    model.merge_shards(&asked.stream.name(model)?, &asked.shard_to_merge, &asked.adjacent_shard_to_merge)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CountIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    target_shard_count: u32,
    scaling_type: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CountOut {
    stream_name: String,
    #[serde(rename = "StreamARN")]
    stream_arn: String,
    current_shard_count: u32,
    target_shard_count: u32,
}

pub(super) fn update_count(model: &Model, asked: CountIn<'_>) -> Result<CountOut, ServiceError> {
    if asked.scaling_type != "UNIFORM_SCALING" {
        return Err(ServiceError::validation("scalingType", "satisfy enum value set: [UNIFORM_SCALING]"));
    }
    let name = asked.stream.name(model)?;
    let done = model.update_shard_count(&name, asked.target_shard_count)?;
    Ok(CountOut {
        stream_name: name.into_owned(),
        stream_arn: done.arn,
        current_shard_count: done.current,
        target_shard_count: done.target,
    })
}
