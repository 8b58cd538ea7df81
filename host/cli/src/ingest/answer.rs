//! What ingest answers of documents.

use axum::{http::StatusCode, response::Response};
use serde::Serialize;
use tidemill_engine::producer::{PutError, Settled};

use crate::http::answer::json;

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
