//! Servers that are not written here, beside the tests: Redis in three shapes, a DynamoDB, and two others of Kinesis.
//!
//! Tests that run at the same time share one server of a kind, each under names of its own; a test that stops or
//! freezes a server starts its own. A server is killed when the last test that uses it is over.

mod certificates;
mod cluster;
mod dynamodb;
mod ferrokinesis;
pub mod found;
mod kinesis_local;
pub mod process;
mod redis;

use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

pub use cluster::RedisCluster;
pub use dynamodb::DynamoDb;
pub use ferrokinesis::Ferrokinesis;
pub use kinesis_local::KinesisLocal;
pub use redis::{RedisServer, Security};

/// A Redis of one node; none where the machine has none, which was said.
pub async fn redis() -> Option<Arc<RedisServer>> {
    static SHARED: Shared<RedisServer> = Shared::new();
    SHARED.or_start(async || RedisServer::start(Security::None).await).await
}

/// A Redis of one node that speaks TLS alone, with a certificate of its own and a password.
pub async fn redis_tls() -> Option<Arc<RedisServer>> {
    static SHARED: Shared<RedisServer> = Shared::new();
    SHARED.or_start(async || RedisServer::start(Security::TlsAndPassword).await).await
}

/// A cluster of three nodes of Redis.
pub async fn redis_cluster() -> Option<Arc<RedisCluster>> {
    static SHARED: Shared<RedisCluster> = Shared::new();
    SHARED.or_start(RedisCluster::start).await
}

/// A DynamoDB.
pub async fn dynamodb() -> Option<Arc<DynamoDb>> {
    static SHARED: Shared<DynamoDb> = Shared::new();
    SHARED.or_start(DynamoDb::start).await
}

/// A server that lives as long as somebody uses it.
struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    const fn new() -> Self {
        Self(Mutex::const_new(Weak::new()))
    }

    async fn or_start(&self, start: impl AsyncFnOnce() -> Option<T>) -> Option<Arc<T>> {
        let mut shared = self.0.lock().await;
        if let Some(running) = shared.upgrade() {
            return Some(running);
        }
        let started = Arc::new(start().await?);
        *shared = Arc::downgrade(&started);
        Some(started)
    }
}
