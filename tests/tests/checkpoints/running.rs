//! A host at work: its checkpoints are not moved, unless that is forced, and then it goes on from the new place.

use super::world::{World, times, unique};
use crate::harness::servers;

/// Refused without `--force`, and obeyed with it, by a host that stays at work.
async fn is_refused_unless_forced(leases: &str) {
    let world = World::new(leases).await;
    world.put(0..100).await;
    let host = world.host().await;
    world.out(100).await;
    for command in [&["reset", "--to", "trim-horizon"][..], &["import", "kept.jsonl"]] {
        world.done(&["export", "kept.jsonl"]).await;
        let ended = world.checkpoints(command).await;
        assert_eq!(ended.code, Some(5), "{}", ended.stderr);
        assert!(ended.stderr.contains("the application is running: nothing was written"), "{}", ended.stderr);
    }
    assert_eq!(world.counted().await, times(0..100, 1));

    let told = world.done(&["reset", "--to", "trim-horizon", "--force"]).await;
    assert!(told.ends_with("2 written, 0 were there already\n"), "{told}");
    assert_eq!(told.matches(", taken from ").count(), 2, "{told}");
    assert_eq!(world.out(200).await, times(0..100, 2));
    world.put(100..120).await;
    let mut expected = times(0..100, 2);
    expected.extend(times(100..120, 1));
    assert_eq!(world.out(220).await, expected);
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test]
async fn a_running_host_on_redis_is_left_alone_unless_that_is_forced() {
    let Some(redis) = servers::redis().await else { return };
    let (url, prefix) = (&redis.settings().urls[0], unique("running"));
    let leases = format!("store = \"redis\"\n[leases.redis]\nurl = \"{url}\"\nprefix = \"{prefix}\"");
    is_refused_unless_forced(&leases).await;
}

#[tokio::test]
async fn a_running_host_on_dynamodb_is_left_alone_unless_that_is_forced() {
    let Some(dynamodb) = servers::dynamodb().await else { return };
    let (url, table) = (dynamodb.url(), unique("running"));
    let leases = format!(
        "store = \"dynamodb\"\n[leases.dynamodb]\nendpoint-url = \"{url}\"\ntable = \"{table}\"\ncreate-table = true"
    );
    is_refused_unless_forced(&leases).await;
}

#[tokio::test]
async fn a_lease_file_in_use_is_told_with_what_to_do() {
    let world = World::new("").await;
    world.put(0..10).await;
    let host = world.host().await;
    world.out(10).await;
    let ended = world.checkpoints(&["reset", "--to", "trim-horizon", "--force"]).await;
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.contains("the lease file is in use: stop the other process"), "{}", ended.stderr);
    assert_eq!(host.terminate().await.code, Some(0));
    world.done(&["reset", "--to", "trim-horizon"]).await;
}
