//! `source`: what a pipeline reads, from where on, and how fast.

use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use serde::Deserialize;
use tidemill_engine::{
    consumer::{Prefetch, ReaderSettings},
    lease::plan,
    limits,
    record::ShardId,
    sequence::SequenceNumber,
    stream::StreamRef,
};

use super::{ConsumerName, CreateConfig, ProcessorConfig, RetrievalConfig, Start, units};

/// `source`: streams that are read.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Keys")]
pub struct SourceConfig {
    /// Names or ARNs, at least one.
    pub streams: Vec<StreamRef>,
    /// Takes their records apart.
    pub processor: ProcessorConfig,
    /// Where reading starts when there is no checkpoint.
    pub start: Start,
    /// The same for single shards.
    pub start_at: BTreeMap<ShardId, SequenceNumber>,
    /// Creates a stream that is missing.
    pub create: Option<CreateConfig>,
    /// Who moves first, reader or service.
    pub retrieval: RetrievalConfig,
    /// The registered consumer that is subscribed.
    pub consumer_name: Option<ConsumerName>,
    /// Shards that are read at once.
    pub max_shards: Option<NonZeroUsize>,
    /// Trusts that the streams are there.
    pub skip_describe: bool,
    /// How shards are read.
    pub reader: ReaderSettings,
    /// How often the shards are listed.
    pub discovery_interval: Duration,
    /// Ends the pipeline after so long without records.
    pub idle_timeout: Option<Duration>,
}

/// The keys as they are written. Those that async-kinesis has are known by its names too.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table such as { stream = \"orders\" }",
    default
)]
struct Keys {
    #[serde(deserialize_with = "units::optional")]
    stream: Option<StreamRef>,
    #[serde(deserialize_with = "units::all_parsed")]
    streams: Vec<StreamRef>,
    processor: ProcessorConfig,
    #[serde(deserialize_with = "units::optional")]
    start: Option<Start>,
    iterator_type: Option<IteratorType>,
    #[serde(deserialize_with = "units::optional")]
    timestamp: Option<Start>,
    start_at: BTreeMap<String, String>,
    create: Option<CreateConfig>,
    retrieval: RetrievalConfig,
    consumer_name: Option<ConsumerName>,
    #[serde(alias = "max-shard-consumers")]
    max_shards: Option<NonZeroUsize>,
    skip_describe_stream: bool,
    use_list_shards: Option<bool>,
    #[serde(deserialize_with = "units::optional_duration")]
    interval: Option<Duration>,
    shard_fetch_rate: Option<NonZeroU32>,
    #[serde(alias = "sleep-time-no-records", deserialize_with = "units::optional_duration")]
    idle_interval: Option<Duration>,
    record_limit: Option<NonZeroUsize>,
    prefetch: PrefetchConfig,
    #[serde(alias = "retry-limit")]
    attempts: Option<NonZeroU32>,
    #[serde(deserialize_with = "units::optional_duration")]
    backoff: Option<Duration>,
    #[serde(alias = "expo-backoff-limit", deserialize_with = "units::optional_duration")]
    backoff_limit: Option<Duration>,
    #[serde(deserialize_with = "units::optional_duration")]
    discovery_interval: Option<Duration>,
    #[serde(deserialize_with = "units::optional_duration")]
    idle_timeout: Option<Duration>,
}

/// `iterator-type`: `start` in the words of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum IteratorType {
    TrimHorizon,
    Latest,
    AtTimestamp,
}

/// `prefetch`: how far reading may be ahead of the handler.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table such as { reads = 1, bytes = \"10MiB\" }",
    default
)]
struct PrefetchConfig {
    reads: Option<NonZeroUsize>,
    #[serde(deserialize_with = "units::optional_bytes")]
    bytes: Option<usize>,
}

impl TryFrom<Keys> for SourceConfig {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let start = keys.start()?;
        let reader = keys.reader()?;
        let streams = match (keys.stream, keys.streams) {
            (Some(stream), streams) if streams.is_empty() => vec![stream],
            (None, streams) if !streams.is_empty() => streams,
            (None, _) => return Err("missing field `stream`".to_owned()),
            (Some(_), _) => return Err("stream and streams are the same: leave one of them out".to_owned()),
        };
        distinct(&streams)?;
        if !keys.start_at.is_empty() && streams.len() > 1 {
            return Err(
                "start-at names shards of one stream: give each stream a pipeline of its own".to_owned()
            );
        }
        if keys.use_list_shards == Some(false) {
            return Err(
                "use-list-shards = false: shards are listed with ListShards alone; leave it out".to_owned()
            );
        }
        if keys.skip_describe_stream && keys.create.is_some() {
            return Err(
                "create has to look whether the stream is there: leave it or skip-describe-stream out"
                    .to_owned(),
            );
        }
        Ok(Self {
            streams,
            processor: keys.processor,
            start,
            start_at: keys.start_at.into_iter().map(place).collect::<Result<_, String>>()?,
            create: keys.create,
            retrieval: keys.retrieval,
            consumer_name: keys.consumer_name,
            max_shards: keys.max_shards,
            skip_describe: keys.skip_describe_stream,
            reader,
            discovery_interval: keys.discovery_interval.unwrap_or(limits::DISCOVERY_INTERVAL),
            idle_timeout: keys.idle_timeout,
        })
    }
}

impl Keys {
    fn start(&self) -> Result<Start, String> {
        let moment = || match self.timestamp {
            Some(start @ Start(plan::Start::AtTimestamp(_))) => Ok(start),
            Some(_) => Err("timestamp has to be a date or seconds since 1970".to_owned()),
            None => Err("iterator-type = \"AT_TIMESTAMP\" needs timestamp".to_owned()),
        };
        if self.timestamp.is_some() && self.iterator_type != Some(IteratorType::AtTimestamp) {
            return Err(
                "timestamp goes with iterator-type = \"AT_TIMESTAMP\"; or write start = \"2026-01-31T12:00:00Z\""
                    .to_owned(),
            );
        }
        match (self.start, self.iterator_type) {
            (Some(_), Some(_)) => {
                Err("start and iterator-type are the same: leave one of them out".to_owned())
            }
            (Some(start), None) => Ok(start),
            (None, Some(IteratorType::AtTimestamp)) => moment(),
            (None, Some(IteratorType::Latest)) => Ok(Start(plan::Start::Latest)),
            (None, None | Some(IteratorType::TrimHorizon)) => Ok(Start(plan::Start::TrimHorizon)),
        }
    }

    fn reader(&self) -> Result<ReaderSettings, String> {
        let default = ReaderSettings::default();
        let prefetch = Prefetch {
            reads: self.prefetch.reads.map_or(default.prefetch.reads, NonZeroUsize::get),
            bytes: self.prefetch.bytes.unwrap_or(default.prefetch.bytes),
        };
        let (first, longest) =
            (self.backoff.unwrap_or(default.backoff.0), self.backoff_limit.unwrap_or(default.backoff.1));
        if first > longest {
            return Err(format!(
                "backoff is longer than backoff-limit: backoff={} backoff-limit={}",
                humantime::format_duration(first),
                humantime::format_duration(longest)
            ));
        }
        let limit = self.record_limit.map_or(default.limit, NonZeroUsize::get);
        if limit > limits::GET_RECORDS_RECORDS {
            let most = limits::GET_RECORDS_RECORDS;
            return Err(format!(
                "record-limit is more than one read gives: lower it, record-limit={limit} limit={most}"
            ));
        }
        Ok(ReaderSettings {
            prefetch,
            attempts: self.attempts,
            backoff: (first, longest),
            limit,
            interval: self.interval()?.unwrap_or(default.interval),
            idle_interval: self.idle_interval.unwrap_or(default.idle_interval),
        })
    }

    fn interval(&self) -> Result<Option<Duration>, String> {
        let Some(rate) = self.shard_fetch_rate else { return Ok(self.interval) };
        if self.interval.is_some() {
            return Err("interval and shard-fetch-rate say the same: leave one of them out".to_owned());
        }
        let most = limits::GET_RECORDS_PER_SECOND;
        if rate.get() > most {
            return Err(format!(
                "shard-fetch-rate is more than the service allows, shard-fetch-rate={rate} limit={most}"
            ));
        }
        Ok(Some(Duration::from_secs(1) / rate.get()))
    }
}

fn distinct(streams: &[StreamRef]) -> Result<(), String> {
    let mut names: Vec<&str> = streams.iter().map(StreamRef::name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        // Leases are told apart by the stream's name.
        Some(pair) => {
            Err(format!("streams has two of one name: give them pipelines of their own, stream={}", pair[0]))
        }
        None => Ok(()),
    }
}

fn place((shard, number): (String, String)) -> Result<(ShardId, SequenceNumber), String> {
    let sequence = number.try_into().map_err(|error| format!("start-at, shard={shard}: {error}"))?;
    Ok((shard.into(), sequence))
}

#[cfg(test)]
mod tests;
