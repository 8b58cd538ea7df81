//! A cluster of three nodes of Redis, each with a third of the slots.

use std::{path::Path, process::Command};

use redis::{Client, FromRedisValue, aio::MultiplexedConnection};
use tidemill_backends::redis::RedisSettings;

use super::{
    process::{Server, free_port},
    redis::{answers, program},
};
use crate::harness::until;

const NODES: u16 = 3;
const SLOTS: u16 = 16_384;
/// How long a node may be silent before the others call it failed, in milliseconds.
const NODE_TIMEOUT_MS: &str = "2000";

/// The cluster.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Server>,
}

impl RedisCluster {
    /// Starts one and waits until every node says that it is whole; none where the machine has no Redis.
    pub async fn start() -> Option<Self> {
        let program = program()?;
        let mut nodes = Vec::new();
        for _ in 0..NODES {
            // The bus stays where it was when the node comes back, so that the others find it.
            let (program, bus) = (program.clone(), free_port());
            let command = move |port: u16, place: &Path| command(&program, port, bus, place);
            nodes.push(Server::start(command, |port| answers(settings([port]))).await);
        }
        let cluster = Self { nodes };
        cluster.join().await;
        Some(cluster)
    }

    /// How to reach it.
    pub fn settings(&self) -> RedisSettings {
        RedisSettings { cluster: true, ..settings(self.nodes.iter().map(Server::port)) }
    }

    /// The process of the node that has a key.
    pub async fn node_of(&mut self, key: &str) -> &mut Server {
        let slot: u16 = ask(self.nodes[0].port(), &["CLUSTER", "KEYSLOT", key]).await;
        &mut self.nodes[usize::from(slot / share())]
    }

    async fn join(&self) {
        let first = self.nodes[0].port();
        let first_bus: Vec<String> = bus_of(first).await;
        for (number, node) in (0_u16..).zip(&self.nodes) {
            let port = node.port();
            let begin = number * share();
            let end = if number + 1 == NODES { SLOTS - 1 } else { begin + share() - 1 };
            let (begin, end, epoch) = (begin.to_string(), end.to_string(), (number + 1).to_string());
            ask::<()>(port, &["CLUSTER", "ADDSLOTSRANGE", &begin, &end]).await;
            ask::<()>(port, &["CLUSTER", "SET-CONFIG-EPOCH", &epoch]).await;
            if number > 0 {
                let meet = ["CLUSTER", "MEET", "127.0.0.1", &first.to_string(), &first_bus[1]];
                ask::<()>(port, &meet).await;
            }
        }
        for node in &self.nodes {
            until("the cluster is whole", async || {
                let info: String = ask(node.port(), &["CLUSTER", "INFO"]).await;
                let has = |line: &str| info.lines().any(|found| found == line);
                (has("cluster_state:ok") && has("cluster_known_nodes:3")).then_some(())
            })
            .await;
        }
    }
}

/// Slots of every node but the last, which has the rest too.
fn share() -> u16 {
    SLOTS / NODES + 1
}

/// The port of a node's bus, behind its name.
async fn bus_of(port: u16) -> Vec<String> {
    ask(port, &["CONFIG", "GET", "cluster-port"]).await
}

async fn ask<T: FromRedisValue>(port: u16, words: &[&str]) -> T {
    let client = Client::open(format!("redis://127.0.0.1:{port}")).expect("the URL is one");
    let connection = client.get_multiplexed_async_connection().await;
    let mut connection: MultiplexedConnection = connection.expect("the node runs");
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query_async(&mut connection).await.unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

fn settings(ports: impl IntoIterator<Item = u16>) -> RedisSettings {
    let urls = ports.into_iter().map(|port| format!("redis://127.0.0.1:{port}")).collect();
    RedisSettings { urls, ..RedisSettings::default() }
}

fn command(program: &Path, port: u16, bus: u16, place: &Path) -> Command {
    let mut command = Command::new(program);
    let (port, bus) = (port.to_string(), bus.to_string());
    command.args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "yes", "--dir"]);
    command.arg(place).args(["--cluster-enabled", "yes", "--cluster-port", &bus]);
    command.args(["--cluster-config-file", "nodes.conf", "--cluster-node-timeout", NODE_TIMEOUT_MS]);
    command
}
