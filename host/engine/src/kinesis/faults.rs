//! Faults to order: a wrapper that makes any endpoint fail as the service does, from a seed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{
    EntryError, Fetch, Kinesis, KinesisError, Position, ShardFilter, ShardIterator, ShardPage,
    StreamConsumer, StreamMode, StreamPage, StreamSummary, Subscription, SubscriptionEvent,
};
use crate::{
    record::{Entry, Placed, ShardId},
    stream::StreamRef,
};

/// An endpoint that fails when told to. The same seed and the same calls give the same faults.
#[derive(Debug)]
pub struct FaultyKinesis {
    inner: Arc<dyn Kinesis>,
    orders: Mutex<Orders>,
}

#[derive(Debug)]
struct Orders {
    random: fastrand::Rng,
    throttled: f64,
    failed: f64,
    requests: f64,
    calls: BTreeMap<&'static str, (u32, &'static str)>,
    lost_answers: u32,
    subscriptions: Option<SubscriptionOrder>,
}

/// What becomes of the next subscriptions.
#[derive(Clone, Copy, Debug)]
struct SubscriptionOrder {
    times: u32,
    events: u32,
    fault: SubscriptionFault,
}

/// How a subscription fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionFault {
    /// It gives no more events, and does not end.
    Silence,
    /// Its connection is cut.
    Cut,
    /// The service ends it early.
    End,
    /// It gives an error event with this code.
    Error(&'static str),
}

impl FaultyKinesis {
    /// An endpoint without faults so far.
    pub fn new(inner: Arc<dyn Kinesis>, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        let orders = Orders {
            random,
            throttled: 0.0,
            failed: 0.0,
            requests: 0.0,
            calls: BTreeMap::new(),
            lost_answers: 0,
            subscriptions: None,
        };
        Self { inner, orders: Mutex::new(orders) }
    }

    /// From now on an entry of PutRecords is refused with these probabilities, from 0 to 1: `throttled` with
    /// ProvisionedThroughputExceededException, `failed` with InternalFailure. Nothing of it is on the stream.
    pub fn fail_entries(&self, throttled: f64, failed: f64) {
        let mut orders = self.orders();
        (orders.throttled, orders.failed) = (throttled, failed);
    }

    /// From now on a call of PutRecords fails as a whole with this probability, from 0 to 1, and does nothing.
    pub fn fail_requests(&self, failed: f64) {
        self.orders().requests = failed;
    }

    /// The next so many calls of an operation, by its AWS name, fail as a whole with this code and do nothing.
    pub fn fail_calls(&self, operation: &'static str, times: u32, code: &'static str) {
        self.orders().calls.insert(operation, (times, code));
    }

    /// The next so many calls of PutRecords take effect, but their answers are lost on the way.
    pub fn lose_answers(&self, times: u32) {
        self.orders().lost_answers = times;
    }

    /// The next so many subscriptions fail in this way after so many events.
    pub fn fail_subscriptions(&self, times: u32, events: u32, fault: SubscriptionFault) {
        self.orders().subscriptions = Some(SubscriptionOrder { times, events, fault });
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, operation: &'static str) -> Result<(), KinesisError> {
        match self.orders().calls.get_mut(operation) {
            Some((times, code)) if *times > 0 => {
                *times -= 1;
                Err(KinesisError::from_code(operation, code, "a fault to order"))
            }
            _ => Ok(()),
        }
    }
}

impl Orders {
    /// The fault of the next entry.
    fn draw(&mut self) -> Option<EntryError> {
        let drawn = self.random.f64();
        if drawn < self.throttled {
            return Some(EntryError::Throttled("a fault to order".to_owned()));
        }
        (drawn < self.throttled + self.failed).then(|| EntryError::Failed("a fault to order".to_owned()))
    }

    fn refuses_request(&mut self) -> bool {
        self.requests > 0.0 && self.random.f64() < self.requests
    }

    /// What becomes of a subscription that begins now.
    fn begin_subscription(&mut self) -> Option<SubscriptionOrder> {
        let order = self.subscriptions.as_mut().filter(|order| order.times > 0)?;
        order.times -= 1;
        Some(*order)
    }

    fn loses_answer(&mut self) -> bool {
        let loses = self.lost_answers > 0;
        self.lost_answers = self.lost_answers.saturating_sub(1);
        loses
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Kinesis for FaultyKinesis {
    async fn create_stream(&self, stream: &StreamRef, mode: StreamMode) -> Result<(), KinesisError> {
        self.check("CreateStream")?;
        self.inner.create_stream(stream, mode).await
    }

    async fn delete_stream(&self, stream: &StreamRef) -> Result<(), KinesisError> {
        self.check("DeleteStream")?;
        self.inner.delete_stream(stream).await
    }

    async fn list_streams(&self, after: Option<&str>) -> Result<StreamPage, KinesisError> {
        self.check("ListStreams")?;
        self.inner.list_streams(after).await
    }

    async fn describe_stream_summary(&self, stream: &StreamRef) -> Result<StreamSummary, KinesisError> {
        self.check("DescribeStreamSummary")?;
        self.inner.describe_stream_summary(stream).await
    }

    async fn list_shards(
        &self,
        stream: &StreamRef,
        filter: ShardFilter,
        token: Option<&str>,
    ) -> Result<ShardPage, KinesisError> {
        self.check("ListShards")?;
        self.inner.list_shards(stream, filter, token).await
    }

    async fn get_shard_iterator(
        &self,
        stream: &StreamRef,
        shard: &ShardId,
        position: &Position,
    ) -> Result<ShardIterator, KinesisError> {
        self.check("GetShardIterator")?;
        self.inner.get_shard_iterator(stream, shard, position).await
    }

    async fn get_records(
        &self,
        stream: &StreamRef,
        iterator: &ShardIterator,
        limit: usize,
    ) -> Result<Fetch, KinesisError> {
        self.check("GetRecords")?;
        self.inner.get_records(stream, iterator, limit).await
    }

    async fn put_records(
        &self,
        stream: &StreamRef,
        entries: &[Entry],
    ) -> Result<Vec<Result<Placed, EntryError>>, KinesisError> {
        self.check("PutRecords")?;
        if self.orders().refuses_request() {
            return Err(KinesisError::from_code("PutRecords", "InternalFailure", "a fault to order"));
        }
        let (faults, loses_answer): (Vec<Option<EntryError>>, bool) = {
            let mut orders = self.orders();
            (entries.iter().map(|_| orders.draw()).collect(), orders.loses_answer())
        };
        let spared: Vec<Entry> = entries
            .iter()
            .zip(&faults)
            .filter(|(_, fault)| fault.is_none())
            .map(|(entry, _)| entry.clone())
            .collect();
        let put =
            if spared.is_empty() { Vec::new() } else { self.inner.put_records(stream, &spared).await? };
        if loses_answer {
            return Err(KinesisError::from_code(
                "PutRecords",
                "InternalFailure",
                "the answer was lost, to order",
            ));
        }
        let mut put = put.into_iter();
        let settle = |fault: Option<EntryError>| match fault {
            Some(fault) => Err(fault),
            None => {
                put.next().unwrap_or_else(|| Err(EntryError::Failed("no result for this entry".to_owned())))
            }
        };
        Ok(faults.into_iter().map(settle).collect())
    }

    async fn register_stream_consumer(
        &self,
        stream_arn: &str,
        name: &str,
    ) -> Result<StreamConsumer, KinesisError> {
        self.check("RegisterStreamConsumer")?;
        self.inner.register_stream_consumer(stream_arn, name).await
    }

    async fn describe_stream_consumer(
        &self,
        stream_arn: &str,
        name: &str,
    ) -> Result<StreamConsumer, KinesisError> {
        self.check("DescribeStreamConsumer")?;
        self.inner.describe_stream_consumer(stream_arn, name).await
    }

    async fn deregister_stream_consumer(&self, stream_arn: &str, name: &str) -> Result<(), KinesisError> {
        self.check("DeregisterStreamConsumer")?;
        self.inner.deregister_stream_consumer(stream_arn, name).await
    }

    async fn subscribe_to_shard(
        &self,
        consumer_arn: &str,
        shard: &ShardId,
        position: &Position,
    ) -> Result<Box<dyn Subscription>, KinesisError> {
        self.check("SubscribeToShard")?;
        let inner = self.inner.subscribe_to_shard(consumer_arn, shard, position).await?;
        let order = self.orders().begin_subscription();
        Ok(match order {
            Some(SubscriptionOrder { events, fault, .. }) => {
                Box::new(FaultySubscription { inner, events, fault })
            }
            None => inner,
        })
    }
}

/// A subscription that fails after some events.
#[derive(Debug)]
struct FaultySubscription {
    inner: Box<dyn Subscription>,
    events: u32,
    fault: SubscriptionFault,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Subscription for FaultySubscription {
    async fn next(&mut self) -> Option<Result<SubscriptionEvent, KinesisError>> {
        if self.events > 0 {
            let event = self.inner.next().await;
            self.events -= 1;
            return event;
        }
        let failed = |code| Some(Err(KinesisError::from_code("SubscribeToShard", code, "a fault to order")));
        match self.fault {
            SubscriptionFault::Silence => std::future::pending().await,
            SubscriptionFault::Cut => failed("InternalFailure"),
            SubscriptionFault::End => None,
            SubscriptionFault::Error(code) => failed(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kinesis::{
            ErrorKind,
            memory::{MemoryKinesis, Settings},
        },
        time::{Clock, UnixMillis},
    };

    async fn faulty(seed: u64) -> (FaultyKinesis, StreamRef) {
        let clock = Clock::paced(UnixMillis(1_800_000_000_000));
        let inner = Arc::new(MemoryKinesis::new(clock, Settings::default()));
        let stream: StreamRef = "orders".parse().unwrap();
        inner.create_stream(&stream, StreamMode::Provisioned { shards: 1 }).await.unwrap();
        (FaultyKinesis::new(inner, seed), stream)
    }

    fn entries(count: usize) -> Vec<Entry> {
        let entry = |n: usize| Entry {
            data: n.to_string().into(),
            partition_key: "k".into(),
            explicit_hash_key: None,
        };
        (0..count).map(entry).collect()
    }

    async fn on_stream(kinesis: &FaultyKinesis, stream: &StreamRef) -> Vec<String> {
        let shard = ShardId::from("shardId-000000000000");
        let iterator = kinesis.get_shard_iterator(stream, &shard, &Position::TrimHorizon).await.unwrap();
        let fetch = kinesis.get_records(stream, &iterator, 10_000).await.unwrap();
        fetch.records.iter().map(|record| String::from_utf8(record.data.to_vec()).unwrap()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn entries_fail_singly_and_the_others_are_on_the_stream() {
        let (kinesis, stream) = faulty(7).await;
        kinesis.fail_entries(0.25, 0.25);
        let results = kinesis.put_records(&stream, &entries(500)).await.unwrap();
        let throttled = results.iter().filter(|r| matches!(r, Err(EntryError::Throttled(_)))).count();
        let failed = results.iter().filter(|r| matches!(r, Err(EntryError::Failed(_)))).count();
        assert!((80..170).contains(&throttled) && (80..170).contains(&failed), "{throttled} {failed}");
        let put: Vec<String> =
            (0..500).filter(|n: &usize| results[*n].is_ok()).map(|n| n.to_string()).collect();
        assert_eq!(on_stream(&kinesis, &stream).await, put);
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_seed_gives_the_same_faults() {
        let mut runs = Vec::new();
        for seed in [3, 3, 4] {
            let (kinesis, stream) = faulty(seed).await;
            kinesis.fail_entries(0.5, 0.0);
            let results = kinesis.put_records(&stream, &entries(100)).await.unwrap();
            runs.push(results.iter().map(Result::is_ok).collect::<Vec<_>>());
        }
        assert_eq!(runs[0], runs[1]);
        assert_ne!(runs[0], runs[2]);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_fail_as_often_as_ordered_and_change_nothing() {
        let (kinesis, stream) = faulty(1).await;
        kinesis.fail_calls("PutRecords", 2, "ProvisionedThroughputExceededException");
        for _ in 0..2 {
            let error = kinesis.put_records(&stream, &entries(1)).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Throttled);
        }
        assert!(on_stream(&kinesis, &stream).await.is_empty());
        kinesis.put_records(&stream, &entries(1)).await.unwrap();
        assert_eq!(on_stream(&kinesis, &stream).await, ["0"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_leaves_its_records_on_the_stream() {
        let (kinesis, stream) = faulty(1).await;
        kinesis.lose_answers(1);
        let error = kinesis.put_records(&stream, &entries(2)).await.unwrap_err();
        assert!(!error.has_no_side_effects());
        assert_eq!(on_stream(&kinesis, &stream).await, ["0", "1"]);
    }
}
