//! A third of everything fails for a whole run: nothing is lost, doubled or out of order, and every ticket resolves.

use super::*;

const KEYS: usize = 1_000;
const NUMBERS: usize = 200;

/// Small entries, so that there are many of them however well they are aggregated.
fn settings() -> ProducerSettings {
    ProducerSettings { max_record_bytes: 2 << 10, skip_describe: true, ..ProducerSettings::default() }
}

/// Puts 200,000 documents, the numbers from 0 for each key, and answers their tickets.
async fn put_all(producer: &Producer, numbers: std::ops::Range<usize>) -> Vec<BatchTicket> {
    let mut tickets = Vec::new();
    for number in numbers {
        for keys in [0..KEYS / 2, KEYS / 2..KEYS] {
            let documents = keys.map(|key| document(number.to_string(), Some(key))).collect();
            tickets.push(producer.put_all(documents).await.unwrap());
        }
    }
    tickets
}

async fn all_settled(tickets: Vec<BatchTicket>) {
    for ticket in tickets {
        let settled = ticket.await;
        assert_eq!(settled.len(), KEYS / 2);
        assert!(settled.iter().all(Result::is_ok));
    }
}

fn assert_complete(by_key: &BTreeMap<String, Vec<u32>>) {
    assert_eq!(by_key.len(), KEYS);
    let all: Vec<u32> = (0..).take(NUMBERS).collect();
    for (key, numbers) in by_key {
        assert_eq!(*numbers, all, "key {key}");
    }
}

async fn run(preset: &str) {
    let world = World::new().await;
    world.kinesis.fail_entries(0.15, 0.15);
    world.kinesis.fail_requests(0.05);
    let producer = world.open(preset, settings()).await.unwrap();
    let tickets = put_all(&producer, 0..NUMBERS).await;
    producer.flush().await;
    let flushed = Instant::now();
    all_settled(tickets).await;
    assert_eq!(flushed.elapsed(), Duration::ZERO, "a flush settles everything before it");
    assert_complete(&world.numbers(preset).await);
    let counters = producer.counters();
    let documents = counters.documents.load(Relaxed);
    assert_eq!((documents, counters.failed.load(Relaxed)), ((KEYS * NUMBERS) as u64, 0));
    assert!(counters.throttled.load(Relaxed) > 0 && counters.retried.load(Relaxed) > 0);
    assert_eq!((counters.wrong_shard.load(Relaxed), counters.waiting_entries.load(Relaxed)), (0, 0));
    assert_eq!(counters.shards.load(Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn strings_with_keys_survive_a_third_of_failures() {
    run("string").await;
}

#[tokio::test(start_paused = true)]
async fn json_lines_survive_a_third_of_failures() {
    run("json-line").await;
}

#[tokio::test(start_paused = true)]
async fn aggregated_records_survive_a_third_of_failures() {
    run("kpl-string").await;
}

#[tokio::test(start_paused = true)]
async fn a_split_and_a_merge_in_the_middle_lose_nothing_either() {
    for preset in ["string", "kpl-string"] {
        let world = World::new().await;
        world.kinesis.fail_entries(0.15, 0.15);
        world.kinesis.fail_requests(0.05);
        let producer = world.open(preset, settings()).await.unwrap();
        let mut tickets = put_all(&producer, 0..NUMBERS / 2).await;
        let shards = world.shards().await;
        let middle = crate::hash::HashKey(shards[1].range.start.0 / 2 + shards[1].range.end.0 / 2);
        world.model.model().split_shard("out", shards[1].id.as_str(), middle).unwrap();
        tickets.extend(put_all(&producer, NUMBERS / 2..NUMBERS * 3 / 4).await);
        world.model.model().merge_shards("out", shards[2].id.as_str(), shards[3].id.as_str()).unwrap();
        tickets.extend(put_all(&producer, NUMBERS * 3 / 4..NUMBERS).await);
        producer.flush().await;
        all_settled(tickets).await;
        assert_complete(&world.numbers(preset).await);
        let wrong = producer.counters().wrong_shard.load(Relaxed);
        assert_eq!(wrong > 0, preset == "kpl-string", "{preset}: wrong={wrong}");
        assert_eq!(producer.counters().shards.load(Relaxed), 4, "one more, one fewer");
    }
}
