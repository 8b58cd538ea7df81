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
    use tidemill_engine::{
        kinesis::memory::{MemoryKinesis, Settings},
        time::{Clock, UnixMillis},
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_cannot_be_used_is_told_with_what_to_do() {
        let kinesis = MemoryKinesis::new(Clock::paced(UnixMillis(0)), Settings::default());
        let orders: StreamRef = "orders".parse().unwrap();
        let missing = ensure_stream(&kinesis, &orders, None).await.unwrap_err();
        let told = (missing.exit(), missing.to_string());
        assert_eq!(told, (Exit::Surroundings, "no such stream: stream=orders".to_owned()));
        assert!(missing.help_text().unwrap().starts_with("create it with `tidemill streams create orders"));
        let one = StreamMode::Provisioned { shards: 1 };
        create_stream(&kinesis, &orders, one).await.unwrap();
        let twice = create_stream(&kinesis, &orders, one).await.unwrap_err();
        assert_eq!(twice.to_string(), "the stream exists already: stream=orders");
    }
}
