//! The operations of the service: what each takes and gives, by the names of the interface.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use tidemill_engine::kinesis::memory::{Model, ServiceError};

use crate::protocol::Format;

mod consumers;
mod properties;
mod records;
mod reshard;
mod shards;
mod streams;

pub(crate) use consumers::{event, subscribe};

/// Answers one call that is answered at once: every one but SubscribeToShard. Errors: UnknownOperationException for an operation that there is not.
pub(crate) fn call(
    model: &Model,
    operation: &str,
    format: Format,
    body: &[u8],
) -> Result<Vec<u8>, ServiceError> {
    let call = Call { model, format, body };
    match operation {
        "CreateStream" => call.quiet(streams::create),
        "DeleteStream" => call.quiet(streams::delete),
        "ListStreams" => call.run(streams::list),
        "DescribeStream" => call.run(streams::describe),
        "DescribeStreamSummary" => call.run(streams::describe_summary),
        "DescribeLimits" => call.run(streams::describe_limits),
        "ListShards" => call.run(shards::list),
        "GetShardIterator" => call.run(shards::iterator),
        "SplitShard" => call.quiet(reshard::split),
        "MergeShards" => call.quiet(reshard::merge),
        "UpdateShardCount" => call.run(reshard::update_count),
        "PutRecord" => call.run(records::put),
        "PutRecords" => call.run(records::put_many),
        "GetRecords" => records::get(&call),
        "RegisterStreamConsumer" => call.run(consumers::register),
        "DescribeStreamConsumer" => call.run(consumers::describe),
        "ListStreamConsumers" => call.run(consumers::list),
        "DeregisterStreamConsumer" => call.quiet(consumers::deregister),
        "IncreaseStreamRetentionPeriod" => call.quiet(properties::increase_retention),
        "DecreaseStreamRetentionPeriod" => call.quiet(properties::decrease_retention),
        "UpdateMaxRecordSize" => call.quiet(properties::update_max_record_size),
        "UpdateStreamMode" => call.quiet(properties::update_stream_mode),
        "UpdateStreamRecordDistributionStrategy" => call.quiet(properties::update_distribution),
        "AddTagsToStream" => call.quiet(properties::add_tags),
        "RemoveTagsFromStream" => call.quiet(properties::remove_tags),
        "ListTagsForStream" => call.run(properties::list_tags),
        "EnableEnhancedMonitoring" => call.run(properties::enable_monitoring),
        "DisableEnhancedMonitoring" => call.run(properties::disable_monitoring),
        "StartStreamEncryption" => call.quiet(properties::start_encryption),
        "StopStreamEncryption" => call.quiet(properties::stop_encryption),
        "" => Err(unknown("the header x-amz-target names no operation of Kinesis_20131202")),
        other => Err(unknown(&format!("{other} is not among the operations of the embedded Kinesis"))),
    }
}

/// A call under way.
struct Call<'a> {
    model: &'a Model,
    format: Format,
    body: &'a [u8],
}

impl<'a> Call<'a> {
    fn run<I: Deserialize<'a>, O: Serialize>(
        &self,
        operation: fn(&Model, I) -> Result<O, ServiceError>,
    ) -> Result<Vec<u8>, ServiceError> {
        self.format.write(&operation(self.model, self.format.read(self.body)?)?)
    }

    /// Runs an operation that answers with nothing.
    fn quiet<I: Deserialize<'a>>(
        &self,
        operation: fn(&Model, I) -> Result<(), ServiceError>,
    ) -> Result<Vec<u8>, ServiceError> {
        operation(self.model, self.format.read(self.body)?).map(|()| Vec::new())
    }
}

/// The stream that a request names by name, by ARN or by both.
#[derive(Debug, Deserialize)]
struct Target<'a> {
    #[serde(borrow, rename = "StreamName")]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "StreamARN")]
    arn: Option<Cow<'a, str>>,
}

impl<'a> Target<'a> {
    fn name(self, model: &Model) -> Result<Cow<'a, str>, ServiceError> {
        model.resolve(self.name, self.arn)
    }

    /// The name where the stream is named at all.
    fn name_if_any(self, model: &Model) -> Result<Option<Cow<'a, str>>, ServiceError> {
        if self.name.is_none() && self.arn.is_none() {
            return Ok(None);
        }
        self.name(model).map(Some)
    }
}

fn unknown(message: &str) -> ServiceError {
    ServiceError::new("UnknownOperationException", message)
}
