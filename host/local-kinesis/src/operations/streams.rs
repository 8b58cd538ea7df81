//! CreateStream, DeleteStream, ListStreams, DescribeStream, DescribeStreamSummary, DescribeLimits.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use tidemill_engine::kinesis::{
    Distribution, StreamMode, StreamSummary,
    memory::{CreateStream, Description, Model, ServiceError},
};

use super::{Target, shards::ShardOut};
use crate::values::Moment;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateIn {
    stream_name: String,
    shard_count: Option<u32>,
    stream_mode_details: Option<ModeDetails>,
    #[serde(rename = "MaxRecordSizeInKiB")]
    max_record_kib: Option<u32>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ModeDetails {
    stream_mode: Cow<'static, str>,
}

impl ModeDetails {
    fn of(on_demand: bool) -> Self {
        Self { stream_mode: Cow::Borrowed(if on_demand { "ON_DEMAND" } else { "PROVISIONED" }) }
    }

    pub(super) fn on_demand(&self) -> Result<bool, ServiceError> {
        match &*self.stream_mode {
            "ON_DEMAND" => Ok(true),
            "PROVISIONED" => Ok(false),
            _ => Err(ServiceError::validation(
                "streamMode",
                "satisfy enum value set: [PROVISIONED, ON_DEMAND]",
            )),
        }
    }
}

pub(super) fn create(model: &Model, asked: CreateIn) -> Result<(), ServiceError> {
    let on_demand = asked.stream_mode_details.map_or(Ok(false), |details| details.on_demand())?;
    let mode = match (on_demand, asked.shard_count) {
        (true, _) => StreamMode::OnDemand,
        (false, Some(shards)) => StreamMode::Provisioned { shards },
        (false, None) => return Err(ServiceError::validation("shardCount", "not be null")),
    };
    model.create_stream(CreateStream {
        name: asked.stream_name,
        mode,
        max_record_kib: asked.max_record_kib,
        tags: asked.tags,
    })
}

pub(super) fn delete(model: &Model, stream: Target<'_>) -> Result<(), ServiceError> {
    model.delete_stream(&stream.name(model)?)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListIn {
    exclusive_start_stream_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListOut {
    stream_names: Vec<String>,
    stream_summaries: Vec<SummaryOut>,
    has_more_streams: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// A stream as ListStreams tells it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SummaryOut {
    stream_name: String,
    #[serde(rename = "StreamARN")]
    stream_arn: String,
    stream_status: &'static str,
    stream_mode_details: ModeDetails,
    stream_creation_timestamp: Moment,
}

impl From<StreamSummary> for SummaryOut {
    fn from(summary: StreamSummary) -> Self {
        Self {
            stream_name: summary.name,
            stream_arn: summary.arn,
            stream_status: summary.status.as_str(),
            stream_mode_details: ModeDetails::of(summary.on_demand),
            stream_creation_timestamp: Moment(summary.created),
        }
    }
}

pub(super) fn list(model: &Model, asked: ListIn) -> Result<ListOut, ServiceError> {
    let ListIn { exclusive_start_stream_name: after, next_token: token, limit } = asked;
    let page = model.list_streams(after.as_deref(), token.as_deref(), limit)?;
    Ok(ListOut {
        stream_names: page.streams.iter().map(|stream| stream.name.clone()).collect(),
        stream_summaries: page.streams.into_iter().map(SummaryOut::from).collect(),
        has_more_streams: page.next.is_some(),
        next_token: page.next,
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeIn<'a> {
    #[serde(borrow, flatten)]
    stream: Target<'a>,
    limit: Option<usize>,
    exclusive_start_shard_id: Option<String>,
}

/// What both descriptions begin with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    #[serde(flatten)]
    summary: SummaryOut,
    retention_period_hours: u32,
    #[serde(rename = "MaxRecordSizeInKiB")]
    max_record_kib: usize,
    enhanced_monitoring: [Metrics; 1],
    encryption_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metrics {
    shard_level_metrics: Vec<String>,
}

impl Described {
    fn of(description: Description) -> Self {
        let Description { summary, encryption_key, metrics, .. } = description;
        Self {
            retention_period_hours: summary.retention_hours,
            max_record_kib: summary.max_record_bytes / 1_024,
            summary: summary.into(),
            enhanced_monitoring: [Metrics { shard_level_metrics: metrics }],
            encryption_type: if encryption_key.is_some() { "KMS" } else { "NONE" },
            key_id: encryption_key,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeOut {
    stream_description: DescriptionOut,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescriptionOut {
    #[serde(flatten)]
    described: Described,
    shards: Vec<ShardOut>,
    has_more_shards: bool,
}

pub(super) fn describe(model: &Model, asked: DescribeIn<'_>) -> Result<DescribeOut, ServiceError> {
    let name = asked.stream.name(model)?;
    let mut page = model.describe_stream(&name, asked.exclusive_start_shard_id.as_deref(), asked.limit)?;
    let shards = std::mem::take(&mut page.shards).into_iter().map(ShardOut::from).collect();
    let has_more_shards = page.more;
    let described = Described::of(page);
    Ok(DescribeOut { stream_description: DescriptionOut { described, shards, has_more_shards } })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeSummaryOut {
    stream_description_summary: DescriptionSummaryOut,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescriptionSummaryOut {
    #[serde(flatten)]
    described: Described,
    open_shard_count: u32,
    consumer_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_distribution_strategy: Option<&'static str>,
}

pub(super) fn describe_summary(
    model: &Model,
    stream: Target<'_>,
) -> Result<DescribeSummaryOut, ServiceError> {
    let description = model.describe_stream_summary(&stream.name(model)?)?;
    let (open_shard_count, consumer_count) = (description.summary.open_shards, description.consumers);
    // Told where it is not what it has always been, so that older clients see what they know.
    let record_distribution_strategy =
        (description.summary.distribution == Distribution::Auto).then_some("AUTO");
    let stream_description_summary = DescriptionSummaryOut {
        described: Described::of(description),
        open_shard_count,
        consumer_count,
        record_distribution_strategy,
    };
    Ok(DescribeSummaryOut { stream_description_summary })
}

#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LimitsOut {
    shard_limit: u64,
    open_shard_count: u64,
    on_demand_stream_count: u64,
    on_demand_stream_count_limit: u64,
}

pub(super) fn describe_limits(model: &Model, _: Nothing) -> Result<LimitsOut, ServiceError> {
    let (open_shard_count, shard_limit, on_demand_stream_count) = model.describe_limits()?;
    // The model limits streams on demand by their shards alone.
    let on_demand_stream_count_limit = shard_limit;
    Ok(LimitsOut { shard_limit, open_shard_count, on_demand_stream_count, on_demand_stream_count_limit })
}
