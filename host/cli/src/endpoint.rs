//! Where the streams are: opening the endpoint that flags and settings name, and making sure of streams there.

use std::{error::Error, sync::Arc};

use tidemill_backends::kinesis::{AwsKinesis, AwsSettings};
use tidemill_engine::{
    kinesis::{self, Kinesis, StreamError, StreamMode, StreamSummary},
    stream::StreamRef,
};
use tidemill_local_kinesis::StartError;

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
    kinesis::create_stream(kinesis, stream, mode).await.map_err(|error| unusable(&error))
}

/// A stream that can be used; created if it is missing and that is wanted.
pub async fn ensure_stream(
    kinesis: &dyn Kinesis,
    stream: &StreamRef,
    create: Option<StreamMode>,
) -> Result<StreamSummary, Failure> {
    kinesis::ensure_stream(kinesis, stream, create).await.map_err(|error| unusable(&error))
}

/// A stream cannot be used.
pub fn unusable(error: &StreamError) -> Failure {
    match error {
        StreamError::Call { stream, error } => Failure::of_stream(stream, error),
        StreamError::Unusable { .. } => {
            Failure::new(Exit::Surroundings, error.to_string()).help("try again when it is ACTIVE")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tidemill_engine::{
        kinesis::{
            StreamStatus,
            memory::{MemoryKinesis, Settings},
        },
        time::{Clock, UnixMillis},
    };

    use super::*;

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
        assert_eq!(
            (missing.exit(), missing.to_string().as_str()),
            (Exit::Surroundings, "no such stream: stream=orders")
        );
        assert!(missing.help_text().unwrap().starts_with("create it with `tidemill streams create orders"));
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
        assert_eq!(twice.to_string(), "the stream exists already: stream=orders");
        kinesis.delete_stream(&stream()).await.unwrap();
        let going = ensure_stream(&kinesis, &stream(), Some(FOUR)).await.unwrap_err();
        assert_eq!(going.to_string(), "the stream cannot be used: stream=orders status=DELETING");
    }
}
