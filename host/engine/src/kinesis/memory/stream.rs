//! One stream: its settings, its state, its shards.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    ServiceError, Settings, Stamp,
    bucket::{Bucket, millis},
    consumers::Registered,
    shard::{Shard, shard_number},
    subscribe::Newest,
};
use crate::{
    hash::{HashKey, HashRange},
    kinesis::{self, Distribution, StreamStatus, StreamSummary},
    limits,
    time::UnixMillis,
};

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) name: String,
    pub(super) arn: String,
    /// Tells the stream from others that had or will have its name; grows from stream to stream.
    pub(super) id: u64,
    pub(super) created: UnixMillis,
    pub(super) on_demand: bool,
    pub(super) distribution: Distribution,
    pub(super) retention: Duration,
    pub(super) max_record_kib: u32,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) key: Option<String>,
    pub(super) metrics: BTreeSet<String>,
    pub(super) shards: BTreeMap<u32, Shard>,
    pub(super) next_shard: u32,
    /// Open shards by the end of their range, in order: where a hash key belongs is one search.
    pub(super) routes: Vec<(HashKey, u32)>,
    pub(super) list_shards: Bucket,
    /// Registered consumers, by name.
    pub(super) consumers: BTreeMap<String, Registered>,
    /// The newest subscription of a consumer to a shard.
    pub(super) subscriptions: BTreeMap<(String, u32), Newest>,
    /// When UpdateShardCount was called lately.
    pub(super) shard_count_updates: Vec<UnixMillis>,
    state: StreamStatus,
    state_until: UnixMillis,
}

/// A stream as DescribeStream and DescribeStreamSummary tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// State and settings in short.
    pub summary: StreamSummary,
    /// A page of the shards; none when only the summary was asked for.
    pub shards: Vec<kinesis::Shard>,
    /// Whether there are more shards.
    pub more: bool,
    /// Key of the encryption that was asked for; the model encrypts nothing.
    pub encryption_key: Option<String>,
    /// Shard-level metrics that were asked for; the model has none.
    pub metrics: Vec<String>,
    /// Registered consumers.
    pub consumers: u32,
}

impl Stream {
    pub(super) fn new(
        name: &str,
        id: u64,
        on_demand: bool,
        shards: u32,
        settings: &Settings,
        now: UnixMillis,
    ) -> Self {
        let mut stream = Self::empty(name, id, settings, now);
        stream.on_demand = on_demand;
        let starts: Vec<u128> = (0..shards).map(|part| start_of_part(part, shards)).collect();
        for (part, start) in starts.iter().enumerate() {
            let end = starts.get(part + 1).map_or(u128::MAX, |next| next - 1);
            stream.open_shard(HashRange { start: HashKey(*start), end: HashKey(end) }, Vec::new(), now);
        }
        stream
    }

    /// A stream without shards and in no hurry: active.
    pub(super) fn empty(name: &str, id: u64, settings: &Settings, created: UnixMillis) -> Self {
        Self {
            name: name.to_owned(),
            arn: arn(settings, name),
            id,
            created,
            on_demand: false,
            distribution: Distribution::default(),
            retention: settings.retention,
            max_record_kib: limits::DEFAULT_RECORD_KIB,
            tags: BTreeMap::new(),
            key: None,
            metrics: BTreeSet::new(),
            shards: BTreeMap::new(),
            next_shard: 0,
            routes: Vec::new(),
            list_shards: Bucket::full(limits::LIST_SHARDS_PER_SECOND, created),
            consumers: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            shard_count_updates: Vec::new(),
            state: StreamStatus::Active,
            state_until: UnixMillis(0),
        }
    }

    /// Puts the stream into a state that ends by itself: deleting in nothing, the others in active.
    pub(super) fn enter(&mut self, state: StreamStatus, settings: &Settings, now: UnixMillis) {
        self.state = state;
        self.state_until = UnixMillis(now.0.saturating_add(millis(settings.transition)));
    }

    /// The state at this moment; none when the stream is no more.
    pub(super) fn status(&self, now: UnixMillis) -> Option<StreamStatus> {
        match self.state {
            StreamStatus::Deleting if now >= self.state_until => None,
            _ if now >= self.state_until => Some(StreamStatus::Active),
            lasting => Some(lasting),
        }
    }

    /// Refuses unless the stream is active: a stream changes one thing at a time.
    pub(super) fn must_be_active(&self, now: UnixMillis) -> Result<(), ServiceError> {
        match self.status(now) {
            Some(StreamStatus::Active) => Ok(()),
            state => Err(ServiceError::in_use(format!(
                "Stream {} is {}; wait until it is ACTIVE",
                self.name,
                state.unwrap_or(StreamStatus::Deleting).as_str()
            ))),
        }
    }

    /// Refuses unless records can be put and read: a stream in the making is not there yet.
    pub(super) fn must_be_usable(&self, now: UnixMillis) -> Result<(), ServiceError> {
        match self.status(now) {
            Some(StreamStatus::Active | StreamStatus::Updating) => Ok(()),
            _ => Err(ServiceError::not_found(format!(
                "Stream {} is not ACTIVE yet, or not any more",
                self.name
            ))),
        }
    }

    /// The oldest moment of which records are kept.
    pub(super) fn horizon(&self, now: UnixMillis) -> UnixMillis {
        now.minus(self.retention)
    }

    pub(super) fn open_shards(&self) -> u32 {
        u32::try_from(self.routes.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn shard(&mut self, id: &str) -> Result<&mut Shard, ServiceError> {
        let name = &self.name;
        shard_number(id)
            .and_then(|number| self.shards.get_mut(&number))
            .ok_or_else(|| ServiceError::not_found(format!("Shard {id} in stream {name} does not exist")))
    }

    /// The shard that takes records with this hash key. The open shards tile the whole space.
    pub(super) fn route(&self, key: HashKey) -> u32 {
        let at = self.routes.partition_point(|(end, _)| *end < key);
        self.routes[at].1
    }

    /// Opens a shard and gives its number. Its stamp is past the stamps of its parents.
    pub(super) fn open_shard(&mut self, range: HashRange, parents: Vec<u32>, now: UnixMillis) -> u32 {
        let parents_opened = parents.iter().filter_map(|parent| self.shards.get(parent));
        let opened = parents_opened.map(|parent| parent.stamp.opened + 1).fold(now.0 / 1_000, u64::max);
        let number = self.next_shard;
        self.next_shard += 1;
        self.shards.insert(number, Shard::open(Stamp { opened, shard: number }, range, parents, now));
        self.find_routes();
        number
    }

    pub(super) fn find_routes(&mut self) {
        let open = self.shards.iter().filter(|(_, shard)| shard.is_open());
        self.routes = open.map(|(number, shard)| (shard.range.end, *number)).collect();
        self.routes.sort_unstable();
    }

    /// Forgets closed shards whose records are all too old, as the service does; whether there were any.
    pub(super) fn drop_expired_shards(&mut self, now: UnixMillis) -> bool {
        let horizon = self.horizon(now);
        let before = self.shards.len();
        self.shards.retain(|_, shard| shard.closed.is_none_or(|closed| closed >= horizon));
        self.shards.len() < before
    }

    pub(super) fn describe(&self, now: UnixMillis) -> Description {
        let hours = self.retention.as_secs().div_ceil(3_600);
        let summary = StreamSummary {
            name: self.name.clone(),
            arn: self.arn.clone(),
            status: self.status(now).unwrap_or(StreamStatus::Deleting),
            open_shards: self.open_shards(),
            on_demand: self.on_demand,
            distribution: self.distribution,
            retention_hours: u32::try_from(hours).unwrap_or(u32::MAX),
            max_record_bytes: self.max_record_bytes(),
            created: self.created,
        };
        Description {
            summary,
            shards: Vec::new(),
            more: false,
            encryption_key: self.key.clone(),
            metrics: self.metrics.iter().cloned().collect(),
            consumers: self.consumer_count(now),
        }
    }

    /// The largest record that the stream takes, data and key together.
    pub(super) fn max_record_bytes(&self) -> usize {
        self.max_record_kib as usize * 1_024
    }
}

pub(super) fn arn(settings: &Settings, name: &str) -> String {
    format!("arn:aws:kinesis:{}:{}:stream/{name}", settings.region, settings.account)
}

/// Where a part starts when the space of 2^128 hash keys is cut into equal parts.
pub(super) fn start_of_part(part: u32, parts: u32) -> u128 {
    let (part, parts) = (u128::from(part), u128::from(parts));
    // 2^128 = width * parts + rest, though 2^128 itself does not fit.
    let (width, rest) = (u128::MAX / parts, u128::MAX % parts + 1);
    if part == 0 { 0 } else { part * width + part * rest / parts }
}
