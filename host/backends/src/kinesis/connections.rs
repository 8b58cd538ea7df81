//! Connections for subscriptions, apart from those of all other calls.
//!
//! Over TLS, one connection carries all calls of a client, and the service bounds how many at once. A subscription
//! stays for minutes, so those of a hundred shards would leave no room for anything else. They get clients of their
//! own, each with a connection of its own and a bound that is ours.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_kinesis::{
    Client,
    config::{Config, StalledStreamProtectionConfig},
};
use tidemill_engine::limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::aws::http_client;

/// Clients that are lent to subscriptions. Cloning is cheap.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    config: Config,
    is_tls: bool,
    clients: Arc<Mutex<Vec<Lender>>>,
}

/// A client with room for some subscriptions.
#[derive(Debug)]
struct Lender {
    client: Client,
    room: Arc<Semaphore>,
}

/// A client for one subscription, whose room is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Lent {
    pub(super) client: Client,
    _room: OwnedSemaphorePermit,
}

impl Connections {
    /// Connections for a client of this configuration; none is opened yet.
    pub(super) fn new(config: &Config, is_tls: bool) -> Self {
        // A quiet shard sends a few bytes in five seconds, which the SDK would take for a stall. The engine knows
        // what silence is.
        let patient = StalledStreamProtectionConfig::disabled();
        let config = config.to_builder().stalled_stream_protection(patient).build();
        Self { config, is_tls, clients: Arc::default() }
    }

    /// A client with room for one more subscription.
    pub(super) fn lend(&self) -> Lent {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lent) = clients.iter().find_map(Lender::lend) {
            return lent;
        }
        let config = self.config.to_builder().http_client(http_client(self.is_tls)).build();
        let lender = Lender {
            client: Client::from_conf(config),
            room: Arc::new(Semaphore::new(limits::SUBSCRIPTIONS_PER_CONNECTION)),
        };
        let lent = lender.lend().expect("a new client has room");
        clients.push(lender);
        lent
    }
}

impl Lender {
    fn lend(&self) -> Option<Lent> {
        let room = Arc::clone(&self.room).try_acquire_owned().ok()?;
        Some(Lent { client: self.client.clone(), _room: room })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_kinesis::config::{BehaviorVersion, Region};

    use super::*;

    #[test]
    fn a_connection_has_so_many_subscriptions_and_room_comes_back() {
        let config = Config::builder().behavior_version(BehaviorVersion::v2026_01_12());
        let connections = Connections::new(&config.region(Region::new("eu-west-1")).build(), false);
        let clients = || connections.clients.lock().unwrap().len();
        let mut lent: Vec<_> =
            (0..limits::SUBSCRIPTIONS_PER_CONNECTION).map(|_| connections.lend()).collect();
        assert_eq!(clients(), 1);
        lent.push(connections.lend());
        assert_eq!(clients(), 2);
        drop(lent);
        let _again: Vec<_> =
            (0..2 * limits::SUBSCRIPTIONS_PER_CONNECTION).map(|_| connections.lend()).collect();
        assert_eq!(clients(), 2);
    }
}
