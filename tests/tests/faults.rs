//! Components that trap, hang or eat memory, each beside a healthy one in the same host (invariant I6).

use std::collections::BTreeSet;

use crate::harness::{
    host::Host,
    place::{Ended, Pipeline, Place},
    streams::Streams,
    until,
};

/// Records before the bad one, and as many after it.
const GOOD: usize = 50;

/// Puts good records around a bad one, lets the host run into it, and answers what the log says of it. The healthy
/// pipeline gets records before and after, and all of them come out.
async fn run_beside_a_healthy_pipeline(
    guest: &'static str,
    bad: &str,
    handler: &'static str,
) -> (String, Ended) {
    let (place, streams) = (Place::new(), Streams::start().await);
    for name in ["sick", "healthy"] {
        streams.create(name, 1).await;
    }
    streams.put("healthy", documents("before", GOOD)).await;
    streams.put("sick", documents("good", GOOD)).await;
    streams.put("sick", [("key", format!("{{\"n\":\"{bad}\"}}"))]).await;
    streams.put("sick", documents("late", GOOD)).await;
    let sick = Pipeline { handler, ..Pipeline::new("sick", guest) };
    let settings = place.settings(streams.url(), &[sick, Pipeline::new("healthy", "pass_through")]);
    let host = place.run(&settings).await;

    let line = host.logged(&["the shard stopped before a record"]).await;
    assert_names(&line, guest, &streams).await;
    streams.put("healthy", documents("after", GOOD)).await;
    until("the healthy pipeline goes on", async || {
        (streams.documents("healthy-out").await.len() >= 2 * GOOD).then_some(())
    })
    .await;
    let ended = stop(host).await;
    let healthy: BTreeSet<String> = streams.documents("healthy-out").await.into_iter().collect();
    assert_eq!(healthy.len(), 2 * GOOD, "the healthy pipeline lost or doubled records");
    let out = streams.documents("sick-out").await;
    assert!(
        out.iter().all(|document| document.contains("good-")),
        "a record came out that was not handled: {out:?}"
    );
    (line, ended)
}

async fn stop(host: Host) -> Ended {
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(6), "a host with a stopped shard says so:\n{}", ended.stderr);
    assert!(ended.stdout.contains("stopped at shard shardId-000000000000"), "{}", ended.stdout);
    ended
}

/// The error names the component, the shard and sequence numbers that are on the stream.
async fn assert_names(line: &str, guest: &str, streams: &Streams) {
    let records = streams.records("sick").await;
    let (shard, records) = records.first_key_value().expect("there is a shard");
    assert!(line.contains(&format!("{guest}@")), "the component is not named: {line}");
    assert!(line.contains(shard.as_str()), "the shard is not named: {line}");
    assert!(
        records.iter().any(|record| line.contains(record.sequence.as_str())),
        "no sequence number of the stream is named: {line}"
    );
}

fn documents(word: &str, count: usize) -> Vec<(String, String)> {
    (0..count).map(|number| ("key".to_owned(), format!("{{\"n\":\"{word}-{number}\"}}"))).collect()
}

#[tokio::test]
async fn i6_a_component_that_traps_fails_its_batch_and_nothing_else() {
    let (line, _) =
        run_beside_a_healthy_pipeline("fault_trap", "trap", "attempts = 2\nbatch-records = 10").await;
    assert!(line.contains("trapped"), "{line}");
    assert!(line.contains("asks for a trap"), "the guest's last words are missing: {line}");
}

#[tokio::test]
async fn i6_a_component_that_loops_for_ever_fails_its_batch_and_nothing_else() {
    let handler = "attempts = 2\nbatch-records = 10\ndeadline = \"300ms\"";
    let (line, _) = run_beside_a_healthy_pipeline("fault_spin", "spin", handler).await;
    assert!(line.contains("ran past its deadline"), "{line}");
}

#[tokio::test]
async fn i6_a_component_that_hogs_memory_fails_its_batch_and_nothing_else() {
    let handler = "attempts = 2\nbatch-records = 10\nmemory = \"16MiB\"";
    let (line, _) = run_beside_a_healthy_pipeline("fault_hog", "hog", handler).await;
    assert!(line.contains("ran out of memory"), "{line}");
}

#[tokio::test]
async fn a_pipeline_that_may_drop_goes_on_behind_the_bad_batch() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("sick", 1).await;
    streams.put("sick", documents("good", GOOD)).await;
    streams.put("sick", [("key", "{\"n\":\"trap\"}")]).await;
    streams.put("sick", documents("late", GOOD)).await;
    let sick = Pipeline {
        handler: "attempts = 1\nbatch-records = 1",
        more: "on-failure = \"drop\"",
        ..Pipeline::new("sick", "fault_trap")
    };
    let host = place.run(&place.settings(streams.url(), &[sick])).await;
    until("all but the bad record came out", async || {
        (streams.documents("sick-out").await.len() >= 2 * GOOD).then_some(())
    })
    .await;
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("dropped=1 "), "{}", ended.stdout);
    assert_eq!(streams.documents("sick-out").await.len(), 2 * GOOD);
}
