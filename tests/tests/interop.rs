//! Clients that are not written here put records by URL and read what the handler makes of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{
    place::{Pipeline, Place},
    python,
    streams::Streams,
    until,
};

/// Documents that each client puts.
const DOCUMENTS: usize = 2_000;

/// What `tests/interop/documents.py` makes.
fn expected() -> BTreeSet<String> {
    (0..DOCUMENTS).map(|n| json!({ "n": n, "text": format!("Gezeiten über {n}") }).to_string()).collect()
}

fn parsed<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    lines.map(|line| serde_json::from_str::<Value>(line).expect("documents are JSON").to_string()).collect()
}

/// Every document that a client puts comes out of the handler once, and the client reads each of them there.
async fn every_record_comes_out(script: &str) {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("numbers", 4).await;
    let settings = place.settings(streams.url(), &[Pipeline::new("numbers", "pass_through")]);
    let host = place.run(&settings).await;
    let count = DOCUMENTS.to_string();
    let put = python::script(&place, script, &["put", streams.url(), "numbers", &count]).await;
    if put.is_none() {
        return;
    }
    until("every document came out", async || {
        (streams.documents("numbers-out").await.len() >= DOCUMENTS).then_some(())
    })
    .await;
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);

    let out = streams.documents("numbers-out").await;
    let out = parsed(out.iter().map(String::as_str));
    assert_eq!(out.len(), DOCUMENTS, "documents came out twice");
    assert!(out.into_iter().collect::<BTreeSet<_>>() == expected(), "other documents came out than were put");

    let read = python::script(&place, script, &["read", streams.url(), "numbers-out", &count]).await;
    let read = parsed(read.expect("Python is there").lines());
    assert_eq!(read.len(), DOCUMENTS, "the client read some documents twice, or not");
    assert!(read.into_iter().collect::<BTreeSet<_>>() == expected(), "the client read other documents");
}

#[tokio::test]
async fn every_record_put_by_boto3_comes_out() {
    every_record_comes_out("boto3_client.py").await;
}

#[tokio::test]
async fn every_record_put_by_async_kinesis_comes_out() {
    every_record_comes_out("async_kinesis_client.py").await;
}

#[tokio::test]
async fn every_record_put_by_a_cbor_client_comes_out() {
    every_record_comes_out("cbor_client.py").await;
}
