//! The engine's values as the SDK takes them.

use aws_sdk_kinesis::{
    error::BuildError,
    primitives::{Blob, DateTime},
    types::{self, PutRecordsRequestEntry, ShardFilterType, ShardIteratorType, StreamModeDetails},
};
use tidemill_engine::{
    kinesis::{Position, ShardFilter, StreamMode},
    record::Entry,
    time::UnixMillis,
};

/// Shard count and mode of a stream to be created.
pub(super) fn stream_mode(mode: StreamMode) -> (Option<i32>, StreamModeDetails) {
    let (shards, mode) = match mode {
        StreamMode::Provisioned { shards } => {
            (Some(i32::try_from(shards).unwrap_or(i32::MAX)), types::StreamMode::Provisioned)
        }
        StreamMode::OnDemand => (None, types::StreamMode::OnDemand),
    };
    let details = StreamModeDetails::builder().stream_mode(mode).build();
    (shards, details.expect("the mode, its one member, is set"))
}

/// The filter, if shards are to be filtered at all.
pub(super) fn shard_filter(filter: ShardFilter) -> Option<types::ShardFilter> {
    let (filter_type, shard, moment) = match filter {
        ShardFilter::All => return None,
        ShardFilter::AfterShard(shard) => (ShardFilterType::AfterShardId, Some(shard.to_string()), None),
        ShardFilter::AtTrimHorizon => (ShardFilterType::AtTrimHorizon, None, None),
        ShardFilter::FromTrimHorizon => (ShardFilterType::FromTrimHorizon, None, None),
        ShardFilter::AtLatest => (ShardFilterType::AtLatest, None, None),
        ShardFilter::AtTimestamp(moment) => (ShardFilterType::AtTimestamp, None, Some(date(moment))),
        ShardFilter::FromTimestamp(moment) => (ShardFilterType::FromTimestamp, None, Some(date(moment))),
    };
    let filter = types::ShardFilter::builder().r#type(filter_type);
    let filter = filter.set_shard_id(shard).set_timestamp(moment).build();
    Some(filter.expect("the type, its one member that must be, is set"))
}

/// Iterator type, sequence number and moment of a position.
pub(super) fn position(position: &Position) -> (ShardIteratorType, Option<String>, Option<DateTime>) {
    match position {
        Position::TrimHorizon => (ShardIteratorType::TrimHorizon, None, None),
        Position::Latest => (ShardIteratorType::Latest, None, None),
        Position::AtTimestamp(moment) => (ShardIteratorType::AtTimestamp, None, Some(date(*moment))),
        Position::At(sequence) => (ShardIteratorType::AtSequenceNumber, Some(sequence.to_string()), None),
        Position::After(sequence) => {
            (ShardIteratorType::AfterSequenceNumber, Some(sequence.to_string()), None)
        }
    }
}

/// One entry of a PutRecords request.
pub(super) fn entry(entry: &Entry) -> Result<PutRecordsRequestEntry, BuildError> {
    let hash_key = entry.explicit_hash_key.map(|key| key.to_string());
    PutRecordsRequestEntry::builder()
        .data(Blob::new(&*entry.data))
        .partition_key(&*entry.partition_key)
        .set_explicit_hash_key(hash_key)
        .build()
}

fn date(moment: UnixMillis) -> DateTime {
    DateTime::from_millis(i64::try_from(moment.0).unwrap_or(i64::MAX))
}
