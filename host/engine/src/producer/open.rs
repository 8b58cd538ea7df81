//! Opening a producer on a stream: is it there, how large may its records be, may its records be aggregated.

use std::sync::Arc;

use thiserror::Error;

use super::{Producer, ProducerSettings, routing::Shards};
use crate::{
    kinesis::{Distribution, Kinesis, ShardFilter, StreamError, ensure_stream, list_all_shards},
    processor::{Processor, Sharing},
    stream::StreamRef,
};

/// A producer could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The stream cannot be used.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The processor packs documents by shard, and the service ignores where they belong.
    #[error(
        "the stream distributes records by itself (AUTO), and readers drop aggregated records that are not in the \
         shard of their keys: take a processor without kpl, or set the stream's record distribution to \
         USER_PARTITION_KEY, stream={stream}"
    )]
    AutoDistribution {
        /// The stream.
        stream: StreamRef,
    },
}

impl Producer {
    /// Opens a producer on a stream: creates it if that is asked and it is missing, waits until it is active, learns
    /// its largest record and its shards. Where only the shards cannot be listed, the producer starts without them
    /// and goes on asking.
    ///
    /// # Errors
    /// [`OpenError::Stream`] if the stream is not there, is going, or cannot be asked;
    /// [`OpenError::AutoDistribution`] if the processor packs documents by shard and the stream ignores their keys.
    ///
    /// # Cancel safety
    /// Safe; the stream may have been created.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn open(
        mut settings: ProducerSettings,
        stream: StreamRef,
        kinesis: Arc<dyn Kinesis>,
        processor: Arc<dyn Processor>,
    ) -> Result<Self, OpenError> {
        let mut distribution = Distribution::UserPartitionKey;
        if !settings.skip_describe || settings.create.is_some() {
            let summary = ensure_stream(&*kinesis, &stream, settings.create).await?;
            if processor.sharing() == Sharing::PerShard && summary.distribution == Distribution::Auto {
                return Err(OpenError::AutoDistribution { stream });
            }
            settings.max_record_bytes = summary.max_record_bytes;
            distribution = summary.distribution;
        }
        let shards = match distribution {
            Distribution::Auto => Shards::Unpredictable,
            Distribution::UserPartitionKey => list(&*kinesis, &stream).await,
        };
        Ok(Self::start_with(settings, stream, kinesis, processor, shards))
    }
}

async fn list(kinesis: &dyn Kinesis, stream: &StreamRef) -> Shards {
    match list_all_shards(kinesis, stream, ShardFilter::AtLatest).await {
        Ok(shards) => Shards::Listed(shards),
        Err(error) => {
            tracing::warn!(%stream, %error, "the producer starts without knowing the shards");
            Shards::Unknown
        }
    }
}
