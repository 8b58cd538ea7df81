//! What every [`Kinesis`] must do about registered consumers and subscriptions.

use tokio::time::{sleep, timeout};

use super::{
    super::{
        ConsumerStatus, Kinesis, Position, ShardFilter, StreamConsumer, Subscription, SubscriptionEvent,
    },
    POLL, POLLS, created, deleted, entry, kind, put, shards,
};
use crate::{kinesis::ErrorKind, limits, record::ShardId, stream::StreamRef};

/// Runs this part of the suite. It waits for seconds, because a consumer may not subscribe again before.
pub async fn check(kinesis: &dyn Kinesis) {
    a_consumer_is_registered_described_and_deregistered(kinesis).await;
    a_subscription_pushes_what_is_there_and_what_comes(kinesis).await;
    another_subscription_waits_and_goes_on_behind_the_first(kinesis).await;
}

/// A consumer has a name of its own; it is active after a while, and gone when it was deregistered.
pub async fn a_consumer_is_registered_described_and_deregistered(kinesis: &dyn Kinesis) {
    let (stream, summary) = created(kinesis, "contract-consumers", 1).await;
    let arn = summary.arn.as_str();
    assert_eq!(kind(kinesis.describe_stream_consumer(arn, "one").await), ErrorKind::NotFound);
    let one = registered(kinesis, arn, "one").await;
    assert!(one.arn.starts_with(&format!("{arn}/consumer/one:")), "arn={}", one.arn);
    assert_eq!(one.name, "one");
    assert_eq!(kind(kinesis.register_stream_consumer(arn, "one").await), ErrorKind::Exists);
    kinesis.deregister_stream_consumer(arn, "one").await.expect("a consumer that is there can go");
    for _ in 0..POLLS {
        match kinesis.describe_stream_consumer(arn, "one").await {
            Ok(consumer) => assert_eq!(consumer.status, ConsumerStatus::Deleting),
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::NotFound);
                let (shard, position) = (first(kinesis, &stream).await, Position::TrimHorizon);
                let gone = kinesis.subscribe_to_shard(&one.arn, &shard, &position).await;
                assert_eq!(gone.err().map(|error| error.kind), Some(ErrorKind::NotFound));
                return deleted(kinesis, &stream).await;
            }
        }
        sleep(POLL).await;
    }
    panic!("the consumer never went");
}

/// Records come in order, those of before and those put meanwhile, and a quiet shard says so.
pub async fn a_subscription_pushes_what_is_there_and_what_comes(kinesis: &dyn Kinesis) {
    let (stream, summary) = created(kinesis, "contract-pushed", 1).await;
    let consumer = registered(kinesis, &summary.arn, "c").await;
    let shard = first(kinesis, &stream).await;
    let mut placed = put(kinesis, &stream, &[entry("a", "1".into()), entry("b", "".into())]).await;
    let subscribed = kinesis.subscribe_to_shard(&consumer.arn, &shard, &Position::TrimHorizon).await;
    let mut subscription = subscribed.expect("the consumer is active");
    let mut events = read(&mut *subscription, 2).await;
    placed.extend(put(kinesis, &stream, &[entry("c", vec![255; 300].into())]).await);
    events.extend(read(&mut *subscription, 1).await);
    let records: Vec<_> = events.iter().flat_map(|event| &event.records).collect();
    let numbers: Vec<_> = records.iter().map(|record| &record.sequence).collect();
    assert_eq!(numbers, placed.iter().map(|placed| &placed.sequence).collect::<Vec<_>>());
    assert_eq!((&records[0].data[..], &*records[1].partition_key), (&b"1"[..], "b"));
    assert_eq!((records[1].data.len(), &records[2].data[..]), (0, &[255; 300][..]));
    let quiet = next(&mut *subscription).await;
    assert_eq!((quiet.records.len(), quiet.millis_behind_latest, quiet.children.len()), (0, 0, 0));
    assert!(quiet.continuation.is_some());
    deleted(kinesis, &stream).await;
}

/// A consumer subscribes to a shard once in five seconds; the next subscription begins where the first one ended.
pub async fn another_subscription_waits_and_goes_on_behind_the_first(kinesis: &dyn Kinesis) {
    let (stream, summary) = created(kinesis, "contract-again", 1).await;
    let consumer = registered(kinesis, &summary.arn, "c").await;
    let shard = first(kinesis, &stream).await;
    let subscribe = async |position| kinesis.subscribe_to_shard(&consumer.arn, &shard, &position).await;
    let mut subscription = subscribe(Position::TrimHorizon).await.expect("the consumer is active");
    put(kinesis, &stream, &[entry("a", "1".into())]).await;
    let last = read(&mut *subscription, 1).await.pop().expect("a record came");
    drop(subscription);
    let position = Position::After(last.continuation.expect("the shard goes on"));
    assert_eq!(subscribe(position.clone()).await.err().map(|error| error.kind), Some(ErrorKind::Busy));
    put(kinesis, &stream, &[entry("b", "2".into())]).await;
    sleep(limits::SUBSCRIBE_AGAIN).await;
    let mut again = subscribe(position).await.expect("five seconds are over");
    let events = read(&mut *again, 1).await;
    assert_eq!(events.last().map(|event| &event.records[0].data[..]), Some(&b"2"[..]));
    deleted(kinesis, &stream).await;
}

/// A consumer once it is active.
async fn registered(kinesis: &dyn Kinesis, stream_arn: &str, name: &str) -> StreamConsumer {
    kinesis.register_stream_consumer(stream_arn, name).await.expect("the name is new");
    for _ in 0..POLLS {
        let consumer = kinesis.describe_stream_consumer(stream_arn, name).await.expect("it was registered");
        if consumer.status == ConsumerStatus::Active {
            return consumer;
        }
        sleep(POLL).await;
    }
    panic!("the consumer never became active: {name}");
}

async fn first(kinesis: &dyn Kinesis, stream: &StreamRef) -> ShardId {
    shards(kinesis, stream, ShardFilter::All).await.remove(0).id
}

/// Reads events until so many records came.
async fn read(subscription: &mut dyn Subscription, records: usize) -> Vec<SubscriptionEvent> {
    let (mut events, mut count) = (Vec::new(), 0);
    while count < records {
        let event = next(subscription).await;
        count += event.records.len();
        events.push(event);
    }
    assert_eq!(count, records);
    events
}

async fn next(subscription: &mut dyn Subscription) -> SubscriptionEvent {
    let event = timeout(limits::SUBSCRIPTION_SILENCE, subscription.next()).await;
    event
        .expect("something comes every few seconds")
        .expect("five minutes are not over")
        .expect("nothing fails")
}
