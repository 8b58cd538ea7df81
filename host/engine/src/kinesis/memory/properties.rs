//! What a stream can be told about itself: retention, record size, mode, tags; and encryption and metrics, which the
//! model notes and does not do.

use std::{collections::BTreeMap, time::Duration};

use super::{Model, ServiceError, stream::Stream, validate};
use crate::{
    kinesis::{Distribution, StreamStatus},
    limits,
    time::UnixMillis,
};

impl Model {
    /// IncreaseStreamRetentionPeriod.
    pub fn increase_retention(&self, name: &str, hours: u32) -> Result<(), ServiceError> {
        self.set_retention(name, hours, |new, old| new >= old)
    }

    /// DecreaseStreamRetentionPeriod.
    pub fn decrease_retention(&self, name: &str, hours: u32) -> Result<(), ServiceError> {
        self.set_retention(name, hours, |new, old| new <= old)
    }

    fn set_retention(
        &self,
        name: &str,
        hours: u32,
        is_right_way: fn(Duration, Duration) -> bool,
    ) -> Result<(), ServiceError> {
        let asked = Duration::from_secs(u64::from(hours) * 3_600);
        if asked < limits::RETENTION || asked > limits::RETENTION_MAX {
            return Err(ServiceError::invalid_argument(format!(
                "RetentionPeriodHours is not in the range from 24 to 8760: hours={hours}"
            )));
        }
        self.change(name, |stream, now| {
            stream.must_be_active(now)?;
            if !is_right_way(asked, stream.retention) {
                return Err(ServiceError::invalid_argument(format!(
                    "RetentionPeriodHours is on the wrong side of the current period: asked={hours} current={}",
                    stream.retention.as_secs() / 3_600
                )));
            }
            stream.retention = asked;
            Ok(())
        })
    }

    /// UpdateMaxRecordSize.
    pub fn update_max_record_size(&self, name: &str, kib: u32) -> Result<(), ServiceError> {
        validate::between("maxRecordSizeInKiB", &kib, limits::DEFAULT_RECORD_KIB..=limits::MAX_RECORD_KIB)?;
        self.update(name, |stream| {
            stream.max_record_kib = kib;
            Ok(())
        })
    }

    /// UpdateStreamMode. The shards stay as they are; the model scales no stream by itself.
    pub fn update_stream_mode(&self, name: &str, on_demand: bool) -> Result<(), ServiceError> {
        self.update(name, |stream| {
            stream.on_demand = on_demand;
            Ok(())
        })
    }

    /// Who decides where records go, for streams on demand. It is only told: the model follows keys all the same.
    pub fn set_distribution(&self, name: &str, distribution: Distribution) -> Result<(), ServiceError> {
        self.update(name, |stream| {
            if distribution == Distribution::Auto && !stream.on_demand {
                let message = format!("Stream {} is not on demand: it follows partition keys", stream.name);
                return Err(ServiceError::invalid_argument(message));
            }
            stream.distribution = distribution;
            Ok(())
        })
    }

    /// StartStreamEncryption with a key, StopStreamEncryption without. Nothing is encrypted: it is only told.
    pub fn set_encryption(&self, name: &str, key: Option<&str>) -> Result<(), ServiceError> {
        if let Some(key) = key {
            validate::within("keyId", key.len(), 1..=limits::KEY_ID_CHARS)?;
        }
        self.update(name, |stream| {
            stream.key = key.map(str::to_owned);
            Ok(())
        })
    }

    /// EnableEnhancedMonitoring or DisableEnhancedMonitoring: the metrics before and after. None is measured.
    pub fn set_metrics(
        &self,
        name: &str,
        metrics: &[String],
        enable: bool,
    ) -> Result<(Vec<String>, Vec<String>), ServiceError> {
        validate::within("shardLevelMetrics", metrics.len(), 1..=SHARD_METRICS.len())?;
        let known = |metric: &&String| *metric == "ALL" || SHARD_METRICS.contains(&metric.as_str());
        if !metrics.iter().all(|metric| known(&metric)) {
            return Err(ServiceError::validation("shardLevelMetrics", "be names of shard-level metrics"));
        }
        let all = metrics.iter().any(|metric| metric == "ALL");
        let named = |metric: &&&str| all || metrics.iter().any(|asked| asked == **metric);
        self.change(name, |stream, now| {
            stream.must_be_active(now)?;
            let before = stream.metrics.iter().cloned().collect();
            for metric in SHARD_METRICS.iter().filter(named) {
                if enable {
                    stream.metrics.insert((*metric).to_owned());
                } else {
                    stream.metrics.remove(*metric);
                }
            }
            Ok((before, stream.metrics.iter().cloned().collect()))
        })
    }

    /// AddTagsToStream. Errors: InvalidArgumentException past fifty tags.
    pub fn add_tags(&self, name: &str, tags: BTreeMap<String, String>) -> Result<(), ServiceError> {
        check_tags(&tags)?;
        self.change(name, |stream, now| {
            stream.must_be_usable(now)?;
            let new = tags.keys().filter(|key| !stream.tags.contains_key(*key)).count();
            if stream.tags.len() + new > limits::STREAM_TAGS {
                let message =
                    format!("Stream {} cannot have more than {} tags", stream.name, limits::STREAM_TAGS);
                return Err(ServiceError::invalid_argument(message));
            }
            stream.tags.extend(tags);
            Ok(())
        })
    }

    /// RemoveTagsFromStream.
    pub fn remove_tags(&self, name: &str, keys: &[String]) -> Result<(), ServiceError> {
        validate::within("tagKeys", keys.len(), 1..=limits::STREAM_TAGS)?;
        self.change(name, |stream, now| {
            stream.must_be_usable(now)?;
            stream.tags.retain(|key, _| !keys.contains(key));
            Ok(())
        })
    }

    /// ListTagsForStream: up to `limit` tags after a key, and whether there are more.
    pub fn list_tags(
        &self,
        name: &str,
        after: Option<&str>,
        limit: Option<usize>,
    ) -> Result<(Vec<(String, String)>, bool), ServiceError> {
        let limit = limit.unwrap_or(limits::STREAM_TAGS);
        validate::between("limit", &limit, 1..=limits::STREAM_TAGS)?;
        self.on(name, |stream, _| {
            let rest = stream.tags.iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
            let mut rest = rest.map(|(key, value)| (key.clone(), value.clone()));
            let page = rest.by_ref().take(limit).collect();
            Ok((page, rest.next().is_some()))
        })
    }

    /// Changes one thing of an active stream, which then reports for a while that it is being updated.
    fn update(
        &self,
        name: &str,
        change: impl FnOnce(&mut Stream) -> Result<(), ServiceError>,
    ) -> Result<(), ServiceError> {
        self.change(name, |stream, now: UnixMillis| {
            stream.must_be_active(now)?;
            change(stream)?;
            stream.enter(StreamStatus::Updating, &self.settings, now);
            Ok(())
        })
    }
}

const SHARD_METRICS: [&str; 7] = [
    "IncomingBytes",
    "IncomingRecords",
    "IteratorAgeMilliseconds",
    "OutgoingBytes",
    "OutgoingRecords",
    "ReadProvisionedThroughputExceeded",
    "WriteProvisionedThroughputExceeded",
];

pub(super) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    validate::within("tags", tags.len(), 0..=limits::STREAM_TAGS)?;
    for (key, value) in tags {
        validate::within("tags", key.chars().count(), 1..=limits::TAG_KEY_CHARS)?;
        validate::within("tags", value.chars().count(), 0..=limits::TAG_VALUE_CHARS)?;
    }
    Ok(())
}
