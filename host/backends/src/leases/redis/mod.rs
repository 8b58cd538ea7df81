//! Leases in Redis, one node or a cluster.
//!
//! The leases of one application's pipeline are the fields of one hash, so that one command lists them, and a cluster
//! keeps them on one node, where scripts write them one at a time. `HGETALL 'tidemill:{orders/paid}:leases'` shows
//! them to people. Nothing in it expires.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use redis::{RedisError, Value};
use tidemill_engine::lease::{Lease, LeaseError, LeaseKey, LeaseStore, NewLease, Update};

use crate::redis::Redis;

pub(crate) mod error;
pub(crate) mod script;
mod stored;

/// The prefix of every key unless told otherwise.
pub const PREFIX: &str = "tidemill";

/// The leases of one application's pipeline in Redis. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct RedisLeases {
    redis: Redis,
    key: Arc<str>,
    writes: Arc<WriteIds>,
}

impl RedisLeases {
    /// The leases of an application, such as `orders/paid`, under keys with a prefix. Nothing is asked of Redis yet.
    pub fn new(redis: Redis, prefix: &str, application: &str) -> Self {
        let key = format!("{prefix}:{{{application}}}:leases").into();
        Self { redis, key, writes: Arc::default() }
    }

    /// The key of the hash that holds them.
    pub fn key(&self) -> &str {
        &self.key
    }

    fn failed(&self, error: &RedisError) -> LeaseError {
        error::failed(&self.redis, &self.key, error)
    }

    fn decode(&self, field: &str, text: &str) -> Result<Lease, LeaseError> {
        stored::decode(field, text)
            .map_err(|reason| LeaseError::Unavailable(format!("{reason}, key={}", self.key)))
    }
}

#[async_trait]
impl LeaseStore for RedisLeases {
    async fn list(&self) -> Result<Vec<Lease>, LeaseError> {
        let all: HashMap<String, String> = self
            .redis
            .query(redis::cmd("HGETALL").arg(&*self.key))
            .await
            .map_err(|error| self.failed(&error))?;
        all.iter().map(|(field, text)| self.decode(field, text)).collect()
    }

    async fn get(&self, key: &LeaseKey) -> Result<Option<Lease>, LeaseError> {
        let field = stored::field(key);
        let text: Option<String> = self
            .redis
            .query(redis::cmd("HGET").arg(&*self.key).arg(&field))
            .await
            .map_err(|error| self.failed(&error))?;
        text.map(|text| self.decode(&field, &text)).transpose()
    }

    async fn create(&self, lease: NewLease) -> Result<Lease, LeaseError> {
        let field = stored::field(&lease.key);
        let arguments = [&*field, &stored::encode(&lease)];
        let text: Result<String, _> = script::CREATE.run(&self.redis, &self.key, &arguments).await;
        self.decode(&field, &text.map_err(|error| self.failed(&error))?)
    }

    async fn update(&self, lease: &Lease, update: Update) -> Result<Lease, LeaseError> {
        let field = stored::field(&lease.key);
        let (seen, next) = (lease.counter, if is_ask(&update) { lease.counter } else { lease.counter + 1 });
        let (seen, next, id) = (seen.to_string(), next.to_string(), self.writes.next());
        let changes = stored::changes(update);
        let mut arguments = vec![&*field, &seen, &next, &id];
        arguments.extend(changes.iter().flat_map(|(name, value)| [*name, &**value]));
        let text: Result<Option<String>, _> = script::UPDATE.run(&self.redis, &self.key, &arguments).await;
        match text.map_err(|error| self.failed(&error))? {
            Some(text) => self.decode(&field, &text),
            None => Err(LeaseError::Lost(lease.key.clone())),
        }
    }

    async fn delete(&self, lease: &Lease) -> Result<(), LeaseError> {
        let arguments = [&*stored::field(&lease.key), &lease.counter.to_string()];
        let deleted: Result<bool, _> = script::DELETE.run(&self.redis, &self.key, &arguments).await;
        if deleted.map_err(|error| self.failed(&error))? {
            Ok(())
        } else {
            Err(LeaseError::Lost(lease.key.clone()))
        }
    }
}

/// Names of writes that no other process uses. They have to be unique and need not be repeatable.
#[derive(Debug)]
struct WriteIds {
    process: u64,
    count: AtomicU64,
}

impl WriteIds {
    fn next(&self) -> String {
        format!("{:016x}-{}", self.process, self.count.fetch_add(1, Ordering::Relaxed))
    }
}

impl Default for WriteIds {
    fn default() -> Self {
        Self { process: fastrand::u64(..), count: AtomicU64::new(0) }
    }
}

fn is_ask(update: &Update) -> bool {
    matches!(update, Update::Ask(_))
}

/// What Redis throws away when its memory is full, unless that is nothing, as leases need it. Empty too where nobody
/// may ask.
pub async fn eviction(redis: &Redis) -> Option<String> {
    let answer: Value = redis.query(redis::cmd("INFO").arg("memory")).await.ok()?;
    policies(&answer).into_iter().find(|policy| policy != "noeviction")
}

/// The policy of every node: one node answers a text, a cluster a text for each of them.
fn policies(answer: &Value) -> Vec<String> {
    match answer {
        Value::Array(values) => values.iter().flat_map(policies).collect(),
        Value::Map(pairs) => pairs.iter().flat_map(|(_, value)| policies(value)).collect(),
        Value::VerbatimString { text, .. } => policy(text),
        Value::BulkString(bytes) => policy(&String::from_utf8_lossy(bytes)),
        Value::SimpleString(text) => policy(text),
        _ => Vec::new(),
    }
}

fn policy(info: &str) -> Vec<String> {
    let policies = info.lines().filter_map(|line| line.strip_prefix("maxmemory_policy:"));
    policies.map(|policy| policy.trim().to_owned()).collect()
}
