//! A stream without its records, as a journal keeps it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Held, Settings, Stamp, consumers::Registered, shard::Shard, stream::Stream};
use crate::{
    hash::{HashKey, HashRange},
    kinesis::Distribution,
    time::UnixMillis,
};

/// A stream without its records. Plain values only, so that a journal may write them in any form.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct StreamImage {
    /// Tells the stream from others that had or will have its name.
    pub id: u64,
    /// Name.
    pub name: String,
    /// When it was created, in milliseconds since 1970.
    pub created: u64,
    /// Whether it scales by itself.
    pub on_demand: bool,
    /// Whether it decides by itself where records go.
    #[serde(default)]
    pub distributes: bool,
    /// How long records are kept, in milliseconds.
    pub retention: u64,
    /// Largest record it takes, in KiB.
    pub max_record_kib: u32,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Key of the encryption that was asked for.
    pub encryption_key: Option<String>,
    /// Shard-level metrics that were asked for.
    pub metrics: Vec<String>,
    /// Registered consumers by name, with when that was in milliseconds since 1970.
    #[serde(default)]
    pub consumers: BTreeMap<String, u64>,
    /// Number that the next shard gets.
    pub next_shard: u32,
    /// The shards, by number.
    pub shards: Vec<ShardImage>,
}

/// A shard without its records.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ShardImage {
    /// Number.
    pub number: u32,
    /// The second that its sequence numbers begin with.
    pub stamp: u64,
    /// Lowest and highest hash key.
    pub range: (u128, u128),
    /// Numbers of its parents.
    pub parents: Vec<u32>,
    /// When it was opened, in milliseconds since 1970.
    pub opened: u64,
    /// When it was closed, in milliseconds since 1970.
    pub closed: Option<u64>,
}

/// A stream as a journal gives it back.
#[derive(Clone, Debug)]
pub struct KeptStream {
    /// The stream as it was noted last.
    pub image: StreamImage,
    /// For each shard that ever took a record, the index that its next record gets and the records before that.
    pub records: BTreeMap<u32, (u64, Vec<Held>)>,
}

impl Stream {
    pub(super) fn image(&self) -> StreamImage {
        let stay = self.consumers.iter().filter(|(_, consumer)| !consumer.is_going());
        StreamImage {
            id: self.id,
            name: self.name.clone(),
            created: self.created.0,
            on_demand: self.on_demand,
            distributes: self.distribution == Distribution::Auto,
            retention: super::bucket::millis(self.retention),
            max_record_kib: self.max_record_kib,
            tags: self.tags.clone(),
            encryption_key: self.key.clone(),
            metrics: self.metrics.iter().cloned().collect(),
            consumers: stay.map(|(name, known)| (name.clone(), known.created.0)).collect(),
            next_shard: self.next_shard,
            shards: self.shards.values().map(Shard::image).collect(),
        }
    }
}

impl Shard {
    fn image(&self) -> ShardImage {
        ShardImage {
            number: self.stamp.shard,
            stamp: self.stamp.opened,
            range: (self.range.start.0, self.range.end.0),
            parents: self.parents.clone(),
            opened: self.opened.0,
            closed: self.closed.map(|closed| closed.0),
        }
    }
}

impl ShardImage {
    fn restore(self) -> Shard {
        let stamp = Stamp { opened: self.stamp, shard: self.number };
        let range = HashRange { start: HashKey(self.range.0), end: HashKey(self.range.1) };
        let mut shard = Shard::open(stamp, range, self.parents, UnixMillis(self.opened));
        shard.closed = self.closed.map(UnixMillis);
        shard
    }
}

impl KeptStream {
    pub(super) fn restore(self, settings: &Settings) -> Stream {
        let Self { image, mut records } = self;
        let mut stream = Stream::empty(&image.name, image.id, settings, UnixMillis(image.created));
        stream.on_demand = image.on_demand;
        if image.distributes {
            stream.distribution = Distribution::Auto;
        }
        stream.retention = Duration::from_millis(image.retention);
        stream.max_record_kib = image.max_record_kib;
        stream.tags = image.tags;
        stream.key = image.encryption_key;
        stream.metrics = image.metrics.into_iter().collect();
        let known = image.consumers.into_iter();
        stream.consumers = known.map(|(name, at)| (name, Registered::active(UnixMillis(at)))).collect();
        stream.next_shard = image.next_shard;
        for image in image.shards {
            let mut shard = image.restore();
            if let Some((tip, held)) = records.remove(&shard.stamp.shard) {
                shard.first = tip - held.len() as u64;
                shard.records = held.into();
            }
            stream.shards.insert(shard.stamp.shard, shard);
        }
        stream.find_routes();
        stream
    }
}
