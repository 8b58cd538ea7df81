//! ferrokinesis, from crates.io: an emulator of others that pushes records to subscribers.

use std::{path::Path, process::Command};

use futures::FutureExt;
use tidemill_backends::kinesis::{AwsKinesis, AwsSettings};
use tidemill_engine::{
    kinesis::{Kinesis, StreamMode, ensure_stream},
    stream::StreamRef,
};

use super::{found, process::Server};

/// A running ferrokinesis.
pub struct Ferrokinesis {
    server: Server,
}

impl Ferrokinesis {
    /// Starts one; none where it is not installed.
    pub async fn start() -> Option<Self> {
        let program = found::installed("bin/ferrokinesis")?;
        let command = move |port: u16, _: &Path| {
            let mut command = Command::new(&program);
            command.args(["--port", &port.to_string(), "--log-level", "error"]);
            command
        };
        let ready = |port| async move { client(port).await.list_streams(None).await.is_ok() }.boxed();
        Some(Self { server: Server::start(command, ready).await })
    }

    /// A client of it.
    pub async fn kinesis(&self) -> AwsKinesis {
        client(self.server.port()).await
    }

    /// Creates a stream and waits until it takes records.
    pub async fn create(&self, stream: &StreamRef, shards: u32) {
        let mode = StreamMode::Provisioned { shards };
        ensure_stream(&self.kinesis().await, stream, Some(mode)).await.expect("the stream is new");
    }
}

async fn client(port: u16) -> AwsKinesis {
    let url = format!("http://127.0.0.1:{port}");
    let settings = AwsSettings { endpoint_url: Some(url), ..AwsSettings::default() };
    AwsKinesis::connect(&settings).await.expect("an endpoint of this machine needs no more")
}
