//! async-kinesis in Redis: a key `pyredis-NAME-SHARD` a shard, with a JSON object as Python writes it.

use std::collections::BTreeMap;

use ::redis::RedisError;
use async_trait::async_trait;
use serde::Deserialize;
use tidemill_engine::{limits, record::ShardId, sequence::SequenceNumber};

use super::{Seen, State, Writable};
use crate::{
    dialects::{Dialect, DialectError, Found},
    redis::Redis,
};

/// The checkpoints of one `RedisCheckPointer`.
#[derive(Clone, Debug)]
pub struct InRedis {
    /// Where they are.
    pub redis: Redis,
    /// The `name` that the checkpointer was made with.
    pub name: String,
    /// The shards to look for where keys cannot be listed: in a cluster, each node knows only its own.
    pub cluster_shards: Option<Vec<ShardId>>,
}

#[async_trait]
impl Dialect for InRedis {
    async fn read(&self) -> Result<Found, DialectError> {
        let mut found = Found::default();
        for (shard, seen) in self.states().await? {
            let row = seen.state.row(&shard);
            found.rows.push(row.map_err(|reason| DialectError::unreadable(self.key(&shard), reason))?);
        }
        Ok(found)
    }
}

#[async_trait]
impl Writable for InRedis {
    async fn states(&self) -> Result<BTreeMap<ShardId, Seen>, DialectError> {
        let shards = match &self.cluster_shards {
            Some(shards) => shards.clone(),
            None => self.scan().await?,
        };
        let mut states = BTreeMap::new();
        for shard in shards {
            let key = self.key(&shard);
            let text: Option<String> =
                self.redis.query(::redis::cmd("GET").arg(&key)).await.map_err(|error| self.failed(&error))?;
            let Some(text) = text else { continue };
            let state = decode(&text).map_err(|reason| DialectError::unreadable(key, reason))?;
            states.insert(shard, Seen { state, text });
        }
        Ok(states)
    }

    async fn write(
        &self,
        shard: &ShardId,
        seen: Option<&Seen>,
        sequence: Option<&SequenceNumber>,
    ) -> Result<(), DialectError> {
        let key = self.key(shard);
        let mut call = ::redis::cmd("EVAL");
        call.arg(SWAP).arg(1).arg(&key).arg(encode(sequence)).arg(seen.map(|seen| &*seen.text));
        let swapped: bool = self.redis.query(&call).await.map_err(|error| self.failed(&error))?;
        if swapped { Ok(()) } else { Err(DialectError::Changed(key)) }
    }
}

impl InRedis {
    fn key(&self, shard: &ShardId) -> String {
        format!("pyredis-{}-{shard}", self.name)
    }

    /// The shards that have a key. Another application's name may begin with this one, and no shard's id does so.
    async fn scan(&self) -> Result<Vec<ShardId>, DialectError> {
        let prefix = format!("pyredis-{}-", self.name);
        let mut shards = Vec::new();
        let mut cursor = 0_u64;
        loop {
            let mut call = ::redis::cmd("SCAN");
            call.arg(cursor).arg("MATCH").arg(escaped(&prefix) + "shardId-*");
            call.arg("COUNT").arg(limits::REDIS_SCAN_KEYS);
            let (next, keys): (u64, Vec<String>) =
                self.redis.query(&call).await.map_err(|error| self.failed(&error))?;
            shards.extend(keys.iter().filter_map(|key| key.strip_prefix(&prefix)).map(ShardId::from));
            cursor = next;
            if cursor == 0 {
                return Ok(shards);
            }
        }
    }

    fn failed(&self, error: &RedisError) -> DialectError {
        DialectError::Unavailable { at: self.redis.at().to_owned(), reason: error.to_string() }
    }
}

/// Sets the key if it is as it was seen: with the text of the second argument, or missing if there is none.
const SWAP: &str = "\
local seen = ARGV[2] or false
if redis.call('GET', KEYS[1]) ~= seen then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1";

#[derive(Deserialize)]
struct Stored {
    #[serde(rename = "ref")]
    owner: Option<String>,
    ts: Option<u64>,
    sequence: Option<String>,
}

fn decode(text: &str) -> Result<State, String> {
    let Stored { owner, ts, sequence } = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(State { owner, seconds: ts, sequence })
}

/// The bytes that async-kinesis writes when it gives a shard back: its order of keys and Python's spacing.
fn encode(sequence: Option<&SequenceNumber>) -> String {
    let sequence = sequence.map_or("null".to_owned(), |sequence| format!("\"{sequence}\""));
    format!(r#"{{"ref": null, "ts": null, "sequence": {sequence}}}"#)
}

/// The text as a pattern of Redis that only it fits.
fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|c| ['*', '?', '[', ']', '\\', '^'].contains(&c).then_some('\\').into_iter().chain([c]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(owner: Option<&str>, seconds: Option<u64>, sequence: Option<&str>) -> State {
        State { owner: owner.map(Into::into), seconds, sequence: sequence.map(Into::into) }
    }

    #[test]
    fn values_are_read_as_async_kinesis_writes_them() {
        let vectors = [
            (
                r#"{"ref": "app/1", "ts": 1795243466, "sequence": "100"}"#,
                state(Some("app/1"), Some(1_795_243_466), Some("100")),
            ),
            (
                r#"{"ref": "app/1", "ts": 1795243466, "sequence": null}"#,
                state(Some("app/1"), Some(1_795_243_466), None),
            ),
            (r#"{"ref": null, "ts": null, "sequence": "100"}"#, state(None, None, Some("100"))),
        ];
        for (text, expected) in vectors {
            assert_eq!(decode(text), Ok(expected), "{text}");
        }
        assert!(decode("100").is_err() && decode(r#"{"sequence": 100}"#).is_err());
    }

    #[test]
    fn what_is_written_is_byte_for_byte_what_a_released_shard_has() {
        let sequence = "100".to_owned().try_into().unwrap();
        assert_eq!(encode(Some(&sequence)), r#"{"ref": null, "ts": null, "sequence": "100"}"#);
        assert_eq!(encode(None), r#"{"ref": null, "ts": null, "sequence": null}"#);
    }

    #[test]
    fn a_name_with_signs_of_patterns_means_itself() {
        assert_eq!(escaped("pyredis-a*[b]-"), r"pyredis-a\*\[b\]-");
    }
}
