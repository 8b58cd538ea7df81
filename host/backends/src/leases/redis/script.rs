//! The scripts: each is one write, done whole or not at all.

use std::sync::LazyLock;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisResult, Script, ServerErrorKind};

use crate::redis::Redis;

/// A script with its hash, by which a server that ran it before knows it.
pub(crate) struct Stored {
    text: &'static str,
    script: Script,
}

pub(super) static CREATE: LazyLock<Stored> = LazyLock::new(|| Stored::new(include_str!("create.lua")));
pub(super) static UPDATE: LazyLock<Stored> = LazyLock::new(|| Stored::new(include_str!("update.lua")));
pub(super) static DELETE: LazyLock<Stored> = LazyLock::new(|| Stored::new(include_str!("delete.lua")));

impl Stored {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text, script: Script::new(text) }
    }

    /// Runs it over one key. A server that does not know it, as after a restart or a failover, is sent its text, which
    /// reaches the node that has the key whatever becomes of the others.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        redis: &Redis,
        key: &str,
        arguments: &[&str],
    ) -> RedisResult<T> {
        let known = call("EVALSHA", self.script.get_hash(), key, arguments);
        match redis.query(&known).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                redis.query(&call("EVAL", self.text, key, arguments)).await
            }
            answer => answer,
        }
    }
}

fn call(command: &str, script: &str, key: &str, arguments: &[&str]) -> Cmd {
    let mut call = redis::cmd(command);
    call.arg(script).arg(1).arg(key).arg(arguments);
    call
}
