//! What every [`Kinesis`] must do, as functions that a test of an implementation runs.
//!
//! A function panics where the endpoint breaks the contract. Each makes a stream of its own and deletes it at the end.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use super::{
    EntryError, ErrorKind, Kinesis, KinesisError, Position, Shard, ShardFilter, ShardIterator, StreamMode,
    StreamStatus, StreamSummary, list_all_shards,
};
use crate::{
    hash::HashKey,
    limits,
    record::{Entry, Placed, Record, ShardId},
    stream::StreamRef,
};

pub mod fan_out;

/// Runs the whole suite but for [`an_old_iterator_is_expired`], which needs an endpoint of its own.
pub async fn check(kinesis: &dyn Kinesis) {
    a_stream_is_created_listed_described_and_deleted(kinesis).await;
    the_shards_of_a_stream_share_all_hash_keys(kinesis).await;
    every_entry_goes_where_its_hash_key_belongs_and_is_read_as_it_was_put(kinesis).await;
    every_position_is_where_it_says(kinesis).await;
    a_limit_is_kept_and_the_next_iterator_goes_on(kinesis).await;
    what_the_service_does_not_take_is_refused_as_a_whole(kinesis).await;
    what_does_not_exist_is_not_found(kinesis).await;
    fan_out::check(kinesis).await;
}

/// A stream that is active is listed, has its state, cannot be created again, and is gone when it was deleted.
pub async fn a_stream_is_created_listed_described_and_deleted(kinesis: &dyn Kinesis) {
    let (stream, summary) = created(kinesis, "contract-life", 3).await;
    assert_eq!((summary.name.as_str(), summary.open_shards, summary.on_demand), ("contract-life", 3, false));
    assert!(summary.arn.ends_with(":stream/contract-life"), "arn={}", summary.arn);
    assert_eq!((summary.retention_hours, summary.max_record_bytes), (24, limits::RECORD_BYTES));
    let again = kinesis.create_stream(&stream, StreamMode::Provisioned { shards: 1 }).await;
    assert_eq!(kind(again), ErrorKind::Exists);
    let by_arn: StreamRef = summary.arn.parse().expect("the service writes good ARNs");
    assert_eq!(kinesis.describe_stream_summary(&by_arn).await, Ok(summary));
    assert!(all_names(kinesis).await.contains(&"contract-life".to_owned()));
    deleted(kinesis, &by_arn).await;
    assert!(!all_names(kinesis).await.contains(&"contract-life".to_owned()));
}

/// The open shards tile the hash keys without a gap; filters and a name or an ARN pick from the same shards.
pub async fn the_shards_of_a_stream_share_all_hash_keys(kinesis: &dyn Kinesis) {
    let (stream, summary) = created(kinesis, "contract-shards", 4).await;
    let shards = shards(kinesis, &stream, ShardFilter::All).await;
    let mut ranges: Vec<_> = shards.iter().map(|shard| shard.range).collect();
    ranges.sort_by_key(|range| range.start);
    assert_eq!((ranges[0].start, ranges[3].end, ranges.len()), (HashKey(0), HashKey::MAX, 4));
    assert!(ranges.windows(2).all(|pair| pair[0].end.0 + 1 == pair[1].start.0), "ranges={ranges:?}");
    for shard in &shards {
        assert_eq!((&shard.parent, &shard.adjacent_parent, &shard.ending_sequence), (&None, &None, &None));
    }
    let by_arn: StreamRef = summary.arn.parse().expect("the service writes good ARNs");
    assert_eq!(self::shards(kinesis, &by_arn, ShardFilter::All).await, shards);
    for filter in [ShardFilter::AtLatest, ShardFilter::AtTrimHorizon, ShardFilter::FromTrimHorizon] {
        assert_eq!(self::shards(kinesis, &stream, filter).await, shards);
    }
    for filter in [ShardFilter::AtTimestamp(summary.created), ShardFilter::FromTimestamp(summary.created)] {
        assert_eq!(self::shards(kinesis, &stream, filter).await.len(), 4);
    }
    let after = ShardFilter::AfterShard(shards[1].id.clone());
    assert_eq!(self::shards(kinesis, &stream, after).await, shards[2..]);
    deleted(kinesis, &stream).await;
}

/// The shard of an entry has its hash key; keys and bytes come back in the order of the sequence numbers.
pub async fn every_entry_goes_where_its_hash_key_belongs_and_is_read_as_it_was_put(kinesis: &dyn Kinesis) {
    let (stream, _) = created(kinesis, "contract-put", 2).await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let mut entries: Vec<_> = (0..40_u8)
        .map(|n| entry(&format!("ключ-{n}"), Bytes::from(every_byte[usize::from(n)..].to_vec())))
        .collect();
    entries.push(Entry { explicit_hash_key: Some(HashKey::MAX), ..entry("to the last", Bytes::new()) });
    entries.push(Entry { explicit_hash_key: Some(HashKey(0)), ..entry("to the first", Bytes::new()) });
    let placed = put(kinesis, &stream, &entries).await;
    let mut read = 0;
    for shard in shards(kinesis, &stream, ShardFilter::All).await {
        let records = records(kinesis, &stream, &shard.id, &Position::TrimHorizon).await;
        let here = placed.iter().zip(&entries).filter(|(placed, _)| placed.shard == shard.id);
        let expected: Vec<_> =
            here.map(|(placed, entry)| (&placed.sequence, &entry.partition_key, &entry.data)).collect();
        let got: Vec<_> =
            records.iter().map(|record| (&record.sequence, &record.partition_key, &record.data)).collect();
        assert_eq!(got, expected);
        assert!(records.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
        for (placed, entry) in placed.iter().zip(&entries) {
            assert_eq!(placed.shard == shard.id, shard.range.contains(entry.hash_key()));
        }
        read += records.len();
    }
    assert_eq!(read, entries.len());
    deleted(kinesis, &stream).await;
}

/// A record's number can be read from or after, its arrival can be read from, and what is latest is not there yet.
pub async fn every_position_is_where_it_says(kinesis: &dyn Kinesis) {
    let (stream, _) = created(kinesis, "contract-positions", 1).await;
    let shard = shards(kinesis, &stream, ShardFilter::All).await.remove(0).id;
    let latest = iterator(kinesis, &stream, &shard, &Position::Latest).await;
    let entries: Vec<_> = (0..3).map(|n| entry("k", Bytes::from(n.to_string()))).collect();
    let placed = put(kinesis, &stream, &entries).await;
    let all = records(kinesis, &stream, &shard, &Position::TrimHorizon).await;
    assert_eq!(all.len(), 3);
    let at = Position::At(placed[1].sequence.clone());
    assert_eq!(records(kinesis, &stream, &shard, &at).await, all[1..]);
    let after = Position::After(placed[1].sequence.clone());
    assert_eq!(records(kinesis, &stream, &shard, &after).await, all[2..]);
    let arrival = Position::AtTimestamp(all[0].arrival);
    assert_eq!(records(kinesis, &stream, &shard, &arrival).await, all);
    assert_eq!(records(kinesis, &stream, &shard, &Position::Latest).await, []);
    let fetch = kinesis.get_records(&stream, &latest, 10).await.expect("the iterator is new");
    assert_eq!(fetch.records, all, "an iterator that was latest has what came since");
    deleted(kinesis, &stream).await;
}

/// A read has no more than the limit and says how to go on; at the tip it goes on too and is behind by nothing.
pub async fn a_limit_is_kept_and_the_next_iterator_goes_on(kinesis: &dyn Kinesis) {
    let (stream, _) = created(kinesis, "contract-limit", 1).await;
    let shard = shards(kinesis, &stream, ShardFilter::All).await.remove(0).id;
    let entries: Vec<_> = (0..5).map(|n| entry("k", Bytes::from(n.to_string()))).collect();
    put(kinesis, &stream, &entries).await;
    let mut next = iterator(kinesis, &stream, &shard, &Position::TrimHorizon).await;
    let mut lengths = Vec::new();
    for _ in 0..4 {
        let fetch = kinesis.get_records(&stream, &next, 2).await.expect("the iterator is new");
        lengths.push(fetch.records.len());
        assert_eq!(fetch.children, []);
        next = fetch.next.expect("an open shard has no end");
        if lengths.len() == 4 {
            assert_eq!(fetch.millis_behind_latest, 0);
        }
    }
    assert_eq!(lengths, [2, 2, 1, 0]);
    deleted(kinesis, &stream).await;
}

/// Requests that break a limit or a pattern change nothing.
pub async fn what_the_service_does_not_take_is_refused_as_a_whole(kinesis: &dyn Kinesis) {
    let (stream, _) = created(kinesis, "contract-refused", 1).await;
    let shard = shards(kinesis, &stream, ShardFilter::All).await.remove(0).id;
    let small = entry("k", Bytes::from_static(b"x"));
    let too_many = vec![small.clone(); limits::PUT_RECORDS_ENTRIES + 1];
    let too_large = vec![small.clone(), entry("k", Bytes::from(vec![0; limits::RECORD_BYTES]))];
    let long_key = "é".repeat(limits::PARTITION_KEY_CHARS + 1);
    for entries in [
        vec![],
        too_many,
        too_large,
        vec![small.clone(), entry("", Bytes::new())],
        vec![small.clone(), entry(&long_key, Bytes::new())],
    ] {
        assert_eq!(kind(kinesis.put_records(&stream, &entries).await), ErrorKind::Invalid);
    }
    assert_eq!(records(kinesis, &stream, &shard, &Position::TrimHorizon).await, []);
    let nonsense = ShardIterator("nonsense".into());
    assert_eq!(kind(kinesis.get_records(&stream, &nonsense, 10).await), ErrorKind::Invalid);
    let good = iterator(kinesis, &stream, &shard, &Position::TrimHorizon).await;
    assert_eq!(kind(kinesis.get_records(&stream, &good, 0).await), ErrorKind::Invalid);
    let largest = entry("k", Bytes::from(vec![7; limits::RECORD_BYTES - 1]));
    put(kinesis, &stream, &[largest, entry(&long_key[2..], Bytes::new())]).await;
    deleted(kinesis, &stream).await;
}

/// A stream or shard that is not there is not found, whatever was asked of it.
pub async fn what_does_not_exist_is_not_found(kinesis: &dyn Kinesis) {
    let (stream, _) = created(kinesis, "contract-missing-shard", 1).await;
    let shard: ShardId = "shardId-000000000777".into();
    let found = kinesis.get_shard_iterator(&stream, &shard, &Position::Latest).await;
    assert_eq!(kind(found), ErrorKind::NotFound);
    deleted(kinesis, &stream).await;
    let found = kinesis.get_shard_iterator(&stream, &shard, &Position::Latest).await;
    assert_eq!(kind(found), ErrorKind::NotFound);
    assert_eq!(kind(kinesis.describe_stream_summary(&stream).await), ErrorKind::NotFound);
    assert_eq!(kind(kinesis.list_shards(&stream, ShardFilter::All, None).await), ErrorKind::NotFound);
    assert_eq!(kind(kinesis.put_records(&stream, &[entry("k", Bytes::new())]).await), ErrorKind::NotFound);
    assert_eq!(kind(kinesis.delete_stream(&stream).await), ErrorKind::NotFound);
}

/// An iterator that is past its life says so, so that the reader gets a new one. For an endpoint whose iterators live
/// for no time at all.
pub async fn an_old_iterator_is_expired(kinesis: &dyn Kinesis) {
    let (stream, _) = created(kinesis, "contract-expired", 1).await;
    let shard = shards(kinesis, &stream, ShardFilter::All).await.remove(0).id;
    let old = iterator(kinesis, &stream, &shard, &Position::TrimHorizon).await;
    assert_eq!(kind(kinesis.get_records(&stream, &old, 10).await), ErrorKind::ExpiredIterator);
    deleted(kinesis, &stream).await;
}

/// A new stream once it is active. Streams of the suite that an earlier run left behind are in the way.
async fn created(kinesis: &dyn Kinesis, name: &str, shards: u32) -> (StreamRef, StreamSummary) {
    let stream: StreamRef = name.parse().expect("the suite writes good names");
    kinesis
        .create_stream(&stream, StreamMode::Provisioned { shards })
        .await
        .expect("a stream can be created");
    for _ in 0..POLLS {
        let summary = kinesis.describe_stream_summary(&stream).await.expect("the stream was created");
        if summary.status == StreamStatus::Active {
            return (stream, summary);
        }
        sleep(POLL).await;
    }
    panic!("the stream never became active: {name}");
}

async fn deleted(kinesis: &dyn Kinesis, stream: &StreamRef) {
    kinesis.delete_stream(stream).await.expect("a stream that is there can be deleted");
    for _ in 0..POLLS {
        match kinesis.describe_stream_summary(stream).await {
            Ok(summary) => assert_eq!(summary.status, StreamStatus::Deleting),
            Err(error) => return assert_eq!(error.kind, ErrorKind::NotFound),
        }
        sleep(POLL).await;
    }
    panic!("the stream was never deleted: {stream}");
}

/// How often and how many times the suite looks whether a stream has changed its state: two minutes in all.
const POLL: Duration = Duration::from_millis(100);
const POLLS: u32 = 1_200;

async fn all_names(kinesis: &dyn Kinesis) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    loop {
        let page =
            kinesis.list_streams(names.last().map(String::as_str)).await.expect("streams can be listed");
        names.extend(page.names);
        if !page.more {
            return names;
        }
    }
}

async fn shards(kinesis: &dyn Kinesis, stream: &StreamRef, filter: ShardFilter) -> Vec<Shard> {
    list_all_shards(kinesis, stream, filter).await.expect("the shards of a stream can be listed")
}

async fn put(kinesis: &dyn Kinesis, stream: &StreamRef, entries: &[Entry]) -> Vec<Placed> {
    let results = kinesis.put_records(stream, entries).await.expect("the request is within all limits");
    let placed: Result<Vec<_>, EntryError> = results.into_iter().collect();
    placed.expect("a new shard takes a few records")
}

async fn iterator(
    kinesis: &dyn Kinesis,
    stream: &StreamRef,
    shard: &ShardId,
    position: &Position,
) -> ShardIterator {
    kinesis.get_shard_iterator(stream, shard, position).await.expect("the shard and the position exist")
}

async fn records(
    kinesis: &dyn Kinesis,
    stream: &StreamRef,
    shard: &ShardId,
    position: &Position,
) -> Vec<Record> {
    let iterator = iterator(kinesis, stream, shard, position).await;
    kinesis.get_records(stream, &iterator, 1_000).await.expect("the iterator is new").records
}

fn entry(key: &str, data: Bytes) -> Entry {
    Entry { data, partition_key: key.into(), explicit_hash_key: None }
}

fn kind<T: std::fmt::Debug>(result: Result<T, KinesisError>) -> ErrorKind {
    result.expect_err("the service refuses this").kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kinesis::memory::{MemoryKinesis, Settings},
        time::{Clock, UnixMillis},
    };

    fn memory(settings: Settings) -> MemoryKinesis {
        MemoryKinesis::new(Clock::paced(UnixMillis(1_795_243_466_123)), settings)
    }

    #[tokio::test(start_paused = true)]
    async fn memory_keeps_the_contract_of_kinesis() {
        check(&memory(Settings::default())).await;
    }

    #[tokio::test(start_paused = true)]
    async fn memory_keeps_the_contract_when_streams_take_time_to_change() {
        check(&memory(Settings { transition: Duration::from_secs(1), ..Settings::default() })).await;
    }

    #[tokio::test(start_paused = true)]
    async fn iterators_of_memory_expire() {
        an_old_iterator_is_expired(&memory(Settings {
            iterator_life: Duration::ZERO,
            ..Settings::default()
        }))
        .await;
    }
}
