//! HTTP itself: versions, credentials, requests that are none, starting and stopping.

use crate::{LocalKinesis, StartError};
use http_body_util::Full;
use hyper::{Request, StatusCode};
use serde_json::json;
use tidemill_engine::{
    kinesis::{Kinesis, Position},
    record::ShardId,
};
use tokio::net::TcpStream;

use super::client::{FIRST, JSON, call, create, ok, refused, request, send, send_h2, settings, start};

#[tokio::test]
async fn http_2_is_spoken_without_tls() {
    let local = start().await;
    create(&local, "s", 1).await;
    let answer = send_h2(local.url(), request("ListStreams", JSON, b"{}".to_vec())).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["StreamNames"], json!(["s"]));
}

#[tokio::test]
async fn any_credentials_will_do_but_none_will_not() {
    let local = start().await;
    let mut unsigned = request("ListStreams", JSON, b"{}".to_vec());
    unsigned.headers_mut().remove("authorization");
    assert_eq!(send(local.url(), unsigned).await.error(), "MissingAuthenticationTokenException");
    let mut presigned = request("ListStreams", JSON, b"{}".to_vec());
    presigned.headers_mut().remove("authorization");
    *presigned.uri_mut() = "/?X-Amz-Signature=0".parse().unwrap();
    assert_eq!(send(local.url(), presigned).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_operation_is_refused_by_name() {
    let local = start().await;
    for operation in ["CreateQueue", "Nonsense", ""] {
        assert_eq!(refused(&local, operation, json!({})).await, "UnknownOperationException", "{operation}");
    }
    let bare =
        Request::get("/").header("host", "x").header("authorization", "any").body(Full::default()).unwrap();
    assert_eq!(send(local.url(), bare).await.error(), "UnknownOperationException");
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let local = start().await;
    for (body, code) in [
        ("", "SerializationException"),
        ("[", "SerializationException"),
        (r#"{"StreamName": 3}"#, "SerializationException"),
        (r#"{"ShardCount": 1}"#, "ValidationException"),
        (r#"{"StreamName": "s", "ShardCount": 0}"#, "ValidationException"),
        (r#"{"StreamName": "s", "ShardCount": -1}"#, "ValidationException"),
        (r#"{"StreamName": "s"}"#, "ValidationException"),
    ] {
        let answer = send(local.url(), request("CreateStream", JSON, body.into())).await;
        assert_eq!(answer.error(), code, "{body}");
    }
}

#[tokio::test]
async fn a_body_that_no_request_needs_is_refused_in_words() {
    let local = start().await;
    let answer = send(local.url(), request("PutRecords", JSON, vec![b' '; 17 << 20])).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.error(), "InvalidArgumentException");
    assert!(answer.json()["message"].as_str().unwrap().contains("limit="));
}

#[tokio::test]
async fn a_host_in_the_same_process_shares_the_streams() {
    let local = start().await;
    create(&local, "s", 1).await;
    ok(&local, "PutRecord", json!({"StreamName": "s", "Data": "YQ==", "PartitionKey": "k"})).await;
    let (kinesis, stream) = (local.kinesis(), "s".parse().unwrap());
    let iterator =
        kinesis.get_shard_iterator(&stream, &ShardId::from(FIRST), &Position::TrimHorizon).await.unwrap();
    let fetch = kinesis.get_records(&stream, &iterator, 10).await.unwrap();
    assert_eq!(fetch.records[0].data.as_ref(), b"a");
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_says_what_to_do() {
    let local = start().await;
    let mut taken = settings();
    taken.port = local.url().rsplit(':').next().unwrap().parse().unwrap();
    let error = LocalKinesis::start(taken).await.unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }));
    assert!(error.to_string().contains("choose another port"), "{error}");
}

#[tokio::test]
async fn stopping_answers_what_is_under_way_and_then_listens_no_more() {
    let local = start().await;
    let url = local.url().to_owned();
    assert_eq!(call(&local, "ListStreams", json!({})).await.status, StatusCode::OK);
    local.stop().await;
    assert!(TcpStream::connect(url.trim_start_matches("http://")).await.is_err());
}

#[tokio::test]
async fn a_dropped_server_listens_no_more() {
    let local = start().await;
    let address = local.url().trim_start_matches("http://").to_owned();
    drop(local);
    // The task ends at its next await, which comes when this one yields; an attempt or two may still get through.
    for _ in 0..1_000 {
        if TcpStream::connect(&address).await.is_err() {
            return;
        }
    }
    panic!("the dropped server still listens");
}
