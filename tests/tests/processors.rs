//! Processors that are components, from `put` through `run` to `tail`.

use crate::harness::{binaries, place::Place, streams::Streams, until};

const DOCUMENTS: usize = 300;

/// Puts lines with one processor, has a pipeline pass them on with the same at both ends, and answers what `tail`
/// prints of the other end. `flag` is what `put` and `tail` take, `setting` what the settings file does.
async fn passed_through(flag: &str, setting: &str) -> Vec<String> {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("in", 1).await;
    streams.create("out", 1).await;
    let lines: String = documents().iter().map(|line| format!("{line}\n")).collect();
    let file = place.write("lines.jsonl", lines);
    let put =
        ["put", "in", &file.display().to_string(), "--processor", flag, "--endpoint-url", streams.url()]
            .map(str::to_owned);
    let put: Vec<&str> = put.iter().map(String::as_str).collect();
    let ended =
        place.tidemill(&[&put[..], &["--partition-key", "/key", "--region", "us-east-1"]].concat()).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);

    let handler = binaries::guest("pass_through");
    let settings = format!(
        "application = \"test\"\n[kinesis]\nendpoint = \"{url}\"\nregion = \"us-east-1\"\n[pipelines.through]\n\
         source = {{ stream = \"in\", idle-interval = \"100ms\", processor = {setting} }}\n\
         sink = {{ stream = \"out\", processor = {setting} }}\nhandler = {{ component = \"{handler}\" }}\n",
        url = streams.url(),
        handler = handler.display(),
    );
    let host = place.run(&place.write("tidemill.toml", settings)).await;
    let limit = DOCUMENTS.to_string();
    let tail = ["tail", "out", "--from", "trim-horizon", "--limit", &limit, "--processor", flag];
    let tail = [&tail[..], &["--endpoint-url", streams.url(), "--region", "us-east-1"]].concat();
    let ended = place.tidemill(&tail).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(host.terminate().await.code, Some(0));
    ended.stdout.lines().map(str::to_owned).collect()
}

fn documents() -> Vec<String> {
    (0..DOCUMENTS).map(|number| format!("{{\"key\": \"k-{}\", \"n\": {number}}}", number % 3)).collect()
}

fn sorted(mut documents: Vec<String>) -> Vec<String> {
    documents.sort();
    documents
}

#[tokio::test]
async fn documents_go_from_put_through_run_to_tail_with_components_as_processors() {
    let component = binaries::guest("processor_kpl_json").display().to_string();
    let out = passed_through(&component, &format!("{{ component = \"{component}\" }}")).await;
    assert_eq!(sorted(out), sorted(documents()));
}

#[tokio::test]
async fn the_examples_aggregator_packs_what_a_pipeline_emits() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("in", 1).await;
    streams.create("out", 1).await;
    streams.put("in", documents().into_iter().map(|document| ("key", document))).await;
    let [handler, aggregator] = ["pass_through", "lz4_batches"].map(binaries::guest);
    let settings = format!(
        "application = \"test\"\n[kinesis]\nendpoint = \"{url}\"\n[pipelines.pack]\n\
         source = {{ stream = \"in\", idle-interval = \"100ms\" }}\n\
         sink = {{ stream = \"out\", processor = {{ aggregator = {{ component = \"{aggregator}\" }}, serializer = \
         \"json\" }} }}\nhandler = {{ component = \"{handler}\" }}\n",
        url = streams.url(),
        aggregator = aggregator.display(),
        handler = handler.display(),
    );
    let settings = place.write("tidemill.toml", settings);
    let host = place.run(&settings).await;
    let batch =
        until("a batch comes out", async || streams.records("out").await.into_values().flatten().next())
            .await;
    let plain: usize = documents().iter().map(|document| document.len() + 4).sum();
    let unfolded = u32::from_le_bytes(batch.data[..4].try_into().expect("a batch begins with its size"));
    assert_eq!(unfolded as usize, plain);
    assert!(batch.data.len() < plain / 3, "{} bytes", batch.data.len());
    assert_eq!(host.terminate().await.code, Some(0));
    let checked = place.tidemill(&["check", &settings.display().to_string()]).await;
    assert!(checked.stdout.contains("tidemill:streams/aggregator@0.1.0"), "{}", checked.stdout);
}

#[test]
fn the_readmes_aggregator_is_the_example() {
    let source = include_str!("../../examples/lz4-batches/aggregator/src/lib.rs");
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&format!("```rust\n{source}```")), "copy the example's source into README.md");
}
