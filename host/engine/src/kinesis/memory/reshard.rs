//! SplitShard, MergeShards and UpdateShardCount, which is made of the other two.

use super::{
    Model, ServiceError,
    bucket::millis,
    shard::{Shard, shard_number},
    stream::{Stream, start_of_part},
    validate,
};
use crate::{
    hash::{HashKey, HashRange},
    kinesis::StreamStatus,
    limits,
    time::UnixMillis,
};

/// What UpdateShardCount did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resharded {
    /// Open shards before.
    pub current: u32,
    /// Open shards now.
    pub target: u32,
    /// ARN of the stream.
    pub arn: String,
}

impl Model {
    /// SplitShard: two children take over the shard's range, the second from `at` on.
    pub fn split_shard(&self, name: &str, shard: &str, at: HashKey) -> Result<(), ServiceError> {
        self.pace("SplitShard", limits::CONTROL_CALLS_PER_SECOND)?;
        validate::shard_id(shard)?;
        let open = self.open_shards();
        self.change(name, |stream, now| {
            let number = must_be_open(stream, shard)?;
            let range = stream.shards[&number].range;
            let is_inside = range.start.0.saturating_add(1) < at.0 && at < range.end;
            if !is_inside {
                return Err(ServiceError::invalid_argument(format!(
                    "NewStartingHashKey {at} is not both greater than one plus the StartingHashKey {} and less than the EndingHashKey {} of shard {shard}",
                    range.start, range.end
                )));
            }
            self.may_reshard(stream, now)?;
            self.must_fit(open, 1)?;
            split(stream, number, at.0, now);
            stream.enter(StreamStatus::Updating, &self.settings, now);
            Ok(())
        })
    }

    /// MergeShards: one child takes over the ranges of two shards that lie side by side.
    pub fn merge_shards(&self, name: &str, shard: &str, adjacent: &str) -> Result<(), ServiceError> {
        self.pace("MergeShards", limits::CONTROL_CALLS_PER_SECOND)?;
        validate::shard_id(shard)?;
        validate::shard_id(adjacent)?;
        self.change(name, |stream, now| {
            let (one, other) = (must_be_open(stream, shard)?, must_be_open(stream, adjacent)?);
            let (a, b) = (stream.shards[&one].range, stream.shards[&other].range);
            if one == other || !(follows(a, b) || follows(b, a)) {
                return Err(ServiceError::invalid_argument(format!(
                    "Shards {shard} and {adjacent} in stream {} are not an adjacent pair",
                    stream.name
                )));
            }
            self.may_reshard(stream, now)?;
            merge(stream, one, other, now);
            stream.enter(StreamStatus::Updating, &self.settings, now);
            Ok(())
        })
    }

    /// UpdateShardCount: splits and merges shards until `target` open ones share the hash keys equally. Errors:
    /// InvalidArgumentException for more than double or less than half of what there is.
    pub fn update_shard_count(&self, name: &str, target: u32) -> Result<Resharded, ServiceError> {
        self.pace("UpdateShardCount", limits::CONTROL_CALLS_PER_SECOND)?;
        validate::between("targetShardCount", &target, 1..=limits::UPDATE_SHARD_COUNT_MAX)?;
        let open = self.open_shards();
        self.change(name, |stream, now| {
            let current = stream.open_shards();
            if target > current.saturating_mul(2) || target < current.div_ceil(2) {
                return Err(ServiceError::invalid_argument(format!(
                    "UpdateShardCount cannot scale beyond double or below half of the current shard count: current={current} target={target}"
                )));
            }
            self.may_reshard(stream, now)?;
            self.must_fit(open, u64::from(target.saturating_sub(current)))?;
            self.count_update(stream, now)?;
            share_equally(stream, target, now);
            stream.enter(StreamStatus::Updating, &self.settings, now);
            Ok(Resharded { current, target, arn: stream.arn.clone() })
        })
    }

    fn may_reshard(&self, stream: &Stream, now: UnixMillis) -> Result<(), ServiceError> {
        if stream.on_demand {
            return Err(ServiceError::new(
                "ValidationException",
                format!(
                    "Stream {} is on demand: only provisioned streams are resharded by a call",
                    stream.name
                ),
            ));
        }
        stream.must_be_active(now)
    }

    /// Counts a call of UpdateShardCount against what a day allows.
    fn count_update(&self, stream: &mut Stream, now: UnixMillis) -> Result<(), ServiceError> {
        let day_ago = now.minus(limits::UPDATE_SHARD_COUNT_SPAN);
        stream.shard_count_updates.retain(|update| *update > day_ago);
        if self.settings.enforce_limits
            && stream.shard_count_updates.len() >= limits::UPDATE_SHARD_COUNT_CALLS
        {
            return Err(ServiceError::limit_exceeded(format!(
                "UpdateShardCount may be called {} times in {} ms on a stream",
                limits::UPDATE_SHARD_COUNT_CALLS,
                millis(limits::UPDATE_SHARD_COUNT_SPAN)
            )));
        }
        stream.shard_count_updates.push(now);
        Ok(())
    }
}

/// Cuts shards at the borders of equal parts where none is yet, then merges what lies within one part. A shard that
/// is a part already stays as it is.
fn share_equally(stream: &mut Stream, target: u32, now: UnixMillis) {
    for part in 1..target {
        let border = start_of_part(part, target);
        let cut = stream.route(HashKey(border));
        if stream.shards[&cut].range.start.0 != border {
            split(stream, cut, border, now);
        }
    }
    for part in 0..target {
        let start = HashKey(start_of_part(part, target));
        let end = if part + 1 == target { u128::MAX } else { start_of_part(part + 1, target) - 1 };
        let mut merged = stream.route(start);
        while stream.shards[&merged].range.end.0 < end {
            let next = stream.route(HashKey(stream.shards[&merged].range.end.0 + 1));
            merged = merge(stream, merged, next, now);
        }
    }
}

fn split(stream: &mut Stream, parent: u32, at: u128, now: UnixMillis) {
    let HashRange { start, end } = close(stream, parent, now);
    stream.open_shard(HashRange { start, end: HashKey(at - 1) }, vec![parent], now);
    stream.open_shard(HashRange { start: HashKey(at), end }, vec![parent], now);
}

fn merge(stream: &mut Stream, one: u32, other: u32, now: UnixMillis) -> u32 {
    let (a, b) = (close(stream, one, now), close(stream, other, now));
    let range = HashRange { start: a.start.min(b.start), end: a.end.max(b.end) };
    stream.open_shard(range, vec![one, other], now)
}

/// Closes a shard and gives its range. Its records stay until they are too old.
fn close(stream: &mut Stream, number: u32, now: UnixMillis) -> HashRange {
    let shard = stream.shards.get_mut(&number).expect("only shards of the stream are closed");
    shard.close(now);
    shard.range
}

fn follows(a: HashRange, b: HashRange) -> bool {
    a.end.0.checked_add(1) == Some(b.start.0)
}

fn must_be_open(stream: &mut Stream, id: &str) -> Result<u32, ServiceError> {
    let shard: &Shard = stream.shard(id)?;
    if !shard.is_open() {
        return Err(ServiceError::invalid_argument(format!(
            "Shard {id} is closed: it was split or merged before"
        )));
    }
    Ok(shard_number(id).expect("a shard that was found has a number"))
}
