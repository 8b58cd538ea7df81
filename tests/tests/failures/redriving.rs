//! Letters go back onto the stream that they came from, once.

use std::fs;

use tidemill_engine::dead_letter::{DeadLetter, Payload};

use super::world::{Kept, UPPER, World, keyed, letter, letters};

const PLACES: [Kept; 3] = [Kept::OnAStream, Kept::InAFile, Kept::InRedis];

#[tokio::test]
async fn letters_go_back_with_their_keys_and_a_second_redrive_finds_none() {
    for kept in PLACES {
        let Some(world) = World::new(kept).await else { continue };
        world.settings("pass_through");
        world.keep(&letters(30)).await;
        assert_eq!(world.listed().await.len(), 30, "{kept:?}");
        world.redrive(&[], 0, "redriven=30 not-redriven=0").await;
        assert_eq!(world.keyed("orders").await, keyed(30), "{kept:?}");
        world.redrive(&[], 0, "redriven=0 not-redriven=0").await;
        assert_eq!(world.listed().await.len(), 0, "{kept:?}");
        world.keep(&letters(31)[30..]).await;
        world.redrive(&[], 0, "redriven=1 not-redriven=0").await;
        assert_eq!(world.keyed("orders").await, keyed(31), "{kept:?}");
    }
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_a_limit_leaves_the_rest() {
    for kept in PLACES {
        let Some(world) = World::new(kept).await else { continue };
        world.settings("pass_through");
        world.keep(&letters(10)).await;
        world.redrive(&["--dry-run"], 0, "10 would be redriven").await;
        assert_eq!((world.keyed("orders").await.len(), world.listed().await.len()), (0, 10), "{kept:?}");
        world.redrive(&["--limit", "4"], 0, "redriven=4 not-redriven=0").await;
        assert_eq!((world.keyed("orders").await.len(), world.listed().await.len()), (4, 6), "{kept:?}");
        world.redrive(&[], 0, "redriven=6 not-redriven=0").await;
        assert_eq!(world.keyed("orders").await, keyed(10), "{kept:?}");
    }
}

#[tokio::test]
async fn letters_are_redriven_by_their_ids_and_onto_another_stream() {
    for kept in PLACES {
        let Some(world) = World::new(kept).await else { continue };
        world.settings("pass_through");
        world.keep(&letters(6)).await;
        let all = world.listed().await;
        let ids = ["--id", &all[0], "--id", &all[3], "--to", "orders-out"];
        world.redrive(&ids, 0, "redriven=2 not-redriven=0").await;
        assert_eq!((world.keyed("orders-out").await.len(), world.keyed("orders").await.len()), (2, 0));
        // On a stream nothing can be taken away, and the mark moves for those that were not named by ids alone.
        let left = if kept == Kept::OnAStream { 6 } else { 4 };
        assert_eq!(world.listed().await.len(), left, "{kept:?}");
    }
}

#[tokio::test]
async fn a_letter_that_is_kept_twice_is_redriven_once() {
    for kept in PLACES {
        let Some(world) = World::new(kept).await else { continue };
        world.settings("pass_through");
        let again = DeadLetter { attempts: 9, ..letter(0, "{\"number\":0}") };
        world.keep(&letters(2)).await;
        world.keep(&[again]).await;
        world.redrive(&[], 0, "redriven=2 not-redriven=0").await;
        assert_eq!(world.keyed("orders").await, keyed(2), "{kept:?}");
        assert_eq!(world.listed().await.len(), 0, "{kept:?}");
    }
}

#[tokio::test]
async fn an_explicit_hash_key_decides_the_shard_again_and_bytes_that_did_not_decode_come_back_as_they_were() {
    let world = World::new(Kept::InAFile).await.expect("a file needs no server");
    world.settings("pass_through");
    let hashed = DeadLetter { explicit_hash_key: Some(UPPER), ..letter(0, "{\"number\":0}") };
    let raw = letter(1, &b"\xff\xfe no json"[..]);
    let raw = DeadLetter { payload: Payload::Record, explicit_hash_key: Some(UPPER), ..raw };
    world.keep(&[hashed, raw]).await;
    world.redrive(&[], 0, "redriven=2 not-redriven=0").await;
    let records = world.streams.records("orders").await;
    let (_, upper) = records.last_key_value().expect("there are shards");
    let found: Vec<_> = upper.iter().map(|record| &record.data[..]).collect();
    assert_eq!(found.len(), 2, "{records:?}");
    assert!(
        found.contains(&&b"{\"number\":0}\n"[..]) && found.contains(&&b"\xff\xfe no json"[..]),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_letter_in_parts_is_redriven_whole() {
    let world = World::new(Kept::OnAStream).await.expect("a stream needs no server");
    world.settings("pass_through");
    let large = format!("{{\"number\":1,\"text\":\"{}\"}}", "x".repeat(1_000_000));
    world.keep(&[letter(0, "{\"number\":0}"), letter(1, large.clone()), letter(2, "{\"number\":2}")]).await;
    let on_the_stream = world.streams.records("failed").await.values().map(Vec::len).sum::<usize>();
    assert_eq!(on_the_stream, 4, "the large one takes two records");
    world.redrive(&[], 0, "redriven=3 not-redriven=0").await;
    let found = world.keyed("orders").await;
    assert_eq!(found.len(), 3);
    assert!(found.iter().any(|(key, document)| key == "key-1" && *document == large));
    world.redrive(&[], 0, "redriven=0 not-redriven=0").await;
}

#[tokio::test]
async fn what_cannot_be_redriven_stays_and_the_command_says_so() {
    let world = World::new(Kept::InAFile).await.expect("a file needs no server");
    world.settings("pass_through");
    let path = world.place.path().join("failed.jsonl");
    let gone = DeadLetter { stream: "gone".into(), ..letter(7, "{}") };
    let not_json = letter(8, "not json");
    world.keep(&[letters(1), vec![gone, not_json]].concat()).await;
    let mut text = fs::read_to_string(&path).expect("it is text");
    text.push_str("a line of something else\n");
    fs::write(&path, &text).expect("the folder can be written");
    let ended = world.redrive(&[], 6, "redriven=1 not-redriven=2 unreadable=1").await;
    assert!(ended.stderr.contains("no such stream: stream=gone"), "{}", ended.stderr);
    assert!(ended.stderr.contains("the line is no dead letter"), "{}", ended.stderr);
    let left = fs::read_to_string(&path).expect("it is text");
    assert_eq!(left.lines().collect::<Vec<_>>(), text.lines().skip(1).collect::<Vec<_>>());
}

#[tokio::test]
async fn on_a_stream_the_mark_stays_before_a_letter_that_cannot_go_unless_it_is_to_be_skipped() {
    let world = World::new(Kept::OnAStream).await.expect("a stream needs no server");
    world.settings("pass_through");
    // One key, so that all lie in one shard.
    let all: Vec<_> = (0..5)
        .map(|number| DeadLetter {
            partition_key: "one".into(),
            ..letter(
                number,
                if number == 2 { "not json".to_owned() } else { format!("{{\"number\":{number}}}") },
            )
        })
        .collect();
    world.keep(&all).await;
    world.redrive(&[], 6, "redriven=4 not-redriven=1").await;
    world.redrive(&["--skip-failed"], 6, "redriven=2 not-redriven=1").await;
    world.redrive(&[], 0, "redriven=0 not-redriven=0").await;
    assert_eq!(world.dead_letters(&["list", "--all", "--json"]).await.stdout.lines().count(), 5);
}
