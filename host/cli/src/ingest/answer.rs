//! What ingest answers: JSON, whatever happens.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tidemill_engine::{
    limits,
    producer::{PutError, Settled},
};

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

/// The documents were taken, and nobody waited for them.
pub fn accepted(count: usize) -> Response {
    json(StatusCode::ACCEPTED, &serde_json::json!({ "accepted": count }))
}

/// What became of documents, in their order.
pub fn settled(results: &[Settled]) -> Response {
    #[derive(Serialize)]
    struct Shown<'a> {
        records: Vec<ShownRecord<'a>>,
        failed: usize,
    }
    let failed = results.iter().filter(|result| result.is_err()).count();
    json(StatusCode::OK, &Shown { records: results.iter().map(ShownRecord::of).collect(), failed })
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "kebab-case")]
enum ShownRecord<'a> {
    Placed { shard_id: &'a str, sequence_number: &'a str },
    Failed { error: String, code: &'static str },
}

impl<'a> ShownRecord<'a> {
    fn of(result: &'a Settled) -> Self {
        match result {
            Ok(placed) => {
                Self::Placed { shard_id: placed.shard.as_str(), sequence_number: placed.sequence.as_str() }
            }
            Err(error) => Self::Failed { error: error.to_string(), code: code(error) },
        }
    }
}

/// The word for a failure, for programs and for counting.
pub fn code(error: &PutError) -> &'static str {
    match error {
        PutError::Refused(_) => "refused",
        PutError::Rejected(_) => "rejected",
        PutError::GaveUp { .. } => "gave-up",
        PutError::Expired { .. } => "expired",
        PutError::Spooled => "spooled",
        PutError::Closed => "closed",
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
