//! A client that knows as little as can be: it sends a body and gives status, headers and body back.

use crate::{LocalKinesis, Settings};
use ciborium::Value as Cbor;
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tidemill_engine::task;
use tokio::net::TcpStream;

pub const JSON: &str = "application/x-amz-json-1.1";
pub const CBOR: &str = "application/x-amz-cbor-1.1";
pub const FIRST: &str = "shardId-000000000000";

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        if self.body.is_empty() { Value::Null } else { serde_json::from_slice(&self.body).unwrap() }
    }

    /// The error's name, after a look at all the places where a client may read it.
    pub fn error(&self) -> String {
        let body = self.json();
        let name = body["__type"].as_str().unwrap_or_else(|| panic!("no error: {body}")).to_owned();
        assert_eq!(self.headers["x-amzn-errortype"], name.as_str());
        assert!(body["message"].is_string(), "{body}");
        assert!(self.status.is_client_error(), "{}", self.status);
        name
    }
}

/// A started server with settings for tests: no states in between.
pub async fn start() -> LocalKinesis {
    LocalKinesis::start(settings()).await.unwrap()
}

pub fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.model.transition = std::time::Duration::ZERO;
    settings
}

/// A request to an operation, signed by nobody in particular.
pub fn request(operation: &str, content_type: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    Request::post("/")
        .header("host", "localhost")
        .header("content-type", content_type)
        .header("x-amz-target", format!("Kinesis_20131202.{operation}"))
        .header("authorization", "AWS4-HMAC-SHA256 Credential=any")
        .body(Full::new(body.into()))
        .unwrap()
}

/// A connection, which ends when this is dropped.
pub type Open = task::Task<hyper::Result<()>>;

/// Sends a request and gives the answer before its body, with the connection that it comes over.
pub async fn open(url: &str, request: Request<Full<Bytes>>) -> (Response<Incoming>, Open) {
    let stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let (mut sender, connection) = conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = task::spawn("client", connection);
    (sender.send_request(request).await.unwrap(), connection)
}

/// The same over cleartext HTTP/2, without an upgrade.
pub async fn open_h2(url: &str, request: Request<Full<Bytes>>) -> (Response<Incoming>, Open) {
    let stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let (mut sender, connection) =
        conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = task::spawn("client", connection);
    (sender.send_request(request).await.unwrap(), connection)
}

pub async fn send(url: &str, request: Request<Full<Bytes>>) -> Answer {
    let (response, _connection) = open(url, request).await;
    answer(response).await
}

pub async fn send_h2(url: &str, request: Request<Full<Bytes>>) -> Answer {
    let (response, _connection) = open_h2(url, request).await;
    answer(response).await
}

async fn answer(response: Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    assert!(head.headers.contains_key("x-amzn-requestid"));
    Answer { status: head.status, headers: head.headers, body }
}

pub async fn call(local: &LocalKinesis, operation: &str, body: Value) -> Answer {
    send(local.url(), request(operation, JSON, body.to_string().into_bytes())).await
}

/// A call that has to succeed.
pub async fn ok(local: &LocalKinesis, operation: &str, body: Value) -> Value {
    let answer = call(local, operation, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{operation}: {:?}", answer.json());
    assert_eq!(answer.headers["content-type"], JSON);
    answer.json()
}

/// The error of a call that has to fail.
pub async fn refused(local: &LocalKinesis, operation: &str, body: Value) -> String {
    call(local, operation, body).await.error()
}

/// The fields of an answer in CBOR.
pub async fn ok_cbor(local: &LocalKinesis, operation: &str, body: Cbor) -> Cbor {
    let mut bytes = Vec::new();
    ciborium::into_writer(&body, &mut bytes).unwrap();
    let answer = send(local.url(), request(operation, CBOR, bytes)).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(answer.headers["content-type"], CBOR);
    if answer.body.is_empty() { Cbor::Null } else { ciborium::from_reader(&answer.body[..]).unwrap() }
}

pub async fn create(local: &LocalKinesis, name: &str, shards: u32) {
    ok(local, "CreateStream", json!({"StreamName": name, "ShardCount": shards})).await;
}

pub async fn iterator(local: &LocalKinesis, stream: &str, shard: &str) -> String {
    let asked = json!({"StreamName": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    ok(local, "GetShardIterator", asked).await["ShardIterator"].as_str().unwrap().to_owned()
}

/// The data of all records on a shard, in base64.
pub async fn data(local: &LocalKinesis, stream: &str, shard: &str) -> Vec<String> {
    let iterator = iterator(local, stream, shard).await;
    let read = ok(local, "GetRecords", json!({"ShardIterator": iterator})).await;
    let records = read["Records"].as_array().unwrap();
    records.iter().map(|record| record["Data"].as_str().unwrap().to_owned()).collect()
}
