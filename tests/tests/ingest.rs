//! Ingest: documents over HTTP arrive on the stream, and whatever does not is told.

use std::collections::{BTreeMap, BTreeSet};

use bytestring::ByteString;
use serde_json::{Value, json};
use tidemill_engine::record::Record;

use crate::harness::{
    http::{Answer, Client},
    place::{Pipeline, Place},
    streams::Streams,
    until,
};

const LINES: [(&str, &str); 1] = [("content-type", "application/x-ndjson")];
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// One stream, `orders`, whose documents are records of their own.
const ORDERS: &str = "[ingest.streams.orders]\nprocessor = \"string\"\nlinger = \"1ms\"\n";

/// What is under each place of a stream: data and partition key by shard and sequence number.
async fn stored(streams: &Streams, name: &str) -> BTreeMap<(String, String), (Vec<u8>, ByteString)> {
    let place = |record: &Record, shard: &str| (shard.to_owned(), record.sequence.as_str().to_owned());
    let by_shard = streams.records(name).await;
    let records =
        by_shard.iter().flat_map(|(shard, records)| records.iter().map(move |record| (shard, record)));
    records
        .map(|(shard, record)| {
            (place(record, shard.as_str()), (record.data.to_vec(), record.partition_key.clone()))
        })
        .collect()
}

fn places(answer: &Answer) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("it was put").to_owned();
    let records = answer.body["records"].as_array().expect("somebody waited");
    records.iter().map(|record| (text(&record["shard-id"]), text(&record["sequence-number"]))).collect()
}

#[tokio::test]
async fn bodies_of_every_type_are_where_the_answer_says() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("orders", 4).await;
    let host = place.serve_put(streams.url(), ORDERS).await;
    let mut client = Client::of(&host).await;
    let batch = r#"[{"data": {"n": 5}, "partition-key": "own"}, {"text": "six"}, {"base64": "c2V2ZW4=",
        "partition-key": "own", "explicit-hash-key": "0"}]"#;
    type Request<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, Vec<(&'a str, Option<&'a str>)>);
    let requests: [Request<'_>; 5] = [
        ("?wait=true", &LINES, "{\"n\":1}\n\n{\"n\":2}\n", vec![("{\"n\":1}", None), ("{\"n\":2}", None)]),
        ("?wait=true&partition-key-pointer=/n", &LINES, "{\"n\":3}", vec![("{\"n\":3}", Some("3"))]),
        ("?wait=true&partition-key=q", &JSON, "{\"n\":4}", vec![("{\"n\":4}", Some("q"))]),
        (
            "?wait=true",
            &JSON,
            batch,
            vec![("{\"n\": 5}", Some("own")), ("six", None), ("seven", Some("own"))],
        ),
        ("?wait=true", &[("x-partition-key", "h")], "eight", vec![("eight", Some("h"))]),
    ];
    let mut put = 0;
    for (query, headers, body, expected) in requests {
        let answer = client.put(&format!("orders/records{query}"), headers, body.to_owned()).await;
        assert_eq!((answer.status.as_u16(), &answer.body["failed"]), (200, &json!(0)), "{answer:?}");
        let stored = stored(&streams, "orders").await;
        let places = places(&answer);
        assert_eq!(places.len(), expected.len());
        for (place, (data, key)) in places.iter().zip(expected) {
            let (stored_data, stored_key) = &stored[place];
            assert_eq!(stored_data, data.as_bytes());
            assert!(key.is_none_or(|key| *key == **stored_key), "{stored_key}");
        }
        put += places.len();
    }
    assert_eq!(stored(&streams, "orders").await.len(), put, "other records are there too");
    let stream = client.stream().await;
    assert_eq!((&stream["accepted"], &stream["delivered"]), (&json!(put), &json!(put)));
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let expected = format!("ingest orders: accepted={put} delivered={put} spooled=0 failed=0 lost=0\n");
    assert!(ended.stdout.ends_with(&expected), "{}", ended.stdout);
}

#[tokio::test]
async fn documents_of_many_connections_all_arrive() {
    const CONNECTIONS: usize = 8;
    const REQUESTS: usize = 25;
    const LINES_EACH: usize = 50;
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("orders", 4).await;
    let host = place.serve_put(streams.url(), "[ingest.streams.orders]\n").await;
    let document = |connection, request, line| format!("{{\"d\":\"{connection}-{request}-{line}\"}}");
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::of(&host).await);
    }
    let put = clients.iter_mut().enumerate().map(async |(connection, client)| {
        for request in 0..REQUESTS {
            let body: String =
                (0..LINES_EACH).map(|line| document(connection, request, line) + "\n").collect();
            let answer = client.put("orders/records", &LINES, body).await;
            assert_eq!((answer.status.as_u16(), &answer.body), (202, &json!({ "accepted": LINES_EACH })));
        }
    });
    futures::future::join_all(put).await;
    // What was accepted is flushed by the stop.
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let found = streams.documents("orders").await;
    let total = CONNECTIONS * REQUESTS * LINES_EACH;
    assert_eq!(found.len(), total, "documents are lost or doubled");
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), total);
    assert!(found.contains(&document(CONNECTIONS - 1, REQUESTS - 1, LINES_EACH - 1)));
}

#[tokio::test]
async fn what_cannot_be_put_is_refused_with_what_to_do() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("orders", 1).await;
    let settings = format!("body-bytes = \"2MiB\"\n{ORDERS}");
    let host = place.serve_put(streams.url(), &settings).await;
    let mut client = Client::of(&host).await;
    let large = "x".repeat((1 << 20) + 1);
    let requests = [
        (
            "nope/records",
            "x".to_owned(),
            404,
            "unknown-stream",
            "no such stream here: stream=nope known=orders",
        ),
        ("orders", "x".to_owned(), 404, "unknown-path", "POST /streams/NAME/records"),
        ("orders/records?wiat", "x".to_owned(), 400, "bad-request", "unknown query parameter `wiat`"),
        (
            "orders/records",
            large.clone(),
            413,
            "too-large",
            "record 0: the stream takes no document that large",
        ),
        ("orders/records", large.repeat(3), 413, "too-large", "the body is too large: send it in parts"),
    ];
    for (path, body, status, error, message) in requests {
        let answer = client.put(path, &[], body).await;
        assert_eq!((answer.status.as_u16(), &answer.body["error"]), (status, &json!(error)), "{answer:?}");
        assert!(answer.body["message"].as_str().is_some_and(|text| text.contains(message)), "{answer:?}");
    }
    let answer = client.put("orders/records", &JSON, r#"[{"data": 1}, {"data": 1, "key": 2}]"#).await;
    assert_eq!((answer.status.as_u16(), &answer.body["record"]), (400, &json!(1)), "{answer:?}");
    assert_eq!(client.get("/streams/orders/records").await.status, 405);
    assert_eq!(client.get("/healthz").await.body, json!({ "status": "ok" }));
    assert_eq!(client.stream().await["accepted"], json!(0), "a part of a refused request was taken");
    assert_eq!(host.terminate().await.code, Some(0));
}

#[tokio::test]
async fn a_failure_is_told_to_who_waits_and_counted_for_who_does_not() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("orders", 1).await;
    let host = place.serve_put(streams.url(), "[ingest.streams.orders]\nlinger = \"1ms\"\n").await;
    let mut client = Client::of(&host).await;
    let answer = client.put("orders/records?wait=true", &LINES, "{\"n\":1}\nno json\n{\"n\":2}\n").await;
    assert_eq!((answer.status.as_u16(), &answer.body["failed"]), (200, &json!(1)), "{answer:?}");
    assert_eq!(answer.body["records"][1]["code"], json!("refused"));
    for _ in 0..3 {
        assert_eq!(client.put("orders/records", &LINES, "no json\n").await.status, 202);
    }
    until("the documents failed", async || (client.stream().await["lost"] == json!(3)).then_some(())).await;
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(6), "{}", ended.stderr);
    assert!(ended.stdout.contains("accepted=6 delivered=2 spooled=0 failed=1 lost=3"), "{}", ended.stdout);
    assert_eq!(ended.stderr.matches("did not reach the stream").count(), 1, "{}", ended.stderr);
}

#[tokio::test]
async fn a_stream_that_does_not_answer_fills_the_buffer_and_then_clients_are_told_to_wait() {
    let (place, kinesis) = (Place::new(), Place::new());
    let local = kinesis.local().await;
    let settings = format!("{ORDERS}create = {{ shards = 1 }}\nbuffer = \"10B\"\n");
    let host = place.serve_put(&local.url(), &settings).await;
    local.kill().await;
    let mut client = Client::of(&host).await;
    assert_eq!(client.put("orders/records", &[], "123456").await.status, 202);
    let full = client.put("orders/records", &[], "123456").await;
    assert_eq!((full.status.as_u16(), &full.body["error"]), (429, &json!("full")), "{full:?}");
    assert_eq!(full.headers["retry-after"], "1");
    let late = client.put("orders/records?wait=true&timeout=1ms", &[], "1234").await;
    assert_eq!((late.status.as_u16(), &late.body["error"]), (504, &json!("timeout")), "{late:?}");
    assert_eq!(client.stream().await["refused"], json!(1));
}

/// A stream that is gone for a while: what was not on it in time waits on disk, through a stop, and is sent when it is
/// back.
async fn an_outage_loses_nothing(record_ttl: &str, spooled: impl AsyncFn(&mut Client)) {
    const DOCUMENTS: usize = 500;
    let (place, kinesis) = (Place::new(), Place::new());
    let local = kinesis.local().await;
    let url = local.url();
    let port = url.rsplit(':').next().expect("it has a port").to_owned();
    let settings = format!(
        "[ingest.streams.orders]\ncreate = {{ shards = 2 }}\nprocessor = \"string\"\nspool = \"spool\"\n\
         linger = \"1ms\"\nbackoff = \"10ms\"\nbackoff-limit = \"50ms\"\n{record_ttl}"
    );
    let host = place.serve_put(&url, &settings).await;
    local.kill().await;
    let body: String = (0..DOCUMENTS).map(|number| format!("{number}\n")).collect();
    let mut client = Client::of(&host).await;
    let answer = client.put("orders/records", &LINES, body).await;
    assert_eq!((answer.status.as_u16(), &answer.body), (202, &json!({ "accepted": DOCUMENTS })));
    spooled(&mut client).await;
    drop(client);
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let expected = format!("accepted={DOCUMENTS} delivered=0 spooled={DOCUMENTS} failed=0 lost=0");
    assert!(ended.stdout.contains(&expected), "{}", ended.stdout);

    let local = kinesis.local_at(&port).await;
    let host = place.serve_put(&url, &settings).await;
    let mut client = Client::of(&host).await;
    until("the spool is sent", async || {
        (client.stream().await["recovered"] == json!(DOCUMENTS)).then_some(())
    })
    .await;
    assert_eq!(host.terminate().await.code, Some(0));
    let limit = DOCUMENTS.to_string();
    let tail = ["tail", "orders", "--from", "trim-horizon", "--processor", "string", "--limit", &limit];
    let found = kinesis.tidemill(&[&tail[..], &["--endpoint-url", &url]].concat()).await.stdout;
    let found: BTreeSet<&str> = found.lines().collect();
    assert_eq!(found.len(), DOCUMENTS, "some are there twice or not at all");
    assert_eq!(local.terminate().await.code, Some(0));
}

#[tokio::test]
async fn what_is_late_waits_in_the_spool_and_is_sent_by_the_next_host() {
    an_outage_loses_nothing("record-ttl = \"100ms\"", async |client| {
        until("all are in the spool", async || {
            (client.stream().await["spooled"] == json!(500)).then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn what_a_stop_leaves_waits_in_the_spool_and_is_sent_by_the_next_host() {
    an_outage_loses_nothing("attempts = 1000000", async |_| {}).await;
}

#[tokio::test]
async fn other_machines_are_kept_out_unless_that_is_wanted() {
    let place = Place::new();
    let arguments = ["serve-put", "--stream", "orders", "--listen", "0.0.0.0:0"];
    let ended = place.tidemill(&arguments).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("without being asked who they are: listen=0.0.0.0:0"), "{}", ended.stderr);
    assert!(ended.stderr.contains("--allow-remote"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_port_that_is_taken_is_told() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("orders", 1).await;
    let address = streams.url().trim_start_matches("http://");
    let url = streams.url();
    let ended = place
        .tidemill(&["serve-put", "--stream", "orders", "--listen", address, "--endpoint-url", url])
        .await;
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stderr.contains(&format!("address={address}")), "{}", ended.stderr);
}

#[tokio::test]
async fn a_host_takes_documents_for_its_own_pipeline() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("numbers", 2).await;
    let settings = place.settings(streams.url(), &[Pipeline::new("numbers", "pass_through")]);
    let text = std::fs::read_to_string(&settings).expect("it was written");
    let text = text + "\n[ingest]\nlisten = \"127.0.0.1:0\"\nstreams.numbers = {}\n";
    let host = place.run(&place.write("tidemill.toml", text)).await;
    let mut client = Client::of(&host).await;
    let body: String = (0..1_000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    assert_eq!(client.put("numbers/records", &LINES, body).await.status, 202);
    until("every document came out", async || {
        (streams.documents("numbers-out").await.len() >= 1_000).then_some(())
    })
    .await;
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(streams.documents("numbers-out").await.len(), 1_000);
    assert!(ended.stdout.contains("ingest numbers: accepted=1000 delivered=1000"), "{}", ended.stdout);
}
