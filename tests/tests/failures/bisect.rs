//! One record among many that nobody can handle: it goes where dead letters go, and nothing else does.

use std::collections::BTreeMap;

use tidemill_backends::dead_letters::form;
use tidemill_engine::{
    dead_letter::{DeadLetter, Payload},
    record::{Record, ShardId},
};

use super::world::{Kept, World};
use crate::harness::{
    host::Host,
    numbered::{CameOut, Numbered, Numbers},
    until,
};

/// What `fault_trap` traps on.
const POISON: &str = "{\"poison\":\"trap\"}";

/// Puts documents of 33 keys, with the poison under one of them half way, and answers how many are good.
async fn put(world: &World, rounds: u32) -> usize {
    let mut numbers = Numbers::of(33);
    for round in 0..rounds {
        if round == rounds / 2 {
            world.streams.put("orders", [("key-7", POISON)]).await;
        }
        let documents = numbers.next_round();
        world.streams.put("orders", documents.iter().map(|one| (one.partition_key(), one))).await;
    }
    numbers.count()
}

/// Runs a host until so many documents came out and so many letters are kept, and stops it.
async fn run(world: &World, guest: &str, handler: &str, documents: usize, letters: usize) -> String {
    let settings = world.settings(guest);
    let text = std::fs::read_to_string(&settings).expect("it is text");
    world.place.write("tidemill.toml", text.replace("attempts = 2", handler));
    let host: Host = world.place.run(&settings).await;
    until("everything came out", async || {
        (world.streams.documents("orders-out").await.len() >= documents).then_some(())
    })
    .await;
    until("the letters are kept", async || (world.letters().await.len() >= letters).then_some(())).await;
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}

/// Nothing is missing or doubled of what is good, and the order of every key held.
async fn assert_complete(world: &World, good: usize) {
    let out = world.streams.documents("orders-out").await;
    let came_out: CameOut = out.iter().map(|line| Numbered::read(line)).collect();
    assert_eq!((came_out.count(), came_out.doubled().count()), (good, 0));
}

/// The poison as it lies on its stream.
async fn poison(world: &World) -> (ShardId, Record) {
    let by_shard: BTreeMap<ShardId, Vec<Record>> = world.streams.records("orders").await;
    let all = by_shard
        .into_iter()
        .flat_map(|(shard, records)| records.into_iter().map(move |one| (shard.clone(), one)));
    let mut found = all.filter(|(_, record)| record.data.starts_with(POISON.as_bytes()));
    found.next().expect("it was put")
}

async fn assert_is_the_poison(world: &World, letter: &DeadLetter, attempts: u32) {
    let (shard, record) = poison(world).await;
    let by = letter.by.as_ref().expect("a component failed");
    let expected = DeadLetter {
        pipeline: "orders".into(),
        stream: "orders".into(),
        shard,
        sequence: record.sequence,
        sub_sequence: 0,
        partition_key: "key-7".into(),
        explicit_hash_key: None,
        arrival: record.arrival,
        payload: Payload::Document,
        data: POISON.into(),
        kind: "trapped".to_owned(),
        attempts,
        ..letter.clone()
    };
    assert_eq!(*letter, expected);
    assert!(letter.reason.contains("asks for a trap"), "{}", letter.reason);
    assert!(letter.at >= record.arrival);
    let checked = world.place.tidemill(&["check"]).await.stdout;
    let digest = checked.split("fault_trap@").nth(1).expect("the component is named");
    assert!(digest.starts_with(by.digest.short()), "{checked}");
    assert_eq!((&*by.component, by.generation), ("fault_trap", 1));
}

#[tokio::test]
async fn one_poison_in_ten_thousand_is_the_one_dead_letter_and_the_rest_is_delivered_in_order() {
    let world = World::new(Kept::OnAStream).await.expect("a stream needs no server");
    let good = put(&world, 303).await;
    assert_eq!(good + 1, 10_000);
    let stdout = run(&world, "fault_trap", "attempts = 3\nbatch-records = 500", good, 1).await;
    assert!(stdout.contains("dead-lettered=1"), "{stdout}");
    assert_complete(&world, good).await;
    let letters = world.letters().await;
    assert_eq!(letters.len(), 1);
    assert_is_the_poison(&world, &letters[0], 3).await;
}

#[tokio::test]
async fn a_file_and_a_list_keep_the_one_record_that_failed_and_it_goes_through_a_mended_handler() {
    for kept in [Kept::InAFile, Kept::InRedis] {
        let Some(world) = World::new(kept).await else { continue };
        let good = put(&world, 20).await;
        run(&world, "fault_trap", "attempts = 2\nbatch-records = 100", good, 1).await;
        assert_complete(&world, good).await;
        let letters = world.letters().await;
        assert_eq!(letters.len(), 1, "{kept:?}");
        assert_is_the_poison(&world, &letters[0], 2).await;
        world.settings("pass_through");
        world.redrive(&["--handler"], 0, "redriven=1 not-redriven=0").await;
        let out = world.streams.documents("orders-out").await;
        assert_eq!((out.len(), out.last().map(String::as_str)), (good + 1, Some(POISON)), "{kept:?}");
    }
}

#[tokio::test]
async fn a_record_that_went_back_is_read_again_and_handled_by_a_mended_handler() {
    let world = World::new(Kept::OnAStream).await.expect("a stream needs no server");
    let good = put(&world, 4).await;
    run(&world, "fault_trap", "attempts = 1", good, 1).await;
    world.redrive(&[], 0, "redriven=1 not-redriven=0").await;
    run(&world, "pass_through", "attempts = 1", good + 1, 0).await;
    let out = world.streams.documents("orders-out").await;
    assert_eq!((out.len(), out.iter().filter(|line| *line == POISON).count()), (good + 1, 1));
}

#[tokio::test]
async fn bytes_that_do_not_decode_are_kept_as_they_are() {
    let world = World::new(Kept::InAFile).await.expect("a file needs no server");
    let bytes = &b"\xff\xfe\nno json"[..];
    world.streams.put_bytes("orders", "key-1", bytes).await;
    world.streams.put("orders", [("key-1", "{\"key\":1,\"number\":0}")]).await;
    run(&world, "pass_through", "attempts = 2", 1, 1).await;
    assert_complete(&world, 1).await;
    let letters = world.letters().await;
    assert!(!letters.is_empty() && letters.iter().all(|letter| form::id(letter) == form::id(&letters[0])));
    let letter = &letters[0];
    assert_eq!((letter.payload, &letter.data[..], letter.attempts), (Payload::Record, bytes, 0));
    assert_eq!((&*letter.partition_key, letter.by.is_none()), ("key-1", true));
    let shown = world.dead_letters(&["show", &form::id(letter)]).await.stdout;
    assert!(shown.contains("a whole Kinesis record, 10 bytes") && shown.contains("ff fe 0a"), "{shown}");
}
