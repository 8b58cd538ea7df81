//! Reading bodies: as many bytes as the settings allow, in as much memory as all requests share, and in time.

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tidemill_engine::limits;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::answer::Refusal;

/// The memory that all bodies share while they are read and taken apart.
#[derive(Debug)]
pub struct Bodies {
    room: Semaphore,
    longest: usize,
}

impl Bodies {
    /// Room for bodies of at most so many bytes each and so many together; for one of them at least.
    pub fn new(longest: usize, together: usize) -> Self {
        Self { room: Semaphore::new(together.max(longest)), longest }
    }

    /// Reads a body when there is room for it. The room is given back with the permit.
    pub async fn read(
        &self,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(Bytes, SemaphorePermit<'_>), Refusal> {
        let length =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let room = length.unwrap_or(self.longest).min(self.longest);
        let room = self.room.acquire_many(u32::try_from(room).unwrap_or(u32::MAX));
        let room = timeout(limits::INGEST_REQUEST_WAIT, room).await;
        let room = room.map_err(|_| Refusal::full("too many requests are being read"))?;
        let room = room.expect("the semaphore is never closed");
        let body = timeout(limits::INGEST_REQUEST_WAIT, read(body, self.longest)).await;
        Ok((body.map_err(|_| slow())??, room))
    }
}

/// Reads a body up to its limit. A longer one is read to its end, within reason, and forgotten: a client that is still
/// sending would not see the answer.
async fn read(body: Body, longest: usize) -> Result<Bytes, Refusal> {
    let mut frames = body.into_data_stream();
    let (mut kept, mut length) = (BytesMut::new(), 0);
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|error| Refusal::bad_request(format!("the body broke off: {error}")))?;
        length += frame.len();
        if length <= longest {
            kept.extend_from_slice(&frame);
        } else if length > longest + limits::INGEST_DRAINED_BYTES {
            break;
        }
    }
    if length <= longest {
        return Ok(kept.freeze());
    }
    let message = format!("the body is too large: send it in parts, bytes_at_least={length} limit={longest}");
    Err(Refusal::too_large(message))
}

fn slow() -> Refusal {
    let seconds = limits::INGEST_REQUEST_WAIT.as_secs();
    Refusal::new(
        StatusCode::REQUEST_TIMEOUT,
        "slow",
        format!("the body did not come in time, wait_s={seconds}"),
    )
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    async fn of(body: Body, length: Option<u64>) -> Result<Bytes, String> {
        let bodies = Bodies::new(4, 8);
        let mut headers = HeaderMap::new();
        headers.extend(length.map(|length| (header::CONTENT_LENGTH, HeaderValue::from(length))));
        let read = bodies.read(&headers, body).await;
        read.map(|(body, _)| body).map_err(|refusal| format!("{refusal:?}"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_read_up_to_its_limit() {
        assert_eq!(of("four".into(), Some(4)).await, Ok("four".into()));
        assert_eq!(of("".into(), None).await, Ok("".into()));
        let refusal = of("fives".into(), None).await.unwrap_err();
        assert!(refusal.contains("status: 413") && refusal.contains("bytes_at_least=5 limit=4"), "{refusal}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_gives_its_room_back() {
        let silent = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        let refusal = of(silent, Some(4)).await.unwrap_err();
        assert!(refusal.contains("status: 408") && refusal.contains("wait_s=30"), "{refusal}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_is_told_to_come_again() {
        let bodies = Bodies::new(8, 8);
        let (_, held) = bodies.read(&HeaderMap::new(), "a".into()).await.unwrap();
        let refusal = bodies.read(&HeaderMap::new(), "b".into()).await.unwrap_err();
        assert!(format!("{refusal:?}").contains("status: 429"), "{refusal:?}");
        drop(held);
        assert_eq!(bodies.read(&HeaderMap::new(), "b".into()).await.unwrap().0, "b");
    }
}
