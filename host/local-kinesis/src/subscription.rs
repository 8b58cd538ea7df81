//! The answer to SubscribeToShard: a body that goes on for as long as the subscription does.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use futures::stream;
use tidemill_engine::kinesis::memory::{ServiceError, Subscribed};
use tokio_util::sync::CancellationToken;

use crate::{
    frame::{self, Kind},
    operations,
    protocol::Format,
};

/// A subscription on its way to a client.
struct Answering {
    subscribed: Subscribed,
    format: Format,
    stop: CancellationToken,
    next: Next,
}

/// What goes out next.
enum Next {
    InitialResponse,
    Event,
    Nothing,
}

/// The body: the answer proper as a first message, which some clients wait for, then the events. It ends with the
/// subscription, behind an error, and when the server stops. A client that does not read is not written for.
pub(crate) fn body(subscribed: Subscribed, format: Format, stop: CancellationToken) -> Body {
    let answering = Answering { subscribed, format, stop, next: Next::InitialResponse };
    Body::from_stream(stream::unfold(answering, async |mut answering| {
        let message = answering.message().await?;
        Some((Ok::<_, Infallible>(Bytes::from(message)), answering))
    }))
}

impl Answering {
    async fn message(&mut self) -> Option<Vec<u8>> {
        match self.next {
            Next::InitialResponse => {
                self.next = Next::Event;
                let empty = std::collections::BTreeMap::<&str, &str>::new();
                let payload = self.format.write(&empty).unwrap_or_default();
                Some(self.write(Kind::Event("initial-response"), &payload))
            }
            Next::Event => {
                let event = tokio::select! {
                    biased;
                    () = self.stop.cancelled() => None,
                    event = self.subscribed.next() => event,
                }?;
                let event = event.and_then(|pushed| operations::event(self.format, &pushed));
                Some(match event {
                    Ok(payload) => self.write(Kind::Event("SubscribeToShardEvent"), &payload),
                    Err(error) => self.fail(&error),
                })
            }
            Next::Nothing => None,
        }
    }

    fn fail(&mut self, error: &ServiceError) -> Vec<u8> {
        self.next = Next::Nothing;
        // Among events, the service calls its own failure so.
        let code = if error.code == "InternalFailure" { "InternalFailureException" } else { error.code };
        self.write(Kind::Exception(code), &self.format.write_error(error))
    }

    fn write(&self, kind: Kind, payload: &[u8]) -> Vec<u8> {
        frame::message(kind, self.format.content_type(), payload)
    }
}
