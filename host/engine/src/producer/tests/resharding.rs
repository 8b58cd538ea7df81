//! Shards that change under a producer that aggregates by shard.

use super::*;
use crate::hash::HashKey;

/// A world of one shard, and a producer that knows it.
async fn one_shard(settings: ProducerSettings) -> (World, Producer) {
    let world = World::with(Settings::default(), 1).await;
    let producer = world.open("kpl-string", settings).await.unwrap();
    (world, producer)
}

fn split(world: &World) {
    world.model.model().split_shard("out", "shardId-000000000000", HashKey(u128::MAX / 2 + 1)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn documents_that_landed_in_a_shard_they_do_not_belong_to_go_again_in_order() {
    let (world, producer) = one_shard(ProducerSettings::default()).await;
    split(&world);
    let documents = (0..100).map(|number| document(number.to_string(), Some(number % 10))).collect();
    let settled = producer.put_all(documents).await.unwrap().await;
    let counters = producer.counters();
    assert_eq!((counters.wrong_shard.load(Relaxed), counters.entries.load(Relaxed)), (1, 2));
    let shards = world.shards().await;
    for (number, settled) in settled.into_iter().enumerate() {
        let hash = HashKey::of(&(number % 10).to_string());
        let owner = shards[1..].iter().find(|shard| shard.range.contains(hash)).unwrap();
        assert_eq!(settled.unwrap().shard, owner.id, "a ticket tells the shard where a reader finds it");
    }
    let by_key = world.numbers("kpl-string").await;
    for key in 0..10_u32 {
        assert_eq!(by_key[&key.to_string()], (0..10).map(|at| at * 10 + key).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn documents_that_all_belong_where_they_landed_are_there() {
    let (world, producer) = one_shard(ProducerSettings::default()).await;
    split(&world);
    let documents = (0..100).map(|number| document(number.to_string(), Some(1))).collect();
    assert!(producer.put_all(documents).await.unwrap().await.iter().all(Result::is_ok));
    let counters = producer.counters();
    assert_eq!((counters.wrong_shard.load(Relaxed), counters.entries.load(Relaxed)), (0, 1));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(producer.put(document("1", Some(1))).await.unwrap().await.is_ok());
    assert_eq!(counters.shards.load(Relaxed), 2, "the shards were listed again");
}

#[tokio::test(start_paused = true)]
async fn entries_that_wait_are_made_anew_for_the_new_shards_before_they_are_sent() {
    let rate = ShardRate { records_per_second: 1, bytes_per_second: 1 << 20 };
    let settings = ProducerSettings { shard_rate: Some(rate), ..ProducerSettings::default() };
    let (world, producer) = one_shard(settings).await;
    split(&world);
    let mut tickets = Vec::new();
    for number in 0..5_usize {
        let documents = (0..10).map(|key| document(number.to_string(), Some(key))).collect();
        tickets.push(producer.put_all(documents).await.unwrap());
        tokio::time::sleep(limits::LINGER + Duration::from_millis(1)).await;
    }
    for ticket in tickets {
        assert!(ticket.await.iter().all(Result::is_ok));
    }
    assert_eq!(producer.counters().wrong_shard.load(Relaxed), 1, "only what was under way");
    let by_key = world.numbers("kpl-string").await;
    assert_eq!(by_key.len(), 10);
    assert!(by_key.values().all(|numbers| *numbers == [0, 1, 2, 3, 4]));
}

#[tokio::test(start_paused = true)]
async fn shards_that_cannot_be_listed_any_more_end_aggregation_and_not_the_documents() {
    let (world, producer) = one_shard(ProducerSettings::default()).await;
    split(&world);
    world.kinesis.fail_calls("ListShards", 1_000, "AccessDeniedException");
    let documents = (0..10).map(|key| document("1", Some(key))).collect();
    assert!(producer.put_all(documents).await.unwrap().await.iter().all(Result::is_ok));
    let counters = producer.counters();
    assert_eq!((counters.wrong_shard.load(Relaxed), counters.entries.load(Relaxed)), (1, 10));
    let by_key = world.numbers("kpl-string").await;
    assert_eq!((by_key.len(), by_key.values().map(Vec::len).sum::<usize>()), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn documents_without_a_key_share_entries() {
    let world = World::new().await;
    let producer = world.open("kpl-string", ProducerSettings::default()).await.unwrap();
    let documents = (0..1_000).map(|number| document(number.to_string(), None)).collect();
    assert!(producer.put_all(documents).await.unwrap().await.iter().all(Result::is_ok));
    assert_eq!(producer.counters().entries.load(Relaxed), 1, "they are far less than an entry's worth");
    let by_key = world.numbers("kpl-string").await;
    assert_eq!(by_key.len(), 1);
    assert!(by_key.values().all(|numbers| *numbers == (0..1_000).collect::<Vec<_>>()));
}
