//! What pipelines read, in which lanes, from where on, until when, and who makes their checkpoints.

use std::{collections::HashMap, path::PathBuf};

use crate::harness::{
    binaries,
    place::{Ended, Place},
    streams::{Streams, lines},
};

/// A pipeline named `it` that ends by itself, with these lines for its source and its handler.
fn settings(place: &Place, streams: &Streams, source: &str, guest: &str, handler: &str) -> PathBuf {
    let (url, component) = (streams.url(), binaries::guest(guest));
    let component = component.display();
    let text = format!(
        "application = \"test\"\nkinesis = {{ endpoint = \"{url}\" }}\n\n[pipelines.it.source]\nidle-timeout = \"2s\"\n\
         idle-interval = \"100ms\"\n{source}\n\n[pipelines.it.handler]\ncomponent = \"{component}\"\n{handler}\n\n\
         [pipelines.it.sink]\nstream = \"out\"\nprocessor = \"json-line\"\nlinger = \"10ms\"\n"
    );
    place.write("tidemill.toml", text)
}

/// Runs a host until it ends by itself.
async fn run(place: &Place, settings: &std::path::Path) -> Ended {
    let ended = place.end(place.command().arg("run").arg(settings)).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended
}

#[tokio::test]
async fn a_pipeline_of_two_streams_and_eight_lanes_keeps_the_order_of_keys_and_ends_when_nothing_comes() {
    let (place, streams) = (Place::new(), Streams::start().await);
    for (name, shards) in [("orders", 2), ("returns", 1), ("out", 2)] {
        streams.create(name, shards).await;
    }
    for name in ["orders", "returns"] {
        let document = |at: usize| (format!("{name}-{}", at % 50), format!("{{\"n\":{at}}}"));
        streams.put(name, (0..10_000).map(document)).await;
    }
    let source = "streams = [\"orders\", \"returns\"]";
    let settings = settings(&place, &streams, source, "pass_through", "lanes = 8\nmemory = \"16MiB\"");
    let ended = run(&place, &settings).await;
    assert!(ended.stdout.contains("instances 384.0 MiB (24 of handlers)"), "{}", ended.stdout);
    for name in ["orders", "returns"] {
        let line = format!(
            "pipeline it/{name}: kinesis-records=10000 done=10000 emitted=10000 dropped=0 rejected=0"
        );
        assert!(ended.stdout.contains(&line), "{}", ended.stdout);
    }
    let mut numbers: HashMap<String, Vec<usize>> = HashMap::new();
    for record in streams.records("out").await.values().flatten() {
        let of_key = numbers.entry(record.partition_key.to_string()).or_default();
        of_key.extend(lines(record).iter().map(|line| -> usize {
            line.trim_start_matches("{\"n\":").trim_end_matches('}').parse().expect("it is a number")
        }));
    }
    assert_eq!(numbers.len(), 100);
    for (key, numbers) in numbers {
        let first: usize = key.split('-').nth(1).and_then(|at| at.parse().ok()).expect("it is a key");
        assert_eq!(numbers, (first..10_000).step_by(50).collect::<Vec<_>>(), "key={key}");
    }
}

#[tokio::test]
async fn a_component_makes_its_own_checkpoints_and_says_the_last_word() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("in", 1).await;
    streams.create("out", 1).await;
    let handler = "checkpoint = \"manual\"\nbatch-records = 10\nconfig = { many = \"7\" }";
    let settings = settings(&place, &streams, "stream = \"in\"", "gather", handler);
    let mut expected = Vec::new();
    for round in 0..2 {
        streams.put("in", (0..20).map(|at| ("k", round * 20 + at))).await;
        let ended = run(&place, &settings).await;
        // What the first run covered is not read again by the second.
        assert!(
            ended.stdout.contains("pipeline it: kinesis-records=20 done=20 emitted=3"),
            "{}",
            ended.stdout
        );
        let numbers: Vec<String> = (0..20).map(|at| (round * 20 + at).to_string()).collect();
        expected.extend(numbers.chunks(7).map(|together| format!("[{}]", together.join(","))));
    }
    assert_eq!(streams.documents("out").await, expected);
}

#[tokio::test]
async fn a_component_without_a_library_of_ours_makes_checkpoints_too() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("in", 1).await;
    streams.create("out", 1).await;
    let handler = "checkpoint = \"manual\"";
    let settings = settings(&place, &streams, "stream = \"in\"", "pass_through_list", handler);
    streams.put("in", (0..20).map(|at| ("k", at))).await;
    let first = run(&place, &settings).await;
    assert!(first.stdout.contains("pipeline it: kinesis-records=20 done=20 emitted=20"), "{}", first.stdout);
    let second = run(&place, &settings).await;
    assert!(second.stdout.contains("pipeline it: kinesis-records=0"), "{}", second.stdout);
}

#[tokio::test]
async fn a_component_that_never_checkpoints_is_given_everything_again() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("in", 1).await;
    streams.create("out", 1).await;
    streams.put("in", (0..20).map(|at| ("k", at))).await;
    let handler = "checkpoint = \"manual\"\nconfig = { find = \"1\" }";
    let settings = settings(&place, &streams, "stream = \"in\"", "count", handler);
    for _ in 0..2 {
        let ended = run(&place, &settings).await;
        assert!(ended.stdout.contains("pipeline it: kinesis-records=20 done=0"), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_shard_starts_at_the_record_that_the_settings_name() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("in", 1).await;
    streams.create("out", 1).await;
    streams.put("in", (0..10).map(|at| ("k", at))).await;
    let records = streams.records("in").await;
    let (shard, records) = records.iter().next().expect("there is one shard");
    let source = format!(
        "stream = \"in\"\nstart = \"latest\"\nskip-describe-stream = true\nstart-at = {{ {shard} = \"{}\" }}",
        records[6].sequence
    );
    let settings = settings(&place, &streams, &source, "pass_through", "");
    run(&place, &settings).await;
    assert_eq!(streams.documents("out").await, ["6", "7", "8", "9"]);
}
