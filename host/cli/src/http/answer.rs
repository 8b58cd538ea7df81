//! What is answered over HTTP: JSON, whatever happens.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tidemill_engine::limits;

/// A request that was not done, for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    record: Option<usize>,
}

impl Refusal {
    /// A refusal with a word for programs and a message for people.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), record: None }
    }

    /// The request cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", message)
    }

    /// It is larger than the stream or the settings allow.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message)
    }

    /// There is no room now.
    pub fn full(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "full", message)
    }

    /// The host is stopping.
    pub fn stopping() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the host is stopping and takes nothing more")
    }

    /// Says which record of the request it is about, counted from 0.
    #[must_use]
    pub fn of_record(mut self, index: usize) -> Self {
        self.message = format!("record {index}: {}", self.message);
        self.record = Some(index);
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Shown {
            error: &'static str,
            message: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            record: Option<usize>,
        }
        let shown = Shown { error: self.code, message: self.message, record: self.record };
        let mut response = json(self.status, &shown);
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            let seconds = HeaderValue::from(limits::INGEST_RETRY_AFTER.as_secs());
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// Any answer.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let text = serde_json::to_vec(body).expect("answers have no maps with keys that are no text");
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
