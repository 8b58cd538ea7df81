//! kinesis-local, from npm: the one emulator of others whose shards follow each other as the service's do.
//!
//! It takes about a thousand records for every second of processor time, so whoever uses it keeps the data small.

use std::{
    env,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http1::handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tidemill_backends::kinesis::{AwsKinesis, AwsSettings};
use tidemill_engine::{
    kinesis::{Kinesis, StreamMode, StreamStatus},
    stream::StreamRef,
    task,
};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use crate::harness::until;

/// How long a stream is being created or resharded: long enough to be seen, short enough to wait for.
const TRANSITION: &str = "50ms";
/// What takes a while there.
const OPERATIONS: [&str; 6] = [
    "CREATE_STREAM",
    "DELETE_STREAM",
    "SPLIT_SHARD",
    "MERGE_SHARDS",
    "UPDATE_SHARD_COUNT",
    "REGISTER_STREAM_CONSUMER",
];

/// A running kinesis-local. Dropping it kills it.
pub struct KinesisLocal {
    url: String,
    kinesis: AwsKinesis,
    _child: Child,
}

impl KinesisLocal {
    /// Starts it on a free port; none where it is not installed, which is told.
    pub async fn start() -> Option<Self> {
        let program = installed()?;
        let (port, tls) = (free_port(), free_port());
        let mut command = Command::new("node");
        command
            .arg(&program)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command
            .env("KINESIS_MOCK_PLAIN_PORT", port.to_string())
            .env("KINESIS_MOCK_TLS_PORT", tls.to_string());
        command.env("KINESIS_MOCK_CERT_PATH", program.with_file_name("server.json"));
        command.env("SHARD_LIMIT", "100").env("LOG_LEVEL", "ERROR");
        command.envs(OPERATIONS.map(|operation| (format!("{operation}_DURATION"), TRANSITION)));
        let child = command.spawn().expect("node is installed where kinesis-local is");
        let url = format!("http://127.0.0.1:{port}");
        let settings = AwsSettings { endpoint_url: Some(url.clone()), ..AwsSettings::default() };
        let kinesis = AwsKinesis::connect(&settings).await.expect("the endpoint is a URL");
        until("kinesis-local answers", async || kinesis.list_streams(None).await.ok()).await;
        Some(Self { url, kinesis, _child: child })
    }

    /// Where clients reach it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same through the AWS SDK.
    pub fn kinesis(&self) -> &AwsKinesis {
        &self.kinesis
    }

    /// Creates a stream and waits until it takes records.
    pub async fn create(&self, stream: &StreamRef, shards: u32) {
        let created = self.kinesis.create_stream(stream, StreamMode::Provisioned { shards }).await;
        created.expect("the stream is new");
        self.active(stream).await;
    }

    /// Calls an operation that only tests need, and waits until the stream is active again.
    pub async fn reshard(&self, operation: &str, stream: &StreamRef, mut asked: Value) {
        asked["StreamName"] = stream.name().into();
        let address = self.url.trim_start_matches("http://");
        let connected = TcpStream::connect(address).await.expect("it listens");
        let (mut sender, connection) = handshake(TokioIo::new(connected)).await.expect("it speaks HTTP");
        let _connection = task::spawn("control", connection);
        let request = Request::post("/")
            .header("host", address)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("Kinesis_20131202.{operation}"))
            .header("authorization", SIGNED_BY_ANYBODY)
            .header("x-amz-date", "20260101T000000Z")
            .body(Full::new(Bytes::from(asked.to_string())))
            .expect("the request is one");
        let (head, body) = sender.send_request(request).await.expect("it answers").into_parts();
        let body = body.collect().await.expect("the answer is whole").to_bytes();
        assert!(head.status.is_success(), "{operation}: {} {body:?}", head.status);
        self.active(stream).await;
    }

    async fn active(&self, stream: &StreamRef) {
        until("the stream is active", async || {
            let summary = self.kinesis.describe_stream_summary(stream).await.expect("it exists");
            (summary.status == StreamStatus::Active).then_some(())
        })
        .await;
    }
}

/// It looks for the form of a signature and checks none.
const SIGNED_BY_ANYBODY: &str = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/kinesis/aws4_request, \
     SignedHeaders=host;x-amz-date;x-amz-target, Signature=00";

/// Where it is installed; none where it is not.
fn installed() -> Option<PathBuf> {
    let target =
        Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's folder is in its target folder");
    let program = target.join("servers/node_modules/kinesis-local/main.js");
    if program.exists() {
        return Some(program);
    }
    let must_be = env::var_os("TIDEMILL_NO_SKIPS").is_some_and(|value| !value.is_empty());
    assert!(!must_be, "kinesis-local is not installed: run `cargo xtask servers`");
    println!("SKIPPED: kinesis-local is not installed; `cargo xtask servers` installs it");
    None
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port is to be had");
    listener.local_addr().expect("it has an address").port()
}
