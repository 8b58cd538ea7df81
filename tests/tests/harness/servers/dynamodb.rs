//! A DynamoDB: dynoxide, in memory.

use std::{path::Path, process::Command};

use aws_sdk_dynamodb::Client;
use futures::FutureExt;
use tidemill_backends::dynamodb::{self, AwsSettings};

use super::{found, process::Server};

/// The DynamoDB.
#[derive(Debug)]
pub struct DynamoDb {
    server: Server,
}

impl DynamoDb {
    /// Starts one; none where it is not installed.
    pub async fn start() -> Option<Self> {
        let program = found::installed("bin/dynoxide")?;
        let command = move |port: u16, _: &Path| {
            let mut command = Command::new(&program);
            command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
            command
        };
        let ready = |port| async move { client(&url(port)).await.list_tables().send().await.is_ok() }.boxed();
        Some(Self { server: Server::start(command, ready).await })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        url(self.server.port())
    }

    /// A client of it.
    pub async fn client(&self) -> Client {
        client(&self.url()).await
    }

    /// The process, to be killed, frozen and thawed.
    pub fn process(&mut self) -> &mut Server {
        &mut self.server
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

async fn client(url: &str) -> Client {
    let settings = AwsSettings { endpoint_url: Some(url.to_owned()), ..AwsSettings::default() };
    dynamodb::connect(&settings).await.expect("an endpoint of this machine needs no more")
}
