//! HTTP: one path, one method, the operation in a header.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
    serve::ListenerExt,
};
use futures::StreamExt;
use tidemill_engine::{
    kinesis::memory::{MemoryKinesis, ServiceError},
    limits,
};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    operations,
    protocol::{Format, status_of},
};

const TARGET: &str = "Kinesis_20131202.";

struct Server {
    kinesis: Arc<MemoryKinesis>,
    /// Bounds the bodies in memory.
    room: Semaphore,
    answered: AtomicU64,
}

/// Answers on a listener until told to stop, then finishes what is under way.
pub(crate) async fn serve(
    listener: TcpListener,
    kinesis: Arc<MemoryKinesis>,
    stop: CancellationToken,
) -> io::Result<()> {
    let server =
        Server { kinesis, room: Semaphore::new(limits::LOCAL_REQUESTS), answered: AtomicU64::new(0) };
    let app = Router::new().fallback(answer).with_state(Arc::new(server));
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection is slower than it could be");
        }
    });
    axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn answer(State(server): State<Arc<Server>>, request: Request) -> Response {
    let format = Format::of(text(request.headers(), &header::CONTENT_TYPE));
    let result = server.call(request, format).await;
    let id = server.answered.fetch_add(1, Ordering::Relaxed);
    let (status, kind, body) = match result {
        Ok(body) => (StatusCode::OK, None, body),
        Err(Refusal { status, error }) => (status, Some(error.code), format.write_error(&error)),
    };
    respond(status, kind, format, id, body)
}

impl Server {
    async fn call(&self, request: Request, format: Format) -> Result<Vec<u8>, Refusal> {
        let _room = self.room.acquire().await.expect("the semaphore is never closed");
        let (head, body) = request.into_parts();
        // The body is read even where the head is refused: a client that is still sending would not see the answer.
        let body = timeout(limits::LOCAL_BODY_WAIT, read(body)).await.map_err(|_| slow_body())??;
        let signed = head.headers.contains_key(header::AUTHORIZATION)
            || head.uri.query().is_some_and(|query| query.contains("X-Amz-Signature"));
        if !signed {
            let message =
                "Missing Authentication Token; any credentials will do, but the request must be signed";
            return Err(ServiceError::new("MissingAuthenticationTokenException", message).into());
        }
        let target = text(&head.headers, &HeaderName::from_static("x-amz-target"));
        let operation = target.strip_prefix(TARGET).unwrap_or_default();
        let answer = operations::call(self.kinesis.model(), operation, format, &body);
        // Even a refusal may rest on what another caller changed a moment ago.
        self.kinesis.model().kept().await?;
        Ok(answer?)
    }
}

/// An error with its status.
struct Refusal {
    status: StatusCode,
    error: ServiceError,
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        Self { status: status_of(&error), error }
    }
}

/// Reads a body up to the limit. A longer one is read to its end, within reason, and forgotten.
async fn read(body: Body) -> Result<Vec<u8>, Refusal> {
    let mut frames = body.into_data_stream();
    let (mut kept, mut length) = (Vec::new(), 0);
    while let Some(frame) = frames.next().await {
        let frame: Bytes =
            frame.map_err(|error| ServiceError::new("SerializationException", error.to_string()))?;
        length += frame.len();
        if length <= limits::LOCAL_BODY_BYTES {
            kept.extend_from_slice(&frame);
        } else if length > limits::LOCAL_BODY_DRAINED_BYTES {
            break;
        }
    }
    if length <= limits::LOCAL_BODY_BYTES {
        return Ok(kept);
    }
    let limit = limits::LOCAL_BODY_BYTES;
    let message = format!("Request body is too large: bytes_at_least={length} limit={limit}");
    let error = ServiceError::invalid_argument(message);
    Err(Refusal { status: StatusCode::PAYLOAD_TOO_LARGE, error })
}

fn slow_body() -> Refusal {
    let wait = limits::LOCAL_BODY_WAIT.as_secs();
    ServiceError::new("RequestExpired", format!("The request's body did not come in time: wait_s={wait}"))
        .into()
}

fn respond(
    status: StatusCode,
    kind: Option<&'static str>,
    format: Format,
    id: u64,
    body: Vec<u8>,
) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    if let Some(kind) = kind {
        headers.insert("x-amzn-errortype", HeaderValue::from_static(kind));
    }
    if let Ok(id) = HeaderValue::try_from(format!("00000000-0000-0000-0000-{id:012x}")) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
