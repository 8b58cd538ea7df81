//! Where documents are put, and how producers are opened there.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use tidemill_backends::kinesis::AwsSettings;
use tidemill_engine::{
    kinesis::Kinesis,
    processor::Processor,
    producer::{Flush, FlushCallback, OpenError, Producer, ProducerSettings, ShardRate, spool::Spool},
    stream::StreamRef,
    time::Clock,
};

use crate::{config::ProducerConfig, endpoint, exit::Exit, failure::Failure};

/// An endpoint with what it takes by itself.
#[derive(Clone, Debug)]
pub struct Target {
    /// The endpoint.
    pub kinesis: Arc<dyn Kinesis>,
    /// What one shard takes; none where the endpoint is not AWS's own and so may have no limits.
    rate: Option<ShardRate>,
}

impl Target {
    /// AWS, or the endpoint that settings or environment name.
    pub async fn connect(settings: &AwsSettings) -> Result<Self, Failure> {
        let rate = (!settings.has_endpoint()).then(ShardRate::default);
        Ok(Self { kinesis: endpoint::open(settings).await?, rate })
    }

    /// The embedded Kinesis.
    pub fn embedded(kinesis: Arc<dyn Kinesis>) -> Self {
        Self { kinesis, rate: None }
    }

    /// Opens a producer. The label tells producers of one stream apart.
    pub async fn open(
        &self,
        config: &ProducerConfig,
        processor: Arc<dyn Processor>,
        stream: &StreamRef,
        label: &str,
        spool: Option<Arc<dyn Spool>>,
    ) -> Result<Producer, Failure> {
        let named = stream.clone();
        let settings = ProducerSettings {
            spool,
            on_flush: Some(FlushCallback::new(move |flush| log(&named, flush))),
            ..config.settings(self.rate, seed(label, stream))
        };
        let kinesis = Arc::clone(&self.kinesis);
        let opened = Producer::open(settings, stream.clone(), kinesis, processor).await;
        opened.map_err(|error| match error {
            OpenError::Stream(error) => endpoint::unusable(&error),
            refused @ OpenError::AutoDistribution { .. } => Failure::caused(Exit::Settings, &refused),
        })
    }
}

fn log(stream: &StreamRef, flush: &Flush) {
    let Flush { entries, documents, bytes, failed_entries, duration } = *flush;
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(%stream, entries, documents, bytes, failed = failed_entries, ms, "flush");
}

/// Producers that start in the same millisecond differ by their streams and labels.
fn seed(label: &str, stream: &StreamRef) -> u64 {
    let mut hasher = DefaultHasher::new();
    (label, stream).hash(&mut hasher);
    Clock::system().now().0 ^ hasher.finish()
}
