//! A client of the admin API of one host.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tidemill_engine::{deploy::Part, limits};
use tokio::time::timeout;

use crate::{deploying::query::Query, exit::Exit, failure::Failure};

/// One host.
pub struct Client {
    url: String,
    token: Option<String>,
    http: legacy::Client<HttpConnector, Full<Bytes>>,
}

/// How a host shows one of its parts.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ShownPart {
    /// Its name.
    pub part: String,
    /// The version that was applied last.
    pub applied: u64,
    /// What the application wants of it.
    pub wanted: Option<ShownVersion>,
    /// What was not let in.
    pub refused: Option<ShownRefusal>,
}

/// A version of what is wanted.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct ShownVersion {
    /// Its number.
    pub version: u64,
    /// Why it is wanted.
    pub why: String,
}

/// A version that was not let in.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct ShownRefusal {
    /// Its number.
    pub version: u64,
    /// Why not.
    pub why: String,
}

impl Client {
    /// A client of the host at a URL. Nothing is asked yet.
    pub fn new(url: &str, token: Option<String>) -> Result<Self, Failure> {
        if !url.starts_with("http://") {
            let message = format!("not the URL of an admin API: it begins with http://, got={url:?}");
            return Err(Failure::new(Exit::Usage, message));
        }
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(limits::ADMIN_ANSWER_WAIT));
        let http = legacy::Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { url: url.trim_end_matches('/').to_owned(), token, http })
    }

    /// Where the host is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Reads a path.
    pub async fn get(&self, path: &str, query: &Query) -> Result<Value, Failure> {
        self.send("GET", path, query, Bytes::new()).await
    }

    /// Has the host do something.
    pub async fn post(&self, path: &str, query: &Query, body: Bytes) -> Result<Value, Failure> {
        self.send("POST", path, query, body).await
    }

    /// The parts of the host.
    pub async fn parts(&self) -> Result<Vec<ShownPart>, Failure> {
        let status = self.get("/status", &Query::default()).await?;
        serde_json::from_value(status["parts"].clone()).map_err(|error| self.not_understood(&error))
    }

    /// The part that is meant.
    pub async fn part(&self, pipeline: Option<&str>, role: Option<&str>) -> Result<Part, Failure> {
        let shown = self.parts().await?;
        let parts: Result<Vec<Part>, _> = shown.iter().map(|shown| shown.part.parse()).collect();
        let parts = parts.map_err(|error| self.not_understood(&error))?;
        crate::deploying::parts::choose(&parts, pipeline, role).map_err(super::unknown_part)
    }

    async fn send(&self, method: &str, path: &str, query: &Query, body: Bytes) -> Result<Value, Failure> {
        let mut request =
            axum::http::Request::builder().method(method).uri(format!("{}{path}?{}", self.url, query.text()));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body)).map_err(|error| {
            Failure::new(Exit::Usage, format!("not the URL of an admin API: {error}, url={}", self.url))
        })?;
        let asking = async {
            let answer = self.http.request(request).await.map_err(|error| self.unreachable(&error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, limits::ADMIN_ANSWER_BYTES).collect().await;
            let body = body.map_err(|error| self.unreachable(&*error))?.to_bytes();
            let answer: Value = serde_json::from_slice(&body).map_err(|error| self.not_understood(&error))?;
            if head.status.is_success() { Ok(answer) } else { Err(self.refused(&answer)) }
        };
        let wait = query.wait.unwrap_or(Duration::ZERO) + limits::ADMIN_ANSWER_WAIT;
        timeout(wait, asking).await.unwrap_or_else(|_| Err(self.silent(wait)))
    }

    fn refused(&self, answer: &Value) -> Failure {
        let message = answer["message"].as_str().unwrap_or("the host refused without a reason");
        let exit = match answer["error"].as_str() {
            Some("unknown-part" | "bad-request" | "no-change") => Exit::Usage,
            _ => Exit::Surroundings,
        };
        let failure = Failure::new(exit, format!("{message}, host={}", self.url));
        match answer["error"].as_str() {
            Some("unauthorized") => failure.help("name the variable that holds the token with --token-env"),
            _ => failure,
        }
    }

    fn unreachable(&self, error: &dyn std::error::Error) -> Failure {
        let reason = Failure::caused(Exit::Surroundings, error);
        let message = format!("the admin API cannot be reached: {reason}, url={}", self.url);
        Failure::new(Exit::Surroundings, message).help(
            "name the host with --admin URL; its settings need the table [admin]; --application NAME goes to the \
             lease store instead",
        )
    }

    fn silent(&self, wait: Duration) -> Failure {
        let wait = humantime::format_duration(wait);
        Failure::new(
            Exit::Surroundings,
            format!("the host did not answer in time, wait={wait} url={}", self.url),
        )
    }

    fn not_understood(&self, error: &dyn std::error::Error) -> Failure {
        let message = format!("what answers is no admin API of this version: {error}, url={}", self.url);
        Failure::new(Exit::Surroundings, message)
    }
}
