//! Redis: one node, TLS, a cluster, and servers that come and go.

use tidemill_backends::{
    leases::redis::RedisLeases,
    redis::{Redis, RedisSettings},
};
use tidemill_engine::lease::contract;

use super::unique;
use crate::harness::servers;

async fn keeps_the_contract(settings: &RedisSettings) {
    let redis = Redis::connect(settings).await.unwrap();
    contract::check(async || RedisLeases::new(redis.clone(), "test", &unique("app/pipe"))).await;
}

#[tokio::test]
async fn redis_keeps_the_contract_of_lease_stores() {
    let Some(server) = servers::redis().await else { return };
    keeps_the_contract(&server.settings()).await;
}

#[tokio::test]
async fn redis_with_tls_and_a_password_keeps_the_contract_of_lease_stores() {
    let Some(server) = servers::redis_tls().await else { return };
    keeps_the_contract(&server.settings()).await;
}

#[tokio::test]
async fn a_cluster_of_redis_keeps_the_contract_of_lease_stores() {
    let Some(cluster) = servers::redis_cluster().await else { return };
    keeps_the_contract(&cluster.settings()).await;
}
