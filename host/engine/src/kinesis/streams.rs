//! Making sure of a stream before it is used.

use thiserror::Error;
use tokio::time::{Instant, sleep};

use super::{ErrorKind, Kinesis, KinesisError, StreamMode, StreamStatus, StreamSummary};
use crate::{limits, stream::StreamRef};

/// A stream cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StreamError {
    /// A call failed: the stream is not there, or cannot be asked.
    #[error("{error}, stream={stream}")]
    Call {
        /// The stream.
        stream: StreamRef,
        /// What failed.
        error: KinesisError,
    },
    /// It is not usable yet after a long wait, or not any more.
    #[error("the stream cannot be used: stream={stream} status={}", status.as_str())]
    Unusable {
        /// The stream.
        stream: StreamRef,
        /// Its state.
        status: StreamStatus,
    },
}

/// A new stream, once it is active.
///
/// # Errors
/// Any failure of CreateStream, also where the stream exists; a stream that does not become active in time.
///
/// # Cancel safety
/// Safe; the stream may have been created.
pub async fn create_stream(
    kinesis: &dyn Kinesis,
    stream: &StreamRef,
    mode: StreamMode,
) -> Result<StreamSummary, StreamError> {
    let created = kinesis.create_stream(stream, mode).await;
    created.map_err(|error| StreamError::Call { stream: stream.clone(), error })?;
    usable(stream, settled(kinesis, stream).await)
}

/// A stream that can be used; created if it is missing and that is wanted.
///
/// # Errors
/// A stream that is missing, is going, or does not become active in time; any failure but throttling of the calls.
///
/// # Cancel safety
/// Safe; the stream may have been created.
pub async fn ensure_stream(
    kinesis: &dyn Kinesis,
    stream: &StreamRef,
    create: Option<StreamMode>,
) -> Result<StreamSummary, StreamError> {
    let found = settled(kinesis, stream).await;
    let (Err(KinesisError { kind: ErrorKind::NotFound, .. }), Some(mode)) = (&found, create) else {
        return usable(stream, found);
    };
    tracing::info!(%stream, ?mode, "creating the stream");
    match kinesis.create_stream(stream, mode).await {
        // Another worker was faster, which is as good.
        Err(error) if error.kind != ErrorKind::Exists => {
            Err(StreamError::Call { stream: stream.clone(), error })
        }
        Ok(()) | Err(_) => usable(stream, settled(kinesis, stream).await),
    }
}

/// The stream's state once it is not being created any more, or when waiting for that took too long. Being throttled
/// is waited out; whatever else goes wrong is told at once, because a person is waiting.
async fn settled(kinesis: &dyn Kinesis, stream: &StreamRef) -> Result<StreamSummary, KinesisError> {
    let until = Instant::now() + limits::STREAM_ACTIVE_WITHIN;
    loop {
        let described = kinesis.describe_stream_summary(stream).await;
        let may_change = match &described {
            Ok(summary) => summary.status == StreamStatus::Creating,
            Err(error) => error.kind == ErrorKind::Throttled,
        };
        if !may_change || Instant::now() >= until {
            return described;
        }
        sleep(limits::STREAM_ACTIVE_INTERVAL).await;
    }
}

fn usable(
    stream: &StreamRef,
    found: Result<StreamSummary, KinesisError>,
) -> Result<StreamSummary, StreamError> {
    let summary = found.map_err(|error| StreamError::Call { stream: stream.clone(), error })?;
    match summary.status {
        StreamStatus::Active | StreamStatus::Updating => Ok(summary),
        status @ (StreamStatus::Creating | StreamStatus::Deleting) => {
            Err(StreamError::Unusable { stream: stream.clone(), status })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        kinesis::memory::{MemoryKinesis, Settings},
        time::{Clock, UnixMillis},
    };

    const FOUR: StreamMode = StreamMode::Provisioned { shards: 4 };

    /// A Kinesis whose streams take a second to be created and to go.
    fn kinesis() -> MemoryKinesis {
        let clock = Clock::paced(UnixMillis(1_700_000_000_000));
        MemoryKinesis::new(clock, Settings { transition: Duration::from_secs(1), ..Settings::default() })
    }

    fn stream() -> StreamRef {
        "orders".parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_stream_is_created_only_if_that_is_wanted() {
        let kinesis = kinesis();
        let missing = ensure_stream(&kinesis, &stream(), None).await.unwrap_err();
        assert!(
            matches!(&missing, StreamError::Call { error, .. } if error.kind == ErrorKind::NotFound),
            "{missing}"
        );
        let created = ensure_stream(&kinesis, &stream(), Some(FOUR)).await.unwrap();
        assert_eq!((created.status, created.open_shards), (StreamStatus::Active, 4));
        let there = ensure_stream(&kinesis, &stream(), Some(StreamMode::OnDemand)).await.unwrap();
        assert_eq!(there.open_shards, 4, "a stream that is there stays as it is");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_exists_or_is_going_is_told_as_such() {
        let kinesis = kinesis();
        create_stream(&kinesis, &stream(), FOUR).await.unwrap();
        let twice = create_stream(&kinesis, &stream(), FOUR).await.unwrap_err();
        assert!(matches!(&twice, StreamError::Call { error, .. } if error.kind == ErrorKind::Exists));
        kinesis.delete_stream(&stream()).await.unwrap();
        let going = ensure_stream(&kinesis, &stream(), Some(FOUR)).await.unwrap_err();
        assert_eq!(going.to_string(), "the stream cannot be used: stream=orders status=DELETING");
    }
}
