//! Checkpoints that are shown, kept in a file, and moved back, with nobody at work.

use super::world::{World, times};

#[tokio::test]
async fn a_stream_is_handled_again_after_a_reset_and_not_after_a_dry_run() {
    let world = World::new("").await;
    world.put(0..100).await;
    world.run_until(100).await;
    let before = world.shown().await;
    assert_eq!(before.len(), 2);

    let told = world.done(&["reset", "--to", "trim-horizon", "--dry-run"]).await;
    assert_eq!(told.lines().count(), 3, "{told}");
    assert!(told.starts_with("would be moved shardId-000000000000: "), "{told}");
    assert!(told.ends_with("2 would be written, 0 are there already\n"), "{told}");
    assert_eq!(world.shown().await, before);

    let told = world.done(&["reset", "--to", "trim-horizon"]).await;
    assert!(told.ends_with("2 written, 0 were there already\n"), "{told}");
    world.run_until(200).await;
    assert_eq!(world.counted().await, times(0..100, 2));
}

#[tokio::test]
async fn an_export_brings_back_what_a_reset_moved() {
    let world = World::new("").await;
    world.put(0..100).await;
    world.run_until(100).await;
    let before = world.shown().await;
    world.done(&["export", "kept.jsonl"]).await;
    world.done(&["reset", "--to", "latest", "--shard", "shardId-000000000000"]).await;
    let moved = world.shown().await;
    assert_eq!(moved["shardId-000000000000"], "latest");
    assert_eq!(moved["shardId-000000000001"], before["shardId-000000000001"]);

    let told = world.done(&["import", "kept.jsonl"]).await;
    assert!(told.ends_with("1 written, 1 were there already\n"), "{told}");
    assert_eq!(world.shown().await, before);
    world.put(100..120).await;
    world.run_until(120).await;
    assert_eq!(world.counted().await, times(0..120, 1));
}

#[tokio::test]
async fn a_number_means_that_its_record_is_done_and_at_sequence_that_it_is_next() {
    let world = World::new("").await;
    world.put(0..100).await;
    let records = world.streams.records("numbers").await;
    let fifth: Vec<String> = records.values().map(|records| records[4].sequence.to_string()).collect();
    let (done, next) = (
        format!("shardId-000000000000={}", fifth[0]),
        format!("shardId-000000000001=at-sequence:{}", fifth[1]),
    );
    assert!(world.shown().await.is_empty());
    let told = world.done(&["reset", "--to", &done, "--to", &next, "--dry-run"]).await;
    assert!(told.ends_with("2 would be written, 0 are there already\n"), "{told}");
    assert!(!world.place.path().join("tidemill.redb").exists(), "looking makes no file");
    let told = world.done(&["reset", "--to", &done, "--to", &next]).await;
    assert!(told.starts_with("created shardId-000000000000: "), "{told}");
    world.run_until(91).await;
    let out = world.counted().await;
    assert_eq!((out.len(), out.values().max()), (91, Some(&1)));
}

#[tokio::test]
async fn what_the_stream_cannot_have_is_refused_before_anything_is_written() {
    let world = World::new("").await;
    world.put(0..10).await;
    world.run_until(10).await;
    let before = world.shown().await;
    for (to, problem) in [
        ("shardId-000000000000=5", "no record of the shard can have this number"),
        ("shardId-000000000009=latest", "the stream has no such shard: shard=shardId-000000000009"),
    ] {
        let good = "shardId-000000000001=trim-horizon";
        let ended = world.checkpoints(&["reset", "--to", good, "--to", to]).await;
        assert_eq!(ended.code, Some(5), "{}", ended.stderr);
        assert!(ended.stderr.contains(problem), "{}", ended.stderr);
    }
    assert_eq!(world.shown().await, before);
}

#[tokio::test]
async fn words_that_make_no_sense_together_end_with_the_code_for_flags() {
    let world = World::new("").await;
    for arguments in [
        &["import"][..],
        &["import", "file", "--from", "kcl"],
        &["import", "--from", "kcl"],
        &["export"],
        &["reset", "--to", "nowhere"],
        &["reset", "--to", "a=latest", "--shard", "b"],
        &["show", "--pipeline", "other"],
    ] {
        let ended = world.checkpoints(arguments).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
    }
}
