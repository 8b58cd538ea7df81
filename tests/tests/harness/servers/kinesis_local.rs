//! kinesis-local, from npm: the one emulator of others whose shards follow each other as the service's do.
//!
//! It takes about a thousand records for every second of processor time, so whoever uses it keeps the data small.

use std::{path::Path, process::Command};

use bytes::Bytes;
use futures::FutureExt;
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
use tokio::net::TcpStream;

use super::{
    found,
    process::{Server, free_port},
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

/// A running kinesis-local.
pub struct KinesisLocal {
    server: Server,
    kinesis: AwsKinesis,
}

impl KinesisLocal {
    /// Starts one; none where it is not installed.
    pub async fn start() -> Option<Self> {
        let node = found::on_path("node", "install Node.js 20")?;
        let program = found::installed("node_modules/kinesis-local/main.js")?;
        let command = move |port: u16, _: &Path| command(&node, &program, port);
        let ready = |port| async move { client(port).await.list_streams(None).await.is_ok() }.boxed();
        let server = Server::start(command, ready).await;
        let kinesis = client(server.port()).await;
        Some(Self { server, kinesis })
    }

    /// Where clients reach it.
    pub fn url(&self) -> String {
        url(self.server.port())
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
        let address = format!("127.0.0.1:{}", self.server.port());
        let connected = TcpStream::connect(&address).await.expect("it listens");
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

fn command(node: &Path, program: &Path, port: u16) -> Command {
    let mut command = Command::new(node);
    command.arg(program).env("SHARD_LIMIT", "100").env("LOG_LEVEL", "ERROR");
    command.env("KINESIS_MOCK_PLAIN_PORT", port.to_string());
    // It does not start without a port and a certificate for TLS.
    command.env("KINESIS_MOCK_TLS_PORT", free_port().to_string());
    command.env("KINESIS_MOCK_CERT_PATH", program.with_file_name("server.json"));
    command.envs(OPERATIONS.map(|operation| (format!("{operation}_DURATION"), TRANSITION)));
    command
}

async fn client(port: u16) -> AwsKinesis {
    let settings = AwsSettings { endpoint_url: Some(url(port)), ..AwsSettings::default() };
    AwsKinesis::connect(&settings).await.expect("an endpoint of this machine needs no more")
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
