//! A shard that stopped at a record goes on when it is told to, and by itself once another component runs.

use serde_json::Value;

use super::{QUICK, file, load::Load, settings};
use crate::harness::{host::Host, place::Place, streams::Streams, until};

/// What the log says of a shard that stops.
const STOPPED: &str = "the shard stopped before a record";
/// Rounds among which one asks for a trap.
const ROUNDS: usize = 3;

/// The shards that the host says are stopped.
async fn stopped(place: &Place, host: &Host) -> Vec<Value> {
    let ended = place.tidemill(&["status", "--json", "--admin", &host.admin()]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let hosts: Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
    hosts[0]["pipelines"][0]["stopped"].as_array().expect("they are listed").clone()
}

#[tokio::test]
async fn a_stopped_shard_goes_on_when_it_is_told_to_and_with_the_component_that_is_deployed() {
    let (place, streams) = (Place::new(), Streams::start().await);
    let mut load = Load::new(&streams, 1).await;
    let host = place.run(&settings(&place, streams.url(), "fault_trap", QUICK)).await;
    load.comes_out(1).await;
    load.traps = true;
    for _ in 0..ROUNDS {
        load.round().await;
    }
    host.logged(&[STOPPED]).await;
    let shards = stopped(&place, &host).await;
    assert_eq!(shards[0]["shard"], "shardId-000000000000", "{shards:?}");
    assert!(shards[0]["reason"].as_str().is_some_and(|reason| reason.contains("trapped")), "{shards:?}");

    // Told to go on, it meets the same record with the same component.
    let ended = place.tidemill(&["resume", "--admin", &host.admin()]).await;
    assert_eq!((ended.code, ended.stdout.ends_with("resumed=1\n")), (Some(0), true), "{ended:?}");
    until("the shard stops again", async || (host.log().matches(STOPPED).count() == 2).then_some(())).await;

    load.traps = false;
    let ended = place.tidemill(&["deploy", "--admin", &host.admin(), &file("pass_through")]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    load.all_came_out_once().await;
    assert_eq!(stopped(&place, &host).await, Vec::<Value>::new());
    assert_eq!(host.terminate().await.code, Some(0));
}
