//! Where the streams are: opening the endpoint that flags and settings name, and making sure of streams there.

use std::{error::Error, sync::Arc};

use tidemill_backends::kinesis::{AwsKinesis, AwsSettings};
use tidemill_engine::{
    kinesis::{ErrorKind, Kinesis, KinesisError, StreamMode, StreamStatus, StreamSummary},
    limits,
    stream::StreamRef,
};
use tidemill_local_kinesis::StartError;
use tokio::time::{Instant, sleep};

use crate::{exit::Exit, failure::Failure};

/// Opens a client. Region and credentials are found here, so that a lack of them is told before any work.
pub async fn open(settings: &AwsSettings) -> Result<Arc<dyn Kinesis>, Failure> {
    match AwsKinesis::connect(settings).await {
        Ok(kinesis) => Ok(Arc::new(kinesis)),
        Err(error) => Err(Failure::caused(Exit::Surroundings, &error)),
    }
}

/// How any AWS client joins an endpoint of this machine.
pub fn introduction(url: &str) -> String {
    format!(
        "kinesis at {url}\n  join with any AWS client: AWS_ENDPOINT_URL={url} AWS_REGION=us-east-1 \
         AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local"
    )
}

/// The embedded Kinesis could not start.
pub fn not_started(error: &StartError) -> Failure {
    Failure::caused(Exit::Surroundings, error as &dyn Error)
}

/// Creates a stream and waits until it is active.
pub async fn create_stream(
    kinesis: &dyn Kinesis,
    stream: &StreamRef,
    mode: StreamMode,
) -> Result<StreamSummary, Failure> {
    kinesis.create_stream(stream, mode).await.map_err(|error| Failure::of_stream(stream, &error))?;
    active_stream(kinesis, stream).await
}

/// A stream, once it is active; created if it is missing and that is wanted.
pub async fn ensure_stream(
    kinesis: &dyn Kinesis,
    stream: &StreamRef,
    create: Option<StreamMode>,
) -> Result<StreamSummary, Failure> {
    match (kinesis.describe_stream_summary(stream).await, create) {
        (Err(KinesisError { kind: ErrorKind::NotFound, .. }), Some(mode)) => {
            tracing::info!(%stream, ?mode, "creating the stream");
            create_stream(kinesis, stream, mode).await
        }
        (Err(error), _) => Err(Failure::of_stream(stream, &error)),
        (Ok(_), _) => active_stream(kinesis, stream).await,
    }
}

/// Waits, for a bounded time, until a stream can be used.
pub async fn active_stream(kinesis: &dyn Kinesis, stream: &StreamRef) -> Result<StreamSummary, Failure> {
    let until = Instant::now() + limits::STREAM_ACTIVE_WITHIN;
    loop {
        let described = kinesis.describe_stream_summary(stream).await;
        match described {
            Ok(summary) => match summary.status {
                StreamStatus::Active | StreamStatus::Updating => return Ok(summary),
                StreamStatus::Deleting => return Err(unusable(stream, summary.status)),
                StreamStatus::Creating if Instant::now() >= until => {
                    return Err(unusable(stream, summary.status));
                }
                StreamStatus::Creating => {}
            },
            Err(error) if error.is_retryable() && Instant::now() < until => {
                tracing::debug!(%stream, %error, "the stream could not be described; trying again");
            }
            Err(error) => return Err(Failure::of_stream(stream, &error)),
        }
        sleep(limits::STREAM_ACTIVE_INTERVAL).await;
    }
}

fn unusable(stream: &StreamRef, status: StreamStatus) -> Failure {
    let message = format!("the stream cannot be used: stream={stream} status={}", status.as_str());
    Failure::new(Exit::Surroundings, message).help("try again when it is ACTIVE")
}
