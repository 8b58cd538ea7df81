//! Opening a producer on a stream, and what it learns there.

use super::*;
use crate::kinesis::Distribution;

#[tokio::test(start_paused = true)]
async fn a_stream_is_created_if_that_is_asked_and_its_largest_record_is_taken() {
    let transition = Duration::from_secs(5);
    let world = World::with(Settings { transition, ..Settings::default() }, 4).await;
    tokio::time::sleep(transition).await;
    let four = StreamMode::Provisioned { shards: 4 };
    let settings = ProducerSettings { create: Some(four), ..ProducerSettings::default() };
    let other: StreamRef = "other".parse().unwrap();
    let open = || Producer::open(settings.clone(), other.clone(), world.endpoint(), processor("string"));
    let producer = open().await.unwrap();
    assert!(producer.put(document("x", None)).await.unwrap().await.is_ok());
    assert!(open().await.is_ok(), "a stream that exists is no error");

    world.model.model().update_max_record_size("out", 2_048).unwrap();
    let producer = world.open("string", ProducerSettings::default()).await.unwrap();
    let large = producer.put(document("x".repeat(1_500_000), None)).await.unwrap();
    assert!(large.await.is_ok());
    let settings = ProducerSettings { skip_describe: true, ..ProducerSettings::default() };
    world.kinesis.fail_calls("DescribeStreamSummary", 1, "AccessDeniedException");
    let producer = world.open("string", settings).await.unwrap();
    let large = producer.put(document("x".repeat(1_500_000), None)).await.unwrap();
    assert!(matches!(large.await, Err(PutError::Refused(_))), "nobody told it that the stream takes more");
}

#[tokio::test(start_paused = true)]
async fn a_missing_stream_is_told() {
    let world = World::new().await;
    let missing: StreamRef = "missing".parse().unwrap();
    let settings = ProducerSettings::default();
    let opened = Producer::open(settings, missing, world.endpoint(), processor("string")).await;
    assert!(opened.unwrap_err().to_string().ends_with("stream=missing"));
}

#[tokio::test(start_paused = true)]
async fn aggregating_by_shard_is_refused_where_the_service_distributes_records() {
    let world = World::new().await;
    world.model.model().update_stream_mode("out", true).unwrap();
    world.model.model().set_distribution("out", Distribution::Auto).unwrap();
    let refused = world.open("kpl-json", ProducerSettings::default()).await.unwrap_err();
    assert_eq!(refused, OpenError::AutoDistribution { stream: out() });
    assert!(refused.to_string().contains("USER_PARTITION_KEY"));
    let producer = world.open("json-line", ProducerSettings::default()).await.unwrap();
    assert!(producer.put(document("1", None)).await.unwrap().await.is_ok());
    assert_eq!(producer.counters().shards.load(Relaxed), 0, "no shard can be predicted there");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_and_one_shards_are_listed_over_two_pages() {
    let world = World::with(Settings { shard_limit: 2_000, ..Settings::default() }, 1_001).await;
    let producer = world.open("string", ProducerSettings::default()).await.unwrap();
    let documents: Vec<_> = (0..5_000).map(|key| document("x", Some(key))).collect();
    let hashes: Vec<_> = (0..5_000).map(|key| crate::hash::HashKey::of(&key.to_string())).collect();
    let shards = world.shards().await;
    let settled = producer.put_all(documents).await.unwrap().await;
    for (settled, hash) in settled.into_iter().zip(hashes) {
        let placed = settled.unwrap();
        let owner = shards.iter().find(|shard| shard.range.contains(hash)).unwrap();
        assert_eq!(placed.shard, owner.id);
    }
    assert_eq!(producer.counters().shards.load(Relaxed), 1_001);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_fails_is_tried_again_while_documents_go_one_by_one() {
    let world = World::new().await;
    world.kinesis.fail_calls("ListShards", 2, "LimitExceededException");
    let producer = world.open("kpl-string", ProducerSettings::default()).await.unwrap();
    let documents = || (0..10).map(|key| document("1", Some(key))).collect();
    assert!(producer.put_all(documents()).await.unwrap().await.iter().all(Result::is_ok));
    assert_eq!(producer.counters().entries.load(Relaxed), 10, "without a map nothing is aggregated");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(producer.put_all(documents()).await.unwrap().await.iter().all(Result::is_ok));
    assert!(producer.counters().entries.load(Relaxed) <= 14, "at most one for each of four shards");
    assert_eq!(world.numbers("kpl-string").await.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_waits_while_the_shards_are_unknown_keeps_its_order_when_they_are_known() {
    let world = World::new().await;
    world.kinesis.fail_calls("ListShards", 2, "LimitExceededException");
    world.kinesis.fail_entries(0.0, 0.9);
    let producer = world.open("kpl-string", ProducerSettings::default()).await.unwrap();
    let mut tickets = Vec::new();
    for number in 0..10_u32 {
        let documents = (0..10).map(|key| document(number.to_string(), Some(key))).collect();
        tickets.push(producer.put_all(documents).await.unwrap());
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    world.kinesis.fail_entries(0.0, 0.0);
    for ticket in tickets {
        assert!(ticket.await.iter().all(Result::is_ok));
    }
    assert_eq!(producer.counters().shards.load(Relaxed), 4);
    let by_key = world.numbers("kpl-string").await;
    assert_eq!(by_key.len(), 10);
    assert!(by_key.values().all(|numbers| *numbers == (0..10).collect::<Vec<_>>()), "{by_key:?}");
}
