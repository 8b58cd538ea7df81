//! What settings grant a component, at work in a host.

use std::{collections::BTreeSet, fs};

use crate::harness::{
    place::{Pipeline, Place},
    streams::Streams,
    until,
};

/// Puts JSON strings on a stream, lets a guest handle them until as many came out, and answers those.
async fn run(place: &Place, pipeline: Pipeline, documents: &[&str]) -> (BTreeSet<String>, String) {
    let streams = Streams::start().await;
    let (name, out) = (pipeline.name, format!("{}-out", pipeline.name));
    streams.create(name, 1).await;
    streams.put(name, documents.iter().map(|document| ("key", format!("{document:?}")))).await;
    let host = place.run(&place.settings(streams.url(), &[pipeline])).await;
    until("everything came out", async || {
        (streams.documents(&out).await.len() >= documents.len()).then_some(())
    })
    .await;
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let out = streams.documents(&out).await;
    let text = |document: &String| serde_json::from_str(document).expect("documents are JSON strings");
    (out.iter().map(text).collect(), ended.stderr)
}

#[tokio::test]
async fn folders_and_variables_that_the_settings_name_reach_the_component_and_others_do_not() {
    let place = Place::new();
    fs::create_dir(place.path().join("rates")).expect("the folder can be written");
    place.write("rates/chf", "one franc");
    let handler = "deadline = \"4s\"\n[pipelines.in.handler.allow]\nenvironment = { REGION = \"eu-west-1\" }\n\
                   pass-environment = [\"HOME\"]\nfolders = [{ path = \"rates\", as = \"/rates\" }]";
    let errands = [
        "env REGION",
        "env HOME",
        "read /rates/chf",
        "write /rates/new",
        "env NO_COLOR",
        "read /etc/hostname",
    ];
    let (said, _) = run(&place, Pipeline { handler, ..Pipeline::new("in", "errand") }, &errands).await;
    let home = place.path().display().to_string();
    for expected in ["eu-west-1", &home, "one franc"] {
        assert!(said.contains(expected), "{expected} is missing: {said:?}");
    }
    let refused = said.iter().filter(|text| text.starts_with("error: ")).count();
    assert_eq!((refused, said.len()), (3, 6), "{said:?}");
    assert!(!place.path().join("rates/new").exists());
}

#[tokio::test]
async fn a_component_is_told_of_its_life_and_its_lines_name_its_pipeline() {
    let place = Place::new();
    let pipeline = Pipeline { handler: "", ..Pipeline::new("in", "life") };
    let (_, log) = run(&place, pipeline, &["a"]).await;
    let at = |text: &str| {
        let line = log.lines().position(|line| line.contains(" guest: ") && line.contains(text));
        line.unwrap_or_else(|| panic!("{text} is not in\n{log}"))
    };
    let (started, left) = (at("started in shardId-000000000000"), at("left in shardId-000000000000"));
    assert!(started < left, "{log}");
    assert!(log.lines().nth(started).is_some_and(|line| line.contains("pipeline=\"in\"")), "{log}");
    assert!(log.lines().skip(left).any(|line| line.contains("drain")), "{log}");
}

#[tokio::test]
async fn settings_of_a_sandbox_that_cannot_hold_are_refused_at_start() {
    let place = Place::new();
    for (handler, code, expected) in [
        ("instances = 0", 3, "1 to 4000 are allowed, got=0"),
        ("tables = 2000000", 3, "1 to 1000000 are allowed"),
        ("allow = { http = [\"api.example.com\"] }", 3, "write a host and a port"),
        ("allow = { folder = [] }", 3, "did you mean `folders`?"),
        ("allow = { folders = [{ path = \"x\", as = \"x\" }] }", 3, "it begins with /"),
        ("allow = { folders = [{ path = \"missing\", as = \"/x\" }] }", 4, "cannot open the folder"),
        ("allow = { pass-environment = [\"NOWHERE\"] }", 3, "key=NOWHERE"),
    ] {
        let pipeline = Pipeline { handler, ..Pipeline::new("in", "errand") };
        let settings = place.settings("http://127.0.0.1:1", &[pipeline]);
        let ended = place.tidemill(&["run", settings.to_str().expect("it is text")]).await;
        assert_eq!(ended.code, Some(code), "{handler}: {}", ended.stderr);
        let message = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(message.contains(expected), "{handler}: {message}");
    }
}
