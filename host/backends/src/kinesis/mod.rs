//! Amazon Kinesis through the AWS SDK: the service itself, or any endpoint that speaks its protocol.

use async_trait::async_trait;
use aws_sdk_kinesis::{Client, config};
use tidemill_engine::{
    kinesis::{
        EntryError, Fetch, Kinesis, KinesisError, Position, ShardFilter, ShardIterator, ShardPage,
        StreamConsumer, StreamMode, StreamPage, StreamSummary, Subscription,
    },
    record::{Entry, Placed, ShardId},
    stream::StreamRef,
};

use crate::aws::{Service, Setup, setup};
use answer::Answer;
use connections::Connections;
use error::sort;
use subscription::AwsSubscription;

mod answer;
mod connections;
mod error;
mod request;
mod subscription;
#[cfg(test)]
mod tests;

pub use crate::aws::{AwsSettings, SetupError};

/// A client of one endpoint. It does not retry: the engine does, and knows when. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct AwsKinesis {
    client: Client,
    /// For subscriptions, which would fill the client's.
    connections: Connections,
}

impl AwsKinesis {
    /// Finds region and credentials and makes a client. The endpoint is not asked for anything yet.
    ///
    /// # Errors
    /// [`SetupError`] says what to do.
    ///
    /// # Cancel safety
    /// Safe: nothing is changed.
    pub async fn connect(settings: &AwsSettings) -> Result<Self, SetupError> {
        let Setup { shared, endpoint_url, is_tls } = setup(settings, Service::Kinesis).await?;
        let mut config = config::Builder::from(&shared);
        config.set_endpoint_url(endpoint_url);
        let config = config.build();
        Ok(Self { connections: Connections::new(&config, is_tls), client: Client::from_conf(config) })
    }
}

/// The name or the ARN, as the caller gave it: the service takes one of them.
fn name(stream: &StreamRef) -> Option<String> {
    stream.arn().is_none().then(|| stream.name().to_owned())
}

fn arn(stream: &StreamRef) -> Option<String> {
    stream.arn().map(ToOwned::to_owned)
}

#[async_trait]
impl Kinesis for AwsKinesis {
    async fn create_stream(&self, stream: &StreamRef, mode: StreamMode) -> Result<(), KinesisError> {
        let (shards, mode) = request::stream_mode(mode);
        let call = self.client.create_stream().stream_name(stream.name());
        let call = call.set_shard_count(shards).stream_mode_details(mode);
        call.send().await.map(drop).map_err(|error| sort("CreateStream", &error))
    }

    async fn delete_stream(&self, stream: &StreamRef) -> Result<(), KinesisError> {
        let call = self.client.delete_stream().set_stream_name(name(stream)).set_stream_arn(arn(stream));
        call.send().await.map(drop).map_err(|error| sort("DeleteStream", &error))
    }

    async fn list_streams(&self, after: Option<&str>) -> Result<StreamPage, KinesisError> {
        let call = self.client.list_streams().set_exclusive_start_stream_name(after.map(ToOwned::to_owned));
        let page = call.send().await.map_err(|error| sort("ListStreams", &error))?;
        Ok(StreamPage { names: page.stream_names, more: page.has_more_streams })
    }

    async fn describe_stream_summary(&self, stream: &StreamRef) -> Result<StreamSummary, KinesisError> {
        let operation = "DescribeStreamSummary";
        let call = self.client.describe_stream_summary();
        let call = call.set_stream_name(name(stream)).set_stream_arn(arn(stream));
        let output = call.send().await.map_err(|error| sort(operation, &error))?;
        Answer(operation).summary(output.stream_description_summary)
    }

    async fn list_shards(
        &self,
        stream: &StreamRef,
        filter: ShardFilter,
        token: Option<&str>,
    ) -> Result<ShardPage, KinesisError> {
        let call = self.client.list_shards();
        let call = match token {
            // The token stands for the stream and the filter, and the service refuses them beside it.
            Some(token) => call.next_token(token),
            None => call
                .set_stream_name(name(stream))
                .set_stream_arn(arn(stream))
                .set_shard_filter(request::shard_filter(filter)),
        };
        let page = call.send().await.map_err(|error| sort("ListShards", &error))?;
        let shards = page.shards.unwrap_or_default().into_iter();
        let shards = shards.map(|shard| Answer("ListShards").shard(shard)).collect::<Result<_, _>>()?;
        Ok(ShardPage { shards, next: page.next_token })
    }

    async fn get_shard_iterator(
        &self,
        stream: &StreamRef,
        shard: &ShardId,
        position: &Position,
    ) -> Result<ShardIterator, KinesisError> {
        let operation = "GetShardIterator";
        let (iterator_type, sequence, moment) = request::position(position);
        let call = self.client.get_shard_iterator();
        let call = call.set_stream_name(name(stream)).set_stream_arn(arn(stream)).shard_id(shard.as_str());
        let call = call.shard_iterator_type(iterator_type);
        let call = call.set_starting_sequence_number(sequence).set_timestamp(moment);
        let output = call.send().await.map_err(|error| sort(operation, &error))?;
        output.shard_iterator.map(ShardIterator).ok_or_else(|| Answer(operation).lacks("ShardIterator"))
    }

    async fn get_records(
        &self,
        stream: &StreamRef,
        iterator: &ShardIterator,
        limit: usize,
    ) -> Result<Fetch, KinesisError> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let call = self.client.get_records().set_stream_arn(arn(stream)).shard_iterator(&iterator.0);
        let output = call.limit(limit).send().await.map_err(|error| sort("GetRecords", &error))?;
        Answer("GetRecords").fetch(output)
    }

    async fn put_records(
        &self,
        stream: &StreamRef,
        entries: &[Entry],
    ) -> Result<Vec<Result<Placed, EntryError>>, KinesisError> {
        let records = entries.iter().map(request::entry).collect::<Result<Vec<_>, _>>();
        let records = records.map_err(|error| error::refused("PutRecords", &error))?;
        let call = self.client.put_records().set_stream_name(name(stream)).set_stream_arn(arn(stream));
        let result = call.set_records(Some(records)).send().await;
        let output = result.map_err(|error| sort("PutRecords", &error))?;
        Answer("PutRecords").placed(output.records, entries.len())
    }

    async fn register_stream_consumer(
        &self,
        stream_arn: &str,
        name: &str,
    ) -> Result<StreamConsumer, KinesisError> {
        let operation = "RegisterStreamConsumer";
        let call = self.client.register_stream_consumer().stream_arn(stream_arn).consumer_name(name);
        let output = call.send().await.map_err(|error| sort(operation, &error))?;
        Answer(operation).registered(output.consumer)
    }

    async fn describe_stream_consumer(
        &self,
        stream_arn: &str,
        name: &str,
    ) -> Result<StreamConsumer, KinesisError> {
        let operation = "DescribeStreamConsumer";
        let call = self.client.describe_stream_consumer().stream_arn(stream_arn).consumer_name(name);
        let output = call.send().await.map_err(|error| sort(operation, &error))?;
        Answer(operation).described(output.consumer_description)
    }

    async fn deregister_stream_consumer(&self, stream_arn: &str, name: &str) -> Result<(), KinesisError> {
        let call = self.client.deregister_stream_consumer().stream_arn(stream_arn).consumer_name(name);
        call.send().await.map(drop).map_err(|error| sort("DeregisterStreamConsumer", &error))
    }

    async fn subscribe_to_shard(
        &self,
        consumer_arn: &str,
        shard: &ShardId,
        position: &Position,
    ) -> Result<Box<dyn Subscription>, KinesisError> {
        let subscription =
            AwsSubscription::begin(self.connections.lend(), consumer_arn, shard, position).await?;
        Ok(Box::new(subscription))
    }
}
