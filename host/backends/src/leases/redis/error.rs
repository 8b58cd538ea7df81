//! What a holder of leases is told when Redis does not do what it was asked.

use redis::RedisError;
use tidemill_engine::lease::LeaseError;

use crate::redis::Redis;

/// The error of a call over a key. Whatever it is, the caller may try again: people can mend all of these meanwhile.
pub(super) fn failed(redis: &Redis, key: &str, error: &RedisError) -> LeaseError {
    LeaseError::Unavailable(told(redis, key, error))
}

/// The same for people, with what to do.
pub(crate) fn told(redis: &Redis, key: &str, error: &RedisError) -> String {
    let advice = match error.code() {
        Some("MOVED" | "ASK") if !redis.is_cluster() => "this is a node of a cluster: set cluster = true: ",
        Some("NOPERM") => "allow this user the commands that docs/operations.md names: ",
        Some("NOAUTH" | "WRONGPASS") => "set the right user and password: ",
        Some("OOM") => "Redis is full: give it more memory, or leases one of their own: ",
        Some("READONLY") => "this is a replica: name the primary, or the cluster: ",
        Some("WRONGTYPE") => "the key holds something else: set another prefix: ",
        _ => "",
    };
    format!("{advice}{error}, redis={} key={key}", redis.at())
}
