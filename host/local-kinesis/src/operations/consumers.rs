//! RegisterStreamConsumer, DescribeStreamConsumer, ListStreamConsumers, DeregisterStreamConsumer, SubscribeToShard.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize};
use tidemill_engine::kinesis::{
    StreamConsumer,
    memory::{Model, Number, Pushed, ServiceError, Subscribed},
};

use super::{
    records::{ChildOut, RecordOut},
    shards::position,
};
use crate::{protocol::Format, values::Moment};

/// A consumer as most answers tell it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ConsumerOut {
    consumer_name: String,
    #[serde(rename = "ConsumerARN")]
    consumer_arn: String,
    consumer_status: &'static str,
    consumer_creation_timestamp: Moment,
}

impl From<StreamConsumer> for ConsumerOut {
    fn from(consumer: StreamConsumer) -> Self {
        Self {
            consumer_name: consumer.name,
            consumer_arn: consumer.arn,
            consumer_status: consumer.status.as_str(),
            consumer_creation_timestamp: Moment(consumer.created),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct RegisterIn<'a> {
    #[serde(borrow, rename = "StreamARN")]
    stream: Cow<'a, str>,
    #[serde(borrow, rename = "ConsumerName")]
    name: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RegisterOut {
    consumer: ConsumerOut,
}

pub(super) fn register(model: &Model, asked: RegisterIn<'_>) -> Result<RegisterOut, ServiceError> {
    let stream = model.resolve(None, Some(asked.stream))?;
    let consumer = model.register_stream_consumer(&stream, &asked.name)?;
    Ok(RegisterOut { consumer: consumer.into() })
}

/// The consumer that a request names by its ARN, by its stream and its name, or by all of them.
#[derive(Debug, Deserialize)]
pub(super) struct ConsumerIn<'a> {
    #[serde(borrow, rename = "ConsumerARN")]
    arn: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "StreamARN")]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "ConsumerName")]
    name: Option<Cow<'a, str>>,
}

impl ConsumerIn<'_> {
    /// The names of the stream and of the consumer.
    fn names(self, model: &Model) -> Result<(String, String), ServiceError> {
        let by_name = match (self.stream, self.name) {
            (Some(stream), Some(name)) => {
                Some((model.resolve(None, Some(stream))?.into_owned(), name.into_owned()))
            }
            _ => None,
        };
        let by_arn = self.arn.map(|arn| model.consumer_of_arn(&arn)).transpose()?;
        match (by_name, by_arn) {
            (Some(one), Some(other)) if one != other => {
                let message = "ConsumerARN, StreamARN and ConsumerName name different consumers";
                Err(ServiceError::invalid_argument(message))
            }
            (Some(names), _) | (None, Some(names)) => Ok(names),
            (None, None) => Err(ServiceError::invalid_argument(
                "Either ConsumerARN or both StreamARN and ConsumerName are needed",
            )),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeOut {
    consumer_description: DescriptionOut,
}

#[derive(Debug, Serialize)]
struct DescriptionOut {
    #[serde(flatten)]
    consumer: ConsumerOut,
    #[serde(rename = "StreamARN")]
    stream_arn: String,
}

pub(super) fn describe(model: &Model, asked: ConsumerIn<'_>) -> Result<DescribeOut, ServiceError> {
    let (stream, name) = asked.names(model)?;
    let consumer = model.describe_stream_consumer(&stream, &name)?;
    let stream_arn = consumer.arn.split("/consumer/").next().unwrap_or_default().to_owned();
    Ok(DescribeOut { consumer_description: DescriptionOut { consumer: consumer.into(), stream_arn } })
}

pub(super) fn deregister(model: &Model, asked: ConsumerIn<'_>) -> Result<(), ServiceError> {
    let (stream, name) = asked.names(model)?;
    model.deregister_stream_consumer(&stream, &name)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListIn<'a> {
    #[serde(borrow, rename = "StreamARN")]
    stream: Cow<'a, str>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListOut {
    consumers: Vec<ConsumerOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn list(model: &Model, asked: ListIn<'_>) -> Result<ListOut, ServiceError> {
    let stream = model.resolve(None, Some(asked.stream))?;
    let page = model.list_stream_consumers(&stream, asked.next_token.as_deref(), asked.max_results)?;
    let consumers = page.consumers.into_iter().map(ConsumerOut::from).collect();
    Ok(ListOut { consumers, next_token: page.next })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SubscribeIn<'a> {
    #[serde(borrow, rename = "ConsumerARN")]
    consumer_arn: Cow<'a, str>,
    #[serde(borrow)]
    shard_id: Cow<'a, str>,
    #[serde(borrow)]
    starting_position: PositionIn<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PositionIn<'a> {
    #[serde(borrow, rename = "Type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    sequence_number: Option<Cow<'a, str>>,
    timestamp: Option<Moment>,
}

/// Begins a subscription.
pub(crate) fn subscribe(model: &Arc<Model>, format: Format, body: &[u8]) -> Result<Subscribed, ServiceError> {
    let asked: SubscribeIn<'_> = format.read(body)?;
    let PositionIn { kind, sequence_number, timestamp } = asked.starting_position;
    let position = position("startingPosition.type", &kind, sequence_number.as_deref(), timestamp)?;
    model.subscribe_to_shard(&asked.consumer_arn, &asked.shard_id, &position)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EventOut<'a> {
    records: Vec<RecordOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continuation_sequence_number: Option<&'a str>,
    millis_behind_latest: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    child_shards: Vec<ChildOut>,
}

/// The payload of an event of a subscription.
pub(crate) fn event(format: Format, pushed: &Pushed) -> Result<Vec<u8>, ServiceError> {
    format.write(&EventOut {
        records: pushed.read.numbered().map(|(number, held)| RecordOut(number, held)).collect(),
        continuation_sequence_number: pushed.continuation.as_ref().map(Number::as_str),
        millis_behind_latest: pushed.read.millis_behind_latest,
        child_shards: pushed.read.children.iter().map(ChildOut::from).collect(),
    })
}
