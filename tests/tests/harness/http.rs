//! A client of ingest and of the admin API: one connection, one request after the other.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request, StatusCode,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tidemill_engine::task::{self, Task};
use tokio::{net::TcpStream, time::timeout};

use super::{PATIENCE, host::Host};

/// One connection to a host.
pub struct Client {
    address: String,
    sender: SendRequest<Full<Bytes>>,
    _connection: Task<()>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; a text where it is no JSON.
    pub body: Value,
}

impl Client {
    /// Connects to ingest.
    pub async fn of(host: &Host) -> Self {
        Self::at(host.ingest()).await
    }

    /// Connects to the admin API.
    pub async fn of_admin(host: &Host) -> Self {
        Self::at(host.admin().trim_start_matches("http://").to_owned()).await
    }

    async fn at(address: String) -> Self {
        let stream = TcpStream::connect(&address).await.expect("the host listens");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("it speaks HTTP");
        let connection = task::spawn("http-client", async move {
            // An error is seen by whoever waits for an answer.
            let _ = connection.await;
        });
        Self { address, sender, _connection: connection }
    }

    /// Puts a body to `/streams/` and the rest of the path, with headers.
    pub async fn put(&mut self, rest: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        self.post(&format!("/streams/{rest}"), headers, body).await
    }

    /// Posts a body to a path, with headers.
    pub async fn post(&mut self, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let request = Request::post(path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request, body.into()).await
    }

    /// Reads a path.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path), Bytes::new()).await
    }

    /// Reads a path, with headers.
    pub async fn get_with(&mut self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = Request::get(path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request, Bytes::new()).await
    }

    /// What the host says of its only stream.
    pub async fn stream(&mut self) -> Value {
        self.get("/streams").await.body["streams"][0].clone()
    }

    async fn send(&mut self, request: hyper::http::request::Builder, body: Bytes) -> Answer {
        let request =
            request.header("host", &self.address).body(Full::new(body)).expect("the request is one");
        let answer = timeout(PATIENCE, self.sender.send_request(request)).await.expect("an answer comes");
        let (head, body) = answer.expect("the connection stays").into_parts();
        let body = body.collect().await.expect("the answer is whole").to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
        let body = serde_json::from_slice(&body).unwrap_or_else(|_| text());
        Answer { status: head.status, headers: head.headers, body }
    }
}
