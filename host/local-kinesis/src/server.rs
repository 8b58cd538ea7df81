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
    kinesis::memory::{MemoryKinesis, ServiceError, Subscribed},
    limits,
};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    frame, operations,
    protocol::{Format, status_of},
    subscription,
};

const TARGET: &str = "Kinesis_20131202.";

struct Server {
    kinesis: Arc<MemoryKinesis>,
    /// Bounds the bodies in memory.
    room: Semaphore,
    answered: AtomicU64,
    /// Ends subscriptions, which would go on for minutes.
    stop: CancellationToken,
}

/// Answers on a listener until told to stop, then finishes what is under way.
pub(crate) async fn serve(
    listener: TcpListener,
    kinesis: Arc<MemoryKinesis>,
    stop: CancellationToken,
) -> io::Result<()> {
    let server = Server {
        kinesis,
        room: Semaphore::new(limits::LOCAL_REQUESTS),
        answered: AtomicU64::new(0),
        stop: stop.clone(),
    };
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
    let mut response = match result {
        Ok(Answer::Whole(body)) => respond(StatusCode::OK, format.content_type(), body.into()),
        Ok(Answer::Subscription(subscribed)) => {
            let body = subscription::body(*subscribed, format, server.stop.clone());
            respond(StatusCode::OK, frame::CONTENT_TYPE, body)
        }
        Err(Refusal { status, error }) => refuse(status, format, &error),
    };
    if let Ok(id) = HeaderValue::try_from(format!("00000000-0000-0000-0000-{id:012x}")) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// What a call is answered with.
enum Answer {
    /// All of it.
    Whole(Vec<u8>),
    /// What comes, as it comes.
    Subscription(Box<Subscribed>),
}

impl Server {
    async fn call(&self, request: Request, format: Format) -> Result<Answer, Refusal> {
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
        let model = self.kinesis.model();
        let answer = match operation {
            "SubscribeToShard" => operations::subscribe(model, format, &body)
                .map(|subscribed| Answer::Subscription(Box::new(subscribed))),
            _ => operations::call(model, operation, format, &body).map(Answer::Whole),
        };
        // Even a refusal may rest on what another caller changed a moment ago.
        model.kept().await?;
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

fn respond(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn refuse(status: StatusCode, format: Format, error: &ServiceError) -> Response {
    let mut response = respond(status, format.content_type(), format.write_error(error).into());
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(error.code));
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
