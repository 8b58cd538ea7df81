//! What can be asked: documents are put, and the host says how it is.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use axum::{
    Router,
    extract::{Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tidemill_engine::producer::Settled;
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{answer, documents::documents, intake::Intake, wish::Wish};
use crate::http::{
    answer::{Refusal, json as answered},
    body::Bodies,
};

/// What all requests share.
#[derive(Debug)]
pub struct Front {
    /// The streams, by the name that stands in the URL.
    pub intakes: BTreeMap<String, Intake>,
    /// Bounds the bodies.
    pub bodies: Bodies,
    /// Cancelled when the host stops.
    pub stop: CancellationToken,
}

/// The paths.
pub fn router(front: Arc<Front>) -> Router {
    Router::new()
        .route("/streams/{name}/records", post(put))
        .route("/streams", get(streams))
        .route("/healthz", get(health))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(front)
}

async fn put(State(front): State<Arc<Front>>, Path(name): Path<String>, request: Request) -> Response {
    front.put(&name, request).await.unwrap_or_else(IntoResponse::into_response)
}

impl Front {
    async fn put(&self, name: &str, request: Request) -> Result<Response, Refusal> {
        let (head, body) = request.into_parts();
        let (body, room) = self.bodies.read(&head.headers, body).await?;
        // Head and body are read before anything is refused: a client that is still sending would not see it.
        let intake = self.intake(name)?;
        let wish = Wish::of(&head)?;
        let documents = documents(&body, &wish, intake.producer.max_record_bytes())?;
        if self.stop.is_cancelled() {
            return Err(Refusal::stopping());
        }
        let count = documents.len();
        if count == 0 {
            return Ok(if wish.wait.is_some() { answer::settled(&[]) } else { answer::accepted(0) });
        }
        let answer = intake.take(documents, wish.wait.is_some()).await?;
        drop((body, room));
        match (answer, wish.wait) {
            (Some(answer), Some(longest)) => {
                let settled = timeout(longest, answer).await.map_err(|_| under_way(count))?;
                settled_or_lost(settled)
            }
            _ => Ok(answer::accepted(count)),
        }
    }

    fn intake(&self, name: &str) -> Result<&Intake, Refusal> {
        self.intakes.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.intakes.keys().map(String::as_str).collect();
            let message = format!("no such stream here: stream={name} known={}", known.join(","));
            Refusal::new(StatusCode::NOT_FOUND, "unknown-stream", message)
        })
    }
}

fn settled_or_lost(settled: Result<Vec<Settled>, oneshot::error::RecvError>) -> Result<Response, Refusal> {
    // Whoever watches over tickets ends only when all have settled, or when the grace period is over.
    settled.map(|results| answer::settled(&results)).map_err(|_| Refusal::stopping())
}

fn under_way(count: usize) -> Refusal {
    let message =
        format!("the documents are still under way and may yet reach the stream, documents={count}");
    Refusal::new(StatusCode::GATEWAY_TIMEOUT, "timeout", message)
}

async fn health(State(front): State<Arc<Front>>) -> Response {
    if front.stop.is_cancelled() {
        return Refusal::stopping().into_response();
    }
    answered(StatusCode::OK, &json!({ "status": "ok" }))
}

async fn streams(State(front): State<Arc<Front>>) -> Response {
    let streams: Vec<Value> = front.intakes.iter().map(|(name, intake)| shown(name, intake)).collect();
    answered(StatusCode::OK, &json!({ "streams": streams }))
}

fn shown(name: &str, intake: &Intake) -> Value {
    let (counts, counters) = (&intake.counts, intake.producer.counters());
    json!({
        "name": name,
        "stream": intake.stream.to_string(),
        "accepted": counts.accepted.load(Relaxed),
        "refused": counts.refused.load(Relaxed),
        "delivered": counts.delivered.load(Relaxed),
        "spooled": counts.spooled.load(Relaxed),
        "failed": counts.failed.load(Relaxed),
        "lost": counts.lost.load(Relaxed),
        "requests": counters.requests.load(Relaxed),
        "entries": counters.entries.load(Relaxed),
        "bytes": counters.bytes.load(Relaxed),
        "throttled": counters.throttled.load(Relaxed),
        "retried": counters.retried.load(Relaxed),
        "recovered": counters.recovered.load(Relaxed),
        "wrong-shard": counters.wrong_shard.load(Relaxed),
    })
}

async fn no_such_path() -> Refusal {
    let message = "no such path: there are POST /streams/NAME/records, GET /streams and GET /healthz";
    Refusal::new(StatusCode::NOT_FOUND, "unknown-path", message)
}

async fn no_such_method() -> Refusal {
    let message = "records are put with POST, the rest is read with GET";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", message)
}
