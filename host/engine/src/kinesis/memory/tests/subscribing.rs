//! Registered consumers and subscriptions, by a clock that stands still.

use futures::FutureExt;

use super::*;
use crate::kinesis::{
    ConsumerStatus,
    memory::{Pushed, Subscribed},
};

/// The ARN of a consumer of the stream "s" that is active.
fn registered(kinesis: &MemoryKinesis, name: &str) -> String {
    kinesis.model().register_stream_consumer("s", name).unwrap().arn
}

fn subscribe(kinesis: &MemoryKinesis, arn: &str, position: &Position) -> Result<Subscribed, ServiceError> {
    kinesis.model().subscribe_to_shard(arn, FIRST, position)
}

fn pushed(event: &Pushed) -> Vec<String> {
    let text = |held: &super::super::Held| String::from_utf8(held.data.to_vec()).unwrap();
    event.read.records.iter().map(text).collect()
}

/// The event that is there already.
fn now(subscribed: &mut Subscribed) -> Pushed {
    subscribed.next().now_or_never().expect("an event is there").unwrap().unwrap()
}

fn after(event: &Pushed) -> Position {
    Position::After(event.continuation.unwrap().into())
}

#[tokio::test(start_paused = true)]
async fn a_put_wakes_a_subscription_and_silence_is_broken_every_five_seconds() {
    let kinesis = with_stream(1, Settings::default());
    let arn = registered(&kinesis, "c");
    put_at(kinesis.model(), "old", 0);
    let mut subscribed = subscribe(&kinesis, &arn, &Position::TrimHorizon).unwrap();
    assert_eq!(pushed(&now(&mut subscribed)), ["old"]);
    assert!(subscribed.next().now_or_never().is_none(), "there is nothing more yet");
    put_at(kinesis.model(), "new", 0);
    assert_eq!(pushed(&now(&mut subscribed)), ["new"]);
    pass(4_999).await;
    assert!(subscribed.next().now_or_never().is_none(), "five seconds have not passed");
    pass(1).await;
    let heartbeat = now(&mut subscribed);
    assert_eq!((pushed(&heartbeat).len(), heartbeat.read.millis_behind_latest), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_continuation_goes_on_without_a_gap_or_a_double() {
    let kinesis = with_stream(1, Settings::default());
    let arn = registered(&kinesis, "c");
    put_at(kinesis.model(), "before", 0);
    let mut latest = subscribe(&kinesis, &arn, &Position::Latest).unwrap();
    let nothing = now(&mut latest);
    assert!(pushed(&nothing).is_empty(), "the first event comes at once");
    drop(latest);
    put_at(kinesis.model(), "between", 0);
    pass(5_000).await;
    let mut again = subscribe(&kinesis, &arn, &after(&nothing)).unwrap();
    let event = now(&mut again);
    assert_eq!(pushed(&event), ["between"]);
    pass(5_000).await;
    let mut third = subscribe(&kinesis, &arn, &after(&event)).unwrap();
    assert!(pushed(&now(&mut third)).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_consumer_subscribes_to_a_shard_once_in_five_seconds_and_the_newest_counts() {
    let kinesis = with_stream(2, Settings::default());
    let (arn, other) = (registered(&kinesis, "c"), registered(&kinesis, "other"));
    let mut first = subscribe(&kinesis, &arn, &Position::Latest).unwrap();
    now(&mut first);
    let refused = |position: &Position| subscribe(&kinesis, &arn, position).unwrap_err().code;
    assert_eq!(refused(&Position::Latest), "ResourceInUseException");
    subscribe(&kinesis, &other, &Position::Latest).unwrap();
    kinesis.model().subscribe_to_shard(&arn, "shardId-000000000001", &Position::Latest).unwrap();
    pass(5_000).await;
    let mut second = subscribe(&kinesis, &arn, &Position::Latest).unwrap();
    put_at(kinesis.model(), "x", 0);
    let taken_over = first.next().await.unwrap().unwrap_err();
    assert_eq!(taken_over.code, "ResourceInUseException");
    assert!(first.next().await.is_none());
    assert_eq!(pushed(&now(&mut second)), ["x"]);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_lasts_five_minutes() {
    let kinesis = with_stream(1, Settings::default());
    let arn = registered(&kinesis, "c");
    let start = tokio::time::Instant::now();
    let mut subscribed = subscribe(&kinesis, &arn, &Position::Latest).unwrap();
    let mut events = 0;
    while let Some(event) = subscribed.next().await {
        assert!(event.unwrap().read.records.is_empty());
        events += 1;
    }
    assert_eq!((events, start.elapsed()), (60, Duration::from_secs(300)));
}

#[tokio::test(start_paused = true)]
async fn the_last_event_of_a_shard_names_its_children_and_no_continuation() {
    let kinesis = with_stream(1, Settings::default());
    let arn = registered(&kinesis, "c");
    let mut subscribed = subscribe(&kinesis, &arn, &Position::TrimHorizon).unwrap();
    now(&mut subscribed);
    put_at(kinesis.model(), "last", 0);
    kinesis.model().split_shard("s", FIRST, HashKey(1 << 127)).unwrap();
    let last = now(&mut subscribed);
    assert_eq!((pushed(&last), last.continuation), (vec!["last".to_owned()], None));
    let children: Vec<_> = last.read.children.iter().map(|child| child.id.as_str()).collect();
    assert_eq!(children, ["shardId-000000000001", "shardId-000000000002"]);
    assert!(subscribed.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_event_holds_a_mebibyte_and_a_subscription_pushes_two_a_second() {
    let kinesis = with_stream(1, Settings::default());
    let arn = registered(&kinesis, "c");
    for _ in 0..6 {
        kinesis.model().put_record("s", entry(vec![0; (1 << 19) - 1], "k")).unwrap();
    }
    let mut model = std::sync::Arc::into_inner(kinesis.model).unwrap();
    model.settings.enforce_limits = true;
    let model = std::sync::Arc::new(model);
    let mut subscribed = model.subscribe_to_shard(&arn, FIRST, &Position::TrimHorizon).unwrap();
    let start = tokio::time::Instant::now();
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push((
            subscribed.next().await.unwrap().unwrap().read.records.len(),
            start.elapsed().as_millis(),
        ));
    }
    assert_eq!(events, [(2, 0), (2, 500), (2, 1_000)]);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_is_created_and_deleted_and_counted() {
    let settings = Settings { transition: Duration::from_secs(1), ..Settings::default() };
    let kinesis = with_stream(1, settings);
    let model = kinesis.model();
    pass(1_000).await;
    let consumer = model.register_stream_consumer("s", "c").unwrap();
    assert_eq!(consumer.status, ConsumerStatus::Creating);
    let stream_arn = model.describe_stream_summary("s").unwrap().summary.arn;
    assert_eq!(consumer.arn, format!("{stream_arn}/consumer/c:{}", START.0 / 1_000 + 1));
    let code = |result: Result<Subscribed, ServiceError>| result.unwrap_err().code;
    assert_eq!(code(subscribe(&kinesis, &consumer.arn, &Position::Latest)), "ResourceInUseException");
    assert_eq!(model.register_stream_consumer("s", "c").unwrap_err().code, "ResourceInUseException");
    pass(1_000).await;
    assert_eq!(model.describe_stream_consumer("s", "c").unwrap().status, ConsumerStatus::Active);
    assert_eq!(model.describe_stream_summary("s").unwrap().consumers, 1);
    let mut subscribed = subscribe(&kinesis, &consumer.arn, &Position::Latest).unwrap();
    now(&mut subscribed);
    model.deregister_stream_consumer("s", "c").unwrap();
    assert!(subscribed.next().now_or_never().expect("the subscription wakes").unwrap().is_err());
    assert_eq!(model.describe_stream_consumer("s", "c").unwrap().status, ConsumerStatus::Deleting);
    pass(1_000).await;
    assert_eq!(model.describe_stream_consumer("s", "c").unwrap_err().code, "ResourceNotFoundException");
    assert_eq!(model.describe_stream_summary("s").unwrap().consumers, 0);
    assert_eq!(code(subscribe(&kinesis, &consumer.arn, &Position::Latest)), "ResourceNotFoundException");
}

#[tokio::test(start_paused = true)]
async fn a_stream_has_twenty_consumers_and_lists_them_page_by_page() {
    let kinesis = with_stream(1, Settings::default());
    let model = kinesis.model();
    let mut names: Vec<String> = (0..20).map(|n| format!("c{n}")).collect();
    names.iter().for_each(|name| drop(registered(&kinesis, name)));
    let refused = model.register_stream_consumer("s", "one-more").unwrap_err();
    assert_eq!(refused.code, "LimitExceededException");
    let (mut listed, mut token) = (Vec::new(), None);
    loop {
        let page = model.list_stream_consumers("s", token.as_deref(), Some(7)).unwrap();
        listed.extend(page.consumers.into_iter().map(|consumer| consumer.name));
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    names.sort();
    assert_eq!(listed, names);
}

#[tokio::test(start_paused = true)]
async fn five_consumers_are_created_at_once() {
    let kinesis = with_stream(1, Settings { transition: Duration::from_secs(1), ..Settings::default() });
    pass(1_000).await;
    let register = |n: usize| kinesis.model().register_stream_consumer("s", &format!("c{n}")).map(drop);
    assert!((0..5).all(|n| register(n).is_ok()));
    assert_eq!(register(5).unwrap_err().code, "LimitExceededException");
    pass(1_000).await;
    assert_eq!(register(5), Ok(()));
}
