//! The streams of the account: create, delete, list, describe.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::{
    Change, Description, Model, ServiceError, model::lock, properties, shard::shard_number, stream::Stream,
    validate,
};
use crate::{
    kinesis::{StreamMode, StreamStatus, StreamSummary},
    limits,
};

/// What CreateStream asks for.
#[derive(Clone, Debug)]
pub struct CreateStream {
    /// Name.
    pub name: String,
    /// How its capacity is decided.
    pub mode: StreamMode,
    /// Largest record, in KiB; none for the service's default.
    pub max_record_kib: Option<u32>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// One page of ListStreams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamNames {
    /// The streams, by name.
    pub streams: Vec<StreamSummary>,
    /// Token of the next page; none on the last.
    pub next: Option<String>,
}

impl Model {
    /// CreateStream. Errors: ResourceInUseException where the name is taken, LimitExceededException past the limit
    /// of shards.
    pub fn create_stream(&self, asked: CreateStream) -> Result<(), ServiceError> {
        self.pace("CreateStream", limits::CONTROL_CALLS_PER_SECOND)?;
        let (shards, on_demand) = checked_mode(&asked)?;
        let open = self.open_shards();
        let mut registry = self.registry();
        let now = self.clock.now();
        let taken =
            registry.streams.get(&asked.name).is_some_and(|stream| lock(stream).status(now).is_some());
        if taken {
            return Err(ServiceError::in_use(format!(
                "Stream {} under account {} already exists.",
                asked.name, self.settings.account
            )));
        }
        self.must_fit(open, u64::from(shards))?;
        let id = now.0.max(registry.last_id + 1);
        let mut stream = Stream::new(&asked.name, id, on_demand, shards, &self.settings, now);
        stream.max_record_kib = asked.max_record_kib.unwrap_or(limits::DEFAULT_RECORD_KIB);
        stream.tags = asked.tags;
        stream.enter(StreamStatus::Creating, &self.settings, now);
        self.note_stream(&stream);
        registry.last_id = id;
        registry.streams.insert(asked.name, Arc::new(Mutex::new(stream)));
        Ok(())
    }

    /// DeleteStream. The records are gone with the call.
    pub fn delete_stream(&self, name: &str) -> Result<(), ServiceError> {
        self.pace("DeleteStream", limits::CONTROL_CALLS_PER_SECOND)?;
        self.on(name, |stream, now| {
            stream.enter(StreamStatus::Deleting, &self.settings, now);
            stream.shards.values_mut().for_each(|shard| {
                shard.records.clear();
                shard.wake();
            });
            self.note(|| Change::Deleted { stream: stream.id });
            Ok(())
        })
    }

    /// ListStreams: up to `limit` streams after a name or a page's token.
    pub fn list_streams(
        &self,
        after: Option<&str>,
        token: Option<&str>,
        limit: Option<usize>,
    ) -> Result<StreamNames, ServiceError> {
        self.pace("ListStreams", limits::CONTROL_CALLS_PER_SECOND)?;
        let limit = limit.unwrap_or(limits::LIST_STREAMS_RESULTS);
        validate::between("limit", &limit, 1..=limits::LIST_STREAMS_RESULTS_MAX)?;
        let token_name = token.map(|token| {
            let opened: Option<([u64; 0], String)> = super::token::open(token);
            opened
                .map(|(_, name)| name)
                .ok_or_else(|| ServiceError::invalid_argument("NextToken is not a token of ListStreams"))
        });
        let after = token_name.transpose()?.or_else(|| after.map(str::to_owned));
        let mut streams = Vec::new();
        self.on_each(|stream, now| {
            if after.as_ref().is_none_or(|after| stream.name > *after) && streams.len() <= limit {
                streams.push(stream.describe(now).summary);
            }
        });
        let more = streams.len() > limit;
        streams.truncate(limit);
        let last = streams.last().filter(|_| more);
        let next = last.map(|last| super::token::seal(&[], &last.name));
        Ok(StreamNames { streams, next })
    }

    /// DescribeStream: a page of up to `limit` shards after an id.
    pub fn describe_stream(
        &self,
        name: &str,
        after: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Description, ServiceError> {
        self.pace("DescribeStream", limits::DESCRIBE_STREAM_PER_SECOND)?;
        let limit = limit.unwrap_or(limits::DESCRIBE_STREAM_SHARDS);
        validate::between("limit", &limit, 1..=limits::DESCRIBE_STREAM_SHARDS_MAX)?;
        let first = match after {
            Some(id) => {
                validate::shard_id(id)?;
                shard_number(id).map_or(u32::MAX, |number| number.saturating_add(1))
            }
            None => 0,
        };
        self.on(name, |stream, now| {
            let mut description = stream.describe(now);
            let mut rest = stream.shards.range(first..).map(|(_, shard)| shard.listed());
            description.shards = rest.by_ref().take(limit).collect();
            description.more = rest.next().is_some();
            Ok(description)
        })
    }

    /// DescribeStreamSummary: the description without shards.
    pub fn describe_stream_summary(&self, name: &str) -> Result<Description, ServiceError> {
        self.pace("DescribeStreamSummary", limits::DESCRIBE_SUMMARY_PER_SECOND)?;
        self.on(name, |stream, now| Ok(stream.describe(now)))
    }

    /// DescribeLimits: open shards, their limit, streams on demand.
    pub fn describe_limits(&self) -> Result<(u64, u64, u64), ServiceError> {
        self.pace("DescribeLimits", limits::DESCRIBE_LIMITS_PER_SECOND)?;
        let mut on_demand = 0;
        self.on_each(|stream, _| on_demand += u64::from(stream.on_demand));
        Ok((self.open_shards(), u64::from(self.settings.shard_limit), on_demand))
    }

    /// Open shards of all streams, counted before the stream in question is locked: two calls at the same instant may
    /// pass the limit together.
    pub(super) fn open_shards(&self) -> u64 {
        let mut open = 0;
        self.on_each(|stream, _| open += u64::from(stream.open_shards()));
        open
    }

    /// Refuses what would take the account past its limit of shards.
    pub(super) fn must_fit(&self, open: u64, more: u64) -> Result<(), ServiceError> {
        let limit = u64::from(self.settings.shard_limit);
        if open + more <= limit {
            return Ok(());
        }
        Err(ServiceError::limit_exceeded(format!(
            "This request would exceed the shard limit for the account {} in {}: open={open} asked={more} limit={limit}",
            self.settings.account, self.settings.region
        )))
    }
}

/// Shards to open with, and whether the stream scales by itself.
fn checked_mode(asked: &CreateStream) -> Result<(u32, bool), ServiceError> {
    validate::stream_name(&asked.name)?;
    properties::check_tags(&asked.tags)?;
    if let Some(kib) = asked.max_record_kib {
        validate::between("maxRecordSizeInKiB", &kib, limits::DEFAULT_RECORD_KIB..=limits::MAX_RECORD_KIB)?;
    }
    match asked.mode {
        StreamMode::Provisioned { shards: 0 } => {
            Err(ServiceError::validation("shardCount", "have value greater than or equal to 1"))
        }
        StreamMode::Provisioned { shards } => Ok((shards, false)),
        StreamMode::OnDemand => Ok((limits::ON_DEMAND_SHARDS, true)),
    }
}
