//! Registered consumers, and the event stream of SubscribeToShard, byte by byte.

use std::collections::VecDeque;

use crate::{LocalKinesis, frame::CONTENT_TYPE};
use ciborium::{Value as Cbor, cbor};
use http_body_util::BodyExt;
use hyper::{Response, StatusCode, body::Incoming};
use serde_json::{Value, json};

use super::client::{CBOR, FIRST, JSON, Open, create, ok, open, open_h2, refused, request, start};

/// A message as a client takes it apart: its headers by name, and its payload.
#[derive(Debug)]
struct Message {
    headers: Vec<(String, String)>,
    payload: Vec<u8>,
}

impl Message {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map_or("", |(_, value)| value)
    }

    fn json(&self) -> Value {
        assert_eq!(self.header(":content-type"), JSON);
        serde_json::from_slice(&self.payload).unwrap()
    }

    fn data(&self) -> Vec<String> {
        let event = self.json();
        let records = event["Records"].as_array().unwrap();
        records.iter().map(|record| record["Data"].as_str().unwrap().to_owned()).collect()
    }
}

/// The messages of an answer, as they come.
struct Messages {
    body: Incoming,
    bytes: VecDeque<u8>,
    _connection: Open,
}

impl Messages {
    fn of(response: Response<Incoming>, connection: Open) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], CONTENT_TYPE);
        Self { body: response.into_body(), bytes: VecDeque::new(), _connection: connection }
    }

    async fn next(&mut self) -> Option<Message> {
        let whole = |bytes: &VecDeque<u8>| {
            let head: Vec<u8> = bytes.iter().take(4).copied().collect();
            let length = usize::try_from(u32::from_be_bytes(head.try_into().ok()?)).unwrap();
            (bytes.len() >= length).then_some(length)
        };
        loop {
            if let Some(length) = whole(&self.bytes) {
                return Some(parse(&self.bytes.drain(..length).collect::<Vec<_>>()));
            }
            let Some(frame) = self.body.frame().await else {
                assert!(self.bytes.is_empty(), "the answer ends within a message");
                return None;
            };
            self.bytes.extend(frame.unwrap().into_data().unwrap());
        }
    }
}

fn parse(message: &[u8]) -> Message {
    let number = |at: usize| u32::from_be_bytes(message[at..at + 4].try_into().unwrap());
    assert_eq!(number(8), crc32fast::hash(&message[..8]));
    assert_eq!(number(message.len() - 4), crc32fast::hash(&message[..message.len() - 4]));
    let payload_at = 12 + number(4) as usize;
    let (mut rest, mut headers) = (&message[12..payload_at], Vec::new());
    let text = |length: usize, rest: &mut &[u8]| {
        let (text, behind) = rest.split_at(length);
        *rest = behind;
        String::from_utf8(text.to_vec()).unwrap()
    };
    while let [length, behind @ ..] = rest {
        rest = behind;
        let name = text(usize::from(*length), &mut rest);
        assert_eq!(rest[0], 7, "headers are text");
        let length = usize::from(u16::from_be_bytes([rest[1], rest[2]]));
        rest = &rest[3..];
        headers.push((name, text(length, &mut rest)));
    }
    Message { headers, payload: message[payload_at..message.len() - 4].to_vec() }
}

/// The stream "s" with one shard and the consumer "c", by its ARN.
async fn consumer(local: &LocalKinesis) -> String {
    create(local, "s", 1).await;
    let summary = ok(local, "DescribeStreamSummary", json!({"StreamName": "s"})).await;
    let stream = &summary["StreamDescriptionSummary"]["StreamARN"];
    let registered =
        ok(local, "RegisterStreamConsumer", json!({"StreamARN": stream, "ConsumerName": "c"})).await;
    registered["Consumer"]["ConsumerARN"].as_str().unwrap().to_owned()
}

async fn put(local: &LocalKinesis, data: &str) {
    ok(local, "PutRecord", json!({"StreamName": "s", "Data": data, "PartitionKey": "k"})).await;
}

fn subscription(arn: &str) -> Vec<u8> {
    let position = json!({"Type": "TRIM_HORIZON"});
    json!({"ConsumerARN": arn, "ShardId": FIRST, "StartingPosition": position}).to_string().into_bytes()
}

/// The messages of a subscription of a consumer.
async fn subscribed(local: &LocalKinesis, arn: &str) -> Messages {
    let (response, connection) =
        open(local.url(), request("SubscribeToShard", JSON, subscription(arn))).await;
    Messages::of(response, connection)
}

#[tokio::test]
async fn a_subscription_is_an_answer_and_then_events_over_both_versions_of_http() {
    for is_h2 in [false, true] {
        let local = start().await;
        let arn = consumer(&local).await;
        put(&local, "YQ==").await;
        let asked = request("SubscribeToShard", JSON, subscription(&arn));
        let (response, connection) =
            if is_h2 { open_h2(local.url(), asked).await } else { open(local.url(), asked).await };
        let mut messages = Messages::of(response, connection);
        let initial = messages.next().await.unwrap();
        assert_eq!(
            (initial.header(":message-type"), initial.header(":event-type")),
            ("event", "initial-response")
        );
        assert_eq!(initial.json(), json!({}));
        let event = messages.next().await.unwrap();
        assert_eq!(event.header(":event-type"), "SubscribeToShardEvent");
        assert_eq!(event.data(), ["YQ=="]);
        let record = &event.json()["Records"][0];
        assert_eq!(event.json()["ContinuationSequenceNumber"], record["SequenceNumber"]);
        assert_eq!((&record["PartitionKey"], &event.json()["MillisBehindLatest"]), (&json!("k"), &json!(0)));
        put(&local, "Yg==").await;
        assert_eq!(messages.next().await.unwrap().data(), ["Yg=="]);
    }
}

#[tokio::test]
async fn the_end_of_a_shard_names_children_no_continuation_and_ends_the_answer() {
    let local = start().await;
    let arn = consumer(&local).await;
    ok(
        &local,
        "UpdateShardCount",
        json!({"StreamName": "s", "TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"}),
    )
    .await;
    let (response, connection) =
        open(local.url(), request("SubscribeToShard", JSON, subscription(&arn))).await;
    let mut messages = Messages::of(response, connection);
    messages.next().await.unwrap();
    let last = messages.next().await.unwrap().json();
    assert_eq!(last.get("ContinuationSequenceNumber"), None);
    assert_eq!(last["ChildShards"].as_array().map(Vec::len), Some(2));
    assert_eq!(last["ChildShards"][0]["ParentShards"], json!([FIRST]));
    assert!(messages.next().await.is_none());
}

#[tokio::test]
async fn events_are_written_as_the_request_was() {
    let local = start().await;
    let arn = consumer(&local).await;
    put(&local, "YQ==").await;
    let asked = cbor!({
        "ConsumerARN" => arn, "ShardId" => FIRST, "StartingPosition" => { "Type" => "TRIM_HORIZON" }
    });
    let mut body = Vec::new();
    ciborium::into_writer(&asked.unwrap(), &mut body).unwrap();
    let (response, connection) = open(local.url(), request("SubscribeToShard", CBOR, body)).await;
    let mut messages = Messages::of(response, connection);
    messages.next().await.unwrap();
    let event = messages.next().await.unwrap();
    assert_eq!(event.header(":content-type"), CBOR);
    let event: Cbor = ciborium::from_reader(&event.payload[..]).unwrap();
    let field = |value: &Cbor, name: &str| {
        let fields = value.as_map().unwrap().iter();
        fields.clone().find(|(key, _)| key.as_text() == Some(name)).unwrap().1.clone()
    };
    let record = field(&event, "Records").as_array().unwrap()[0].clone();
    assert_eq!(field(&record, "Data"), Cbor::Bytes(b"a".to_vec()));
}

#[tokio::test]
async fn an_error_in_the_middle_is_the_last_message() {
    let local = start().await;
    let arn = consumer(&local).await;
    let mut messages = subscribed(&local, &arn).await;
    messages.next().await.unwrap();
    assert!(messages.next().await.unwrap().data().is_empty());
    ok(&local, "DeregisterStreamConsumer", json!({"ConsumerARN": arn})).await;
    let error = messages.next().await.unwrap();
    let kind = (error.header(":message-type"), error.header(":exception-type"));
    assert_eq!(kind, ("exception", "ResourceNotFoundException"));
    assert!(error.json()["message"].is_string());
    assert!(messages.next().await.is_none());
}

#[tokio::test]
async fn a_stop_ends_subscriptions() {
    let local = start().await;
    let arn = consumer(&local).await;
    let mut messages = subscribed(&local, &arn).await;
    messages.next().await.unwrap();
    messages.next().await.unwrap();
    local.stop().await;
    assert!(messages.next().await.is_none());
}

#[tokio::test]
async fn a_consumer_is_named_by_its_arn_or_by_its_stream_and_name() {
    let local = start().await;
    let arn = consumer(&local).await;
    let stream = arn.split("/consumer/").next().unwrap();
    let by_arn = ok(&local, "DescribeStreamConsumer", json!({"ConsumerARN": arn})).await;
    let by_name =
        ok(&local, "DescribeStreamConsumer", json!({"StreamARN": stream, "ConsumerName": "c"})).await;
    assert_eq!(by_arn, by_name);
    let description = &by_arn["ConsumerDescription"];
    assert_eq!(
        (&description["ConsumerStatus"], &description["StreamARN"]),
        (&json!("ACTIVE"), &json!(stream))
    );
    let listed = ok(&local, "ListStreamConsumers", json!({"StreamARN": stream})).await;
    assert_eq!(listed["Consumers"].as_array().map(Vec::len), Some(1));
    let summary = ok(&local, "DescribeStreamSummary", json!({"StreamName": "s"})).await;
    assert_eq!(summary["StreamDescriptionSummary"]["ConsumerCount"], json!(1));
    let both = json!({"ConsumerARN": arn, "StreamARN": stream, "ConsumerName": "other"});
    assert_eq!(refused(&local, "DescribeStreamConsumer", both).await, "InvalidArgumentException");
    assert_eq!(refused(&local, "DescribeStreamConsumer", json!({})).await, "InvalidArgumentException");
}

#[tokio::test]
async fn what_cannot_be_subscribed_to_is_refused_before_any_event() {
    let local = start().await;
    let arn = consumer(&local).await;
    let ask = |arn: &str, shard: &str, kind: &str| json!({"ConsumerARN": arn, "ShardId": shard, "StartingPosition": {"Type": kind}});
    for (asked, code) in [
        (ask(&arn.replace("/c:", "/d:"), FIRST, "LATEST"), "ResourceNotFoundException"),
        (ask(&format!("{arn}1"), FIRST, "LATEST"), "ResourceNotFoundException"),
        (ask("c", FIRST, "LATEST"), "ValidationException"),
        (ask(&arn, "shardId-000000000009", "LATEST"), "ResourceNotFoundException"),
        (ask(&arn, FIRST, "SOMEWHERE"), "ValidationException"),
        (ask(&arn, FIRST, "AT_SEQUENCE_NUMBER"), "InvalidArgumentException"),
        (json!({"ConsumerARN": arn, "ShardId": FIRST}), "ValidationException"),
    ] {
        assert_eq!(refused(&local, "SubscribeToShard", asked.clone()).await, code, "{asked}");
    }
}
