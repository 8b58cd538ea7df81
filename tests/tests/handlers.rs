//! The handlers of `guests/handlers/` at work in a host.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{
    host::Host,
    place::{Pipeline, Place},
    streams::Streams,
    until,
};

/// Runs a guest over documents until so many came out, and answers them.
async fn run(guest: &'static str, handler: &'static str, documents: &[Value], expected: usize) -> Vec<Value> {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("in", 2).await;
    streams.put("in", documents.iter().enumerate().map(|(at, document)| (at.to_string(), document))).await;
    let settings = place.settings(streams.url(), &[Pipeline { handler, ..Pipeline::new("in", guest) }]);
    let host = place.run(&settings).await;
    until("what was expected came out", async || {
        (streams.documents("in-out").await.len() >= expected).then_some(())
    })
    .await;
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let out = streams.documents("in-out").await;
    out.iter().map(|document| serde_json::from_str(document).expect("documents are JSON")).collect()
}

fn sorted(mut documents: Vec<Value>) -> Vec<Value> {
    documents.sort_by_key(Value::to_string);
    documents
}

#[tokio::test]
async fn both_forms_of_the_contract_pass_records_through() {
    let documents: Vec<Value> = (0..500).map(|number| json!({ "n": number })).collect();
    for guest in ["pass_through", "pass_through_list"] {
        assert_eq!(sorted(run(guest, "", &documents, 500).await), sorted(documents.clone()), "{guest}");
    }
}

#[tokio::test]
async fn filter_enrich_keeps_what_matches_and_adds_where_it_came_from() {
    let documents: Vec<Value> = (0..100)
        .map(|number| (number, ["a", "b"][number % 2]))
        .map(|(n, kind)| json!({ "n": n, "kind": kind }))
        .collect();
    let settings = "config = { where-field = \"kind\", where-equals = \"b\", into = \"from\" }";
    let mut out = run("filter_enrich", settings, &documents, 50).await;
    for document in &mut out {
        let from = document.as_object_mut().expect("it is an object").remove("from").expect("it was added");
        assert!(
            from["shard"].as_str().is_some_and(|shard| shard.starts_with("shardId-00000000000")),
            "{from}"
        );
        assert!(from["arrival-millis"].as_u64().is_some_and(|millis| millis > 0), "{from}");
    }
    let kept = documents.into_iter().filter(|document| document["kind"] == "b").collect();
    assert_eq!(sorted(out), sorted(kept));
}

#[tokio::test]
async fn word_count_counts_every_word_once() {
    let texts = ["the tide turns", "the mill turns", "the tide"];
    let documents: Vec<Value> = texts.iter().map(|text| json!({ "text": text })).collect();
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("in", 1).await;
    streams.put("in", documents.iter().map(|document| ("key", document))).await;
    let pipeline =
        Pipeline { handler: "config = { field = \"/text\" }", ..Pipeline::new("in", "word_count") };
    let host = place.run(&place.settings(streams.url(), &[pipeline])).await;
    let expected =
        [("mill", 1), ("the", 3), ("tide", 2), ("turns", 2)].map(|(word, count)| (word.to_owned(), count));
    let counted = until("all words are counted", async || {
        let counted = counts(&streams.documents("in-out").await);
        (counted.values().sum::<u64>() >= 8).then_some(counted)
    })
    .await;
    assert_eq!(counted, BTreeMap::from(expected));
    assert_eq!(host.terminate().await.code, Some(0));
}

#[tokio::test]
async fn count_tells_how_many_records_hold_a_text_and_emits_nothing() {
    let documents: Vec<Value> = (0..9).map(|number| json!({ "paid": number % 3 == 0 })).collect();
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("in", 1).await;
    streams.put("in", documents.iter().map(|document| ("key", document))).await;
    let pipeline =
        Pipeline { handler: "config = { find = '\"paid\":true' }", ..Pipeline::new("in", "count") };
    let settings = place.settings(streams.url(), &[pipeline]);
    let mut command = place.command();
    command.arg("run").arg(&settings).env("RUST_LOG", "debug");
    let host = Host::start(&mut command, place.path(), "pipeline ").await;
    let bytes: usize = documents.iter().map(|document| document.to_string().len()).sum();
    host.logged(&[&format!("records=9 bytes={bytes} found=3")]).await;
    assert_eq!(host.terminate().await.code, Some(0));
    assert!(streams.documents("in-out").await.is_empty());
}

fn counts(documents: &[String]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for document in documents {
        let document: Value = serde_json::from_str(document).expect("documents are JSON");
        let word = document["word"].as_str().expect("there is a word").to_owned();
        *counts.entry(word).or_default() += document["count"].as_u64().expect("there is a count");
    }
    counts
}
