//! The registered consumer that all readers of a pipeline share: found or registered once, by whoever needs it first.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::{
    kinesis::{ConsumerStatus, ErrorKind, Kinesis, KinesisError, StreamConsumer},
    stream::StreamRef,
};

/// The registered consumer of a stream.
#[derive(Debug)]
pub(super) struct Registration {
    kinesis: Arc<dyn Kinesis>,
    stream: StreamRef,
    name: String,
    /// The consumer's ARN once it is active. Held while it is looked for, so that one reader asks for all.
    active: Mutex<Option<Arc<str>>>,
}

impl Registration {
    pub(super) fn new(kinesis: Arc<dyn Kinesis>, stream: StreamRef, name: &str) -> Self {
        Self { kinesis, stream, name: name.to_owned(), active: Mutex::default() }
    }

    /// The consumer's ARN. It is registered if it is not there.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] while it is being created or deleted; whatever the calls fail with.
    ///
    /// # Cancel safety
    /// Safe; the consumer may have been registered.
    pub(super) async fn arn(&self) -> Result<Arc<str>, KinesisError> {
        let mut active = self.active.lock().await;
        if let Some(arn) = &*active {
            return Ok(Arc::clone(arn));
        }
        let consumer = self.find().await?;
        if consumer.status != ConsumerStatus::Active {
            let (name, status) = (&self.name, consumer.status.as_str());
            return Err(KinesisError {
                kind: ErrorKind::Busy,
                operation: "DescribeStreamConsumer",
                message: format!("the consumer is not active, consumer={name} status={status}"),
            });
        }
        let arn: Arc<str> = consumer.arn.into();
        *active = Some(Arc::clone(&arn));
        Ok(arn)
    }

    /// Has the consumer looked for again, because the service does not know it by this ARN.
    pub(super) async fn forget(&self, arn: &str) {
        let mut active = self.active.lock().await;
        if active.as_deref() == Some(arn) {
            *active = None;
        }
    }

    async fn find(&self) -> Result<StreamConsumer, KinesisError> {
        let kinesis = &self.kinesis;
        let stream_arn = match self.stream.arn() {
            Some(arn) => arn.to_owned(),
            None => kinesis.describe_stream_summary(&self.stream).await?.arn,
        };
        match kinesis.describe_stream_consumer(&stream_arn, &self.name).await {
            Err(error) if error.kind == ErrorKind::NotFound => {}
            found => return found,
        }
        tracing::info!(stream = %self.stream, consumer = self.name, "registering the consumer");
        match kinesis.register_stream_consumer(&stream_arn, &self.name).await {
            // Another worker was faster, which is as good.
            Err(error) if error.kind == ErrorKind::Exists => {
                kinesis.describe_stream_consumer(&stream_arn, &self.name).await
            }
            registered => registered,
        }
    }
}
