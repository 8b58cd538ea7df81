//! Kinesis as one process sees it: over the network.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    network::{Fault, NoAnswer, Trip},
    process::ProcessId,
    subscription::SimulatedSubscription,
    world::World,
};
use crate::{
    kinesis::{
        EntryError, Fetch, Kinesis, KinesisError, Position, ShardFilter, ShardIterator, ShardPage,
        StreamConsumer, StreamMode, StreamPage, StreamSummary, Subscription,
    },
    record::{Entry, Placed, ShardId},
    stream::StreamRef,
};

/// The Kinesis of a process.
#[derive(Debug)]
pub(super) struct SimulatedKinesis {
    pub world: Arc<World>,
    pub process: ProcessId,
}

impl SimulatedKinesis {
    async fn call<T: Send + 'static>(
        &self,
        operation: &'static str,
        effect: impl Future<Output = Result<T, KinesisError>> + Send + 'static,
    ) -> Result<T, KinesisError> {
        self.travel(operation, self.world.network.trip(), effect).await
    }

    /// A call whose effect depends on how it travels.
    async fn travel<T: Send + 'static>(
        &self,
        operation: &'static str,
        trip: Trip,
        effect: impl Future<Output = Result<T, KinesisError>> + Send + 'static,
    ) -> Result<T, KinesisError> {
        self.world.diary().counts.calls += 1;
        let code = match trip.fault {
            Some(Fault::Refused) if trip.detail.is_multiple_of(2) => "ProvisionedThroughputExceededException",
            Some(Fault::Refused) => "InternalFailure",
            Some(Fault::IteratorExpired) if operation == "GetRecords" => "ExpiredIteratorException",
            Some(Fault::IteratorExpired) => "LimitExceededException",
            Some(Fault::AnswerLost) | None => return self.answer(operation, trip.make(effect).await),
        };
        self.world.diary().counts.refused += 1;
        trip.waste().await;
        Err(KinesisError::from_code(operation, code, "the service was told to refuse"))
    }

    /// A reader knows from now on that it stood behind the newest record.
    fn begins_at_tip(&self, shard: &ShardId, tip: Option<usize>) {
        let Some(behind) = tip else { return };
        if self.world.holders().holds(self.process, shard) {
            self.world.ledger().begin_at_tip(shard, behind);
        }
    }

    fn answer<T>(
        &self,
        operation: &'static str,
        answer: Result<Result<T, KinesisError>, NoAnswer>,
    ) -> Result<T, KinesisError> {
        let lost = |NoAnswer| {
            self.world.diary().counts.answers_lost += 1;
            Err(KinesisError::from_code(operation, "InternalFailure", "the service did not answer"))
        };
        let answer = answer.unwrap_or_else(lost);
        if answer.as_ref().is_err_and(|error| error.kind == crate::kinesis::ErrorKind::ExpiredIterator) {
            self.world.diary().counts.iterators_expired += 1;
        }
        answer
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Kinesis for SimulatedKinesis {
    async fn create_stream(&self, stream: &StreamRef, mode: StreamMode) -> Result<(), KinesisError> {
        let (world, stream) = (Arc::clone(&self.world), stream.clone());
        self.call("CreateStream", async move { world.kinesis.create_stream(&stream, mode).await }).await
    }

    async fn delete_stream(&self, stream: &StreamRef) -> Result<(), KinesisError> {
        let (world, stream) = (Arc::clone(&self.world), stream.clone());
        self.call("DeleteStream", async move { world.kinesis.delete_stream(&stream).await }).await
    }

    async fn list_streams(&self, after: Option<&str>) -> Result<StreamPage, KinesisError> {
        let (world, after) = (Arc::clone(&self.world), after.map(str::to_owned));
        self.call("ListStreams", async move { world.kinesis.list_streams(after.as_deref()).await }).await
    }

    async fn describe_stream_summary(&self, stream: &StreamRef) -> Result<StreamSummary, KinesisError> {
        let (world, stream) = (Arc::clone(&self.world), stream.clone());
        let effect = async move { world.kinesis.describe_stream_summary(&stream).await };
        self.call("DescribeStreamSummary", effect).await
    }

    async fn list_shards(
        &self,
        stream: &StreamRef,
        filter: ShardFilter,
        token: Option<&str>,
    ) -> Result<ShardPage, KinesisError> {
        let (world, stream) = (Arc::clone(&self.world), stream.clone());
        let token = token.map(str::to_owned);
        let effect = async move { world.kinesis.list_shards(&stream, filter, token.as_deref()).await };
        self.call("ListShards", effect).await
    }

    async fn get_shard_iterator(
        &self,
        stream: &StreamRef,
        shard: &ShardId,
        position: &Position,
    ) -> Result<ShardIterator, KinesisError> {
        let (world, process) = (Arc::clone(&self.world), self.process);
        let (stream, of, position) = (stream.clone(), shard.clone(), position.clone());
        let effect = async move {
            let tip = world.begins_to_read(process, &of, &position).await;
            Ok((world.kinesis.get_shard_iterator(&stream, &of, &position).await?, tip))
        };
        let (iterator, tip) = self.call("GetShardIterator", effect).await?;
        self.begins_at_tip(shard, tip);
        Ok(iterator)
    }

    async fn get_records(
        &self,
        stream: &StreamRef,
        iterator: &ShardIterator,
        limit: usize,
    ) -> Result<Fetch, KinesisError> {
        let (world, stream, iterator) = (Arc::clone(&self.world), stream.clone(), iterator.clone());
        let effect = async move { world.kinesis.get_records(&stream, &iterator, limit).await };
        self.call("GetRecords", effect).await
    }

    async fn put_records(
        &self,
        stream: &StreamRef,
        entries: &[Entry],
    ) -> Result<Vec<Result<Placed, EntryError>>, KinesisError> {
        let (world, process) = (Arc::clone(&self.world), self.process);
        let (stream, entries) = (stream.clone(), entries.to_vec());
        let trip = self.world.network.trip();
        let effect = async move { world.land(process, trip, &stream, &entries).await };
        self.travel("PutRecords", trip, effect).await
    }

    async fn register_stream_consumer(
        &self,
        stream_arn: &str,
        name: &str,
    ) -> Result<StreamConsumer, KinesisError> {
        let (world, arn, name) = (Arc::clone(&self.world), stream_arn.to_owned(), name.to_owned());
        let effect = async move { world.kinesis.register_stream_consumer(&arn, &name).await };
        self.call("RegisterStreamConsumer", effect).await
    }

    async fn describe_stream_consumer(
        &self,
        stream_arn: &str,
        name: &str,
    ) -> Result<StreamConsumer, KinesisError> {
        let (world, arn, name) = (Arc::clone(&self.world), stream_arn.to_owned(), name.to_owned());
        let effect = async move { world.kinesis.describe_stream_consumer(&arn, &name).await };
        self.call("DescribeStreamConsumer", effect).await
    }

    async fn deregister_stream_consumer(&self, stream_arn: &str, name: &str) -> Result<(), KinesisError> {
        let (world, arn, name) = (Arc::clone(&self.world), stream_arn.to_owned(), name.to_owned());
        let effect = async move { world.kinesis.deregister_stream_consumer(&arn, &name).await };
        self.call("DeregisterStreamConsumer", effect).await
    }

    async fn subscribe_to_shard(
        &self,
        consumer_arn: &str,
        shard: &ShardId,
        position: &Position,
    ) -> Result<Box<dyn Subscription>, KinesisError> {
        let (world, process) = (Arc::clone(&self.world), self.process);
        let (arn, of, position) = (consumer_arn.to_owned(), shard.clone(), position.clone());
        let effect = async move {
            let tip = world.begins_to_read(process, &of, &position).await;
            let subscribed = world.kinesis.subscribe_to_shard(&arn, &of, &position).await?;
            world.diary().counts.subscriptions += 1;
            let subscription = SimulatedSubscription::new(world, subscribed);
            Ok((Box::new(subscription) as Box<dyn Subscription>, tip))
        };
        let (subscription, tip) = self.call("SubscribeToShard", effect).await?;
        self.begins_at_tip(shard, tip);
        Ok(subscription)
    }
}
