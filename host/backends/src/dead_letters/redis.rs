//! Dead letters in a list of Redis, one node or a cluster: the newest at its end.

use async_trait::async_trait;
use bytes::Bytes;
use redis::{Cmd, FromRedisValue, RedisError};
use tidemill_engine::{
    dead_letter::{DeadLetter, DeadLetterError, DeadLetters},
    limits,
};

use super::{BoxError, Found, LetterBox, form};
use crate::redis::Redis;

/// Keeps dead letters in a list of Redis. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct RedisDeadLetters {
    redis: Redis,
    key: String,
}

impl RedisDeadLetters {
    /// The list under a key. Nothing is asked of Redis yet.
    pub fn new(redis: Redis, key: impl Into<String>) -> Self {
        Self { redis, key: key.into() }
    }

    async fn push(&self, lines: &[String]) -> Result<(), DeadLetterError> {
        let mut command = redis::cmd("RPUSH");
        command.arg(&self.key).arg(lines);
        let pushed: Result<u64, RedisError> = self.redis.query(&command).await;
        pushed.map(drop).map_err(|error| DeadLetterError(told(&self.redis, &self.key, &error)))
    }
}

#[async_trait]
impl DeadLetters for RedisDeadLetters {
    /// One call of Redis, but for letters that are too large for one together.
    async fn put(&self, letters: &[DeadLetter]) -> Result<(), DeadLetterError> {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        for letter in letters {
            let line = form::write(letter);
            if bytes + line.len() > limits::REDIS_PUSH_BYTES && !lines.is_empty() {
                self.push(&lines).await?;
                lines.clear();
                bytes = 0;
            }
            bytes += line.len();
            lines.push(line);
        }
        if lines.is_empty() { Ok(()) } else { self.push(&lines).await }
    }
}

/// The list as a box. Others may push to it, and take out of it, meanwhile.
#[derive(Debug)]
pub struct RedisBox {
    redis: Redis,
    key: String,
    /// How many from the head on were given and are still there.
    given: usize,
    /// How many are still to be given of those that were there when the list was read first.
    left: Option<usize>,
}

impl RedisBox {
    /// The list under a key. Nothing is asked of Redis yet.
    pub fn new(redis: Redis, key: impl Into<String>) -> Self {
        Self { redis, key: key.into(), given: 0, left: None }
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, BoxError> {
        let answer = self.redis.query(command).await;
        answer.map_err(|error| BoxError(told(&self.redis, &self.key, &error)))
    }
}

#[async_trait]
impl LetterBox for RedisBox {
    async fn next(&mut self) -> Result<Vec<Found>, BoxError> {
        let left = match self.left {
            Some(left) => left,
            None => self.ask(redis::cmd("LLEN").arg(&self.key)).await?,
        };
        let count = left.min(limits::REDIS_LETTERS);
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("LRANGE");
        let page: Vec<Vec<u8>> =
            self.ask(command.arg(&self.key).arg(self.given).arg(self.given + count - 1)).await?;
        self.given += page.len();
        // Others may have taken some out.
        self.left = Some(if page.is_empty() { 0 } else { left - page.len() });
        Ok(page.into_iter().map(|line| Found::of(line.into())).collect())
    }

    async fn take_out(&mut self, lines: &[Bytes]) -> Result<(), BoxError> {
        for line in lines {
            let removed: usize = self.ask(redis::cmd("LREM").arg(&self.key).arg(1).arg(&line[..])).await?;
            self.given = self.given.saturating_sub(removed);
        }
        Ok(())
    }
}

fn told(redis: &Redis, key: &str, error: &RedisError) -> String {
    let advice = match error.code() {
        Some("MOVED" | "ASK") if !redis.is_cluster() => "this is a node of a cluster: set cluster = true: ",
        Some("NOPERM") => "allow this user RPUSH, and LLEN, LRANGE and LREM to redrive: ",
        Some("OOM") => "Redis is full: redrive what is there, or give it more memory: ",
        Some("READONLY") => "this is a replica: name the primary, or the cluster: ",
        Some("WRONGTYPE") => "the key holds something else: name another: ",
        _ => "",
    };
    format!("{advice}{error}, redis={} key={key}", redis.at())
}
