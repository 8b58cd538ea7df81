//! The model as an endpoint of the engine.

use async_trait::async_trait;

use super::{CreateStream, Fetched, MemoryKinesis, Read, ServiceError, ShardQuery, Subscribed};
use crate::{
    kinesis::{
        EntryError, Fetch, Kinesis, KinesisError, Position, ShardFilter, ShardIterator, ShardPage,
        StreamConsumer, StreamMode, StreamPage, StreamSummary, Subscription, SubscriptionEvent,
    },
    record::{Entry, Placed, Record, ShardId},
    stream::StreamRef,
};

impl MemoryKinesis {
    /// Gives an answer out once all that it rests on is kept.
    async fn settle<T>(
        &self,
        operation: &'static str,
        answer: Result<T, ServiceError>,
    ) -> Result<T, KinesisError> {
        self.model.kept().await.and(answer).map_err(|refused| refused.during(operation))
    }

    fn name<'a>(&self, stream: &'a StreamRef) -> Result<&'a str, ServiceError> {
        self.model.must_be_here(stream)?;
        Ok(stream.name())
    }

    fn by_arn(&self, stream_arn: &str) -> Result<String, ServiceError> {
        self.model.resolve(None, Some(stream_arn.into())).map(std::borrow::Cow::into_owned)
    }
}

#[async_trait]
impl Kinesis for MemoryKinesis {
    async fn create_stream(&self, stream: &StreamRef, mode: StreamMode) -> Result<(), KinesisError> {
        let created = self.name(stream).and_then(|name| {
            let tags = std::collections::BTreeMap::new();
            self.model.create_stream(CreateStream { name: name.to_owned(), mode, max_record_kib: None, tags })
        });
        self.settle("CreateStream", created).await
    }

    async fn delete_stream(&self, stream: &StreamRef) -> Result<(), KinesisError> {
        let deleted = self.name(stream).and_then(|name| self.model.delete_stream(name));
        self.settle("DeleteStream", deleted).await
    }

    async fn list_streams(&self, after: Option<&str>) -> Result<StreamPage, KinesisError> {
        let listed = self.model.list_streams(after, None, None).map(|page| StreamPage {
            names: page.streams.into_iter().map(|stream| stream.name).collect(),
            more: page.next.is_some(),
        });
        self.settle("ListStreams", listed).await
    }

    async fn describe_stream_summary(&self, stream: &StreamRef) -> Result<StreamSummary, KinesisError> {
        let described = self.name(stream).and_then(|name| self.model.describe_stream_summary(name));
        self.settle("DescribeStreamSummary", described.map(|stream| stream.summary)).await
    }

    async fn list_shards(
        &self,
        stream: &StreamRef,
        filter: ShardFilter,
        token: Option<&str>,
    ) -> Result<ShardPage, KinesisError> {
        let listed = self.name(stream).and_then(|name| {
            let query = token.map_or(ShardQuery::Stream { name, filter, after: None }, ShardQuery::Token);
            self.model.list_shards(&query, None)
        });
        let page = listed.map(|page| ShardPage { shards: page.shards, next: page.next });
        self.settle("ListShards", page).await
    }

    async fn get_shard_iterator(
        &self,
        stream: &StreamRef,
        shard: &ShardId,
        position: &Position,
    ) -> Result<ShardIterator, KinesisError> {
        let iterator =
            self.name(stream).and_then(|name| self.model.get_shard_iterator(name, shard.as_str(), position));
        self.settle("GetShardIterator", iterator.map(ShardIterator)).await
    }

    async fn get_records(
        &self,
        stream: &StreamRef,
        iterator: &ShardIterator,
        limit: usize,
    ) -> Result<Fetch, KinesisError> {
        let fetched =
            self.name(stream).and_then(|name| self.model.get_records(Some(name), &iterator.0, Some(limit)));
        let fetch = fetched.map(|Fetched { read, next }| Fetch {
            records: records(&read),
            next: next.map(ShardIterator),
            millis_behind_latest: read.millis_behind_latest,
            children: read.children,
        });
        self.settle("GetRecords", fetch).await
    }

    async fn put_records(
        &self,
        stream: &StreamRef,
        entries: &[Entry],
    ) -> Result<Vec<Result<Placed, EntryError>>, KinesisError> {
        let put = self.name(stream).and_then(|name| self.model.put_records(name, entries.to_vec()));
        let results = put.map(|results| {
            let settled = results.into_iter().map(|result| match result {
                Ok(place) => Ok(Placed { shard: place.shard, sequence: place.number.into() }),
                Err(refused) => Err(EntryError::Throttled(refused.message)),
            });
            settled.collect()
        });
        self.settle("PutRecords", results).await
    }

    async fn register_stream_consumer(
        &self,
        stream_arn: &str,
        name: &str,
    ) -> Result<StreamConsumer, KinesisError> {
        let registered =
            self.by_arn(stream_arn).and_then(|stream| self.model.register_stream_consumer(&stream, name));
        self.settle("RegisterStreamConsumer", registered).await
    }

    async fn describe_stream_consumer(
        &self,
        stream_arn: &str,
        name: &str,
    ) -> Result<StreamConsumer, KinesisError> {
        let described =
            self.by_arn(stream_arn).and_then(|stream| self.model.describe_stream_consumer(&stream, name));
        self.settle("DescribeStreamConsumer", described).await
    }

    async fn deregister_stream_consumer(&self, stream_arn: &str, name: &str) -> Result<(), KinesisError> {
        let deregistered =
            self.by_arn(stream_arn).and_then(|stream| self.model.deregister_stream_consumer(&stream, name));
        self.settle("DeregisterStreamConsumer", deregistered).await
    }

    async fn subscribe_to_shard(
        &self,
        consumer_arn: &str,
        shard: &ShardId,
        position: &Position,
    ) -> Result<Box<dyn Subscription>, KinesisError> {
        let subscribed = self.model.subscribe_to_shard(consumer_arn, shard.as_str(), position);
        let subscribed = self.settle("SubscribeToShard", subscribed).await?;
        Ok(Box::new(subscribed))
    }
}

#[async_trait]
impl Subscription for Subscribed {
    async fn next(&mut self) -> Option<Result<SubscriptionEvent, KinesisError>> {
        let pushed = Self::next(self).await?;
        let event = pushed.map(|pushed| SubscriptionEvent {
            records: records(&pushed.read),
            continuation: pushed.continuation.map(Into::into),
            millis_behind_latest: pushed.read.millis_behind_latest,
            children: pushed.read.children,
        });
        Some(event.map_err(|refused| refused.during("SubscribeToShard")))
    }
}

fn records(read: &Read) -> Vec<Record> {
    let record = |(number, held): (super::Number, &super::Held)| Record {
        sequence: number.into(),
        partition_key: held.partition_key.clone(),
        data: held.data.clone(),
        arrival: held.arrival,
    };
    read.numbered().map(record).collect()
}
