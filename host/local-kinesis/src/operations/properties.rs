//! Retention, record size, mode, tags, monitoring, encryption.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use tidemill_engine::kinesis::{
    Distribution,
    memory::{Model, ServiceError},
};

use super::{Target, streams::ModeDetails};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RetentionIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    retention_period_hours: u32,
}

pub(super) fn increase_retention(model: &Model, asked: RetentionIn<'_>) -> Result<(), ServiceError> {
    model.increase_retention(&asked.stream.name(model)?, asked.retention_period_hours)
}

pub(super) fn decrease_retention(model: &Model, asked: RetentionIn<'_>) -> Result<(), ServiceError> {
    model.decrease_retention(&asked.stream.name(model)?, asked.retention_period_hours)
}

#[derive(Debug, Deserialize)]
pub(super) struct MaxRecordSizeIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    #[serde(rename = "MaxRecordSizeInKiB")]
    kib: u32,
}

pub(super) fn update_max_record_size(model: &Model, asked: MaxRecordSizeIn<'_>) -> Result<(), ServiceError> {
    model.update_max_record_size(&asked.stream.name(model)?, asked.kib)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ModeIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    stream_mode_details: ModeDetails,
}

pub(super) fn update_stream_mode(model: &Model, asked: ModeIn<'_>) -> Result<(), ServiceError> {
    let on_demand = asked.stream_mode_details.on_demand()?;
    model.update_stream_mode(&asked.stream.name(model)?, on_demand)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DistributionIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    record_distribution_strategy: Cow<'a, str>,
}

pub(super) fn update_distribution(model: &Model, asked: DistributionIn<'_>) -> Result<(), ServiceError> {
    let distribution = match &*asked.record_distribution_strategy {
        "AUTO" => Distribution::Auto,
        "USER_PARTITION_KEY" => Distribution::UserPartitionKey,
        _ => {
            return Err(ServiceError::validation(
                "recordDistributionStrategy",
                "satisfy enum value set: [AUTO, USER_PARTITION_KEY]",
            ));
        }
    };
    model.set_distribution(&asked.stream.name(model)?, distribution)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AddTagsIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    tags: BTreeMap<String, String>,
}

pub(super) fn add_tags(model: &Model, asked: AddTagsIn<'_>) -> Result<(), ServiceError> {
    model.add_tags(&asked.stream.name(model)?, asked.tags)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RemoveTagsIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    tag_keys: Vec<String>,
}

pub(super) fn remove_tags(model: &Model, asked: RemoveTagsIn<'_>) -> Result<(), ServiceError> {
    model.remove_tags(&asked.stream.name(model)?, &asked.tag_keys)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTagsIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    exclusive_start_tag_key: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTagsOut {
    tags: Vec<TagOut>,
    has_more_tags: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagOut {
    key: String,
    value: String,
}

pub(super) fn list_tags(model: &Model, asked: ListTagsIn<'_>) -> Result<ListTagsOut, ServiceError> {
    let name = asked.stream.name(model)?;
    let (tags, has_more_tags) =
        model.list_tags(&name, asked.exclusive_start_tag_key.as_deref(), asked.limit)?;
    let tags = tags.into_iter().map(|(key, value)| TagOut { key, value }).collect();
    Ok(ListTagsOut { tags, has_more_tags })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MonitoringIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    shard_level_metrics: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MonitoringOut {
    stream_name: String,
    current_shard_level_metrics: Vec<String>,
    desired_shard_level_metrics: Vec<String>,
}

pub(super) fn enable_monitoring(
    model: &Model,
    asked: MonitoringIn<'_>,
) -> Result<MonitoringOut, ServiceError> {
    monitoring(model, asked, true)
}

pub(super) fn disable_monitoring(
    model: &Model,
    asked: MonitoringIn<'_>,
) -> Result<MonitoringOut, ServiceError> {
    monitoring(model, asked, false)
}

fn monitoring(model: &Model, asked: MonitoringIn<'_>, enable: bool) -> Result<MonitoringOut, ServiceError> {
    let name = asked.stream.name(model)?;
    let (before, after) = model.set_metrics(&name, &asked.shard_level_metrics, enable)?;
    Ok(MonitoringOut {
        stream_name: name.into_owned(),
        current_shard_level_metrics: before,
        desired_shard_level_metrics: after,
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EncryptionIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    encryption_type: String,
    key_id: String,
}

pub(super) fn start_encryption(model: &Model, asked: EncryptionIn<'_>) -> Result<(), ServiceError> {
    set_encryption(model, asked, true)
}

pub(super) fn stop_encryption(model: &Model, asked: EncryptionIn<'_>) -> Result<(), ServiceError> {
    set_encryption(model, asked, false)
}

fn set_encryption(model: &Model, asked: EncryptionIn<'_>, on: bool) -> Result<(), ServiceError> {
    if asked.encryption_type != "KMS" {
        return Err(ServiceError::validation("encryptionType", "be KMS"));
    }
    let name = asked.stream.name(model)?;
    model.set_encryption(&name, on.then_some(asked.key_id.as_str()))
}
