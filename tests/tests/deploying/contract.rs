//! Stores of deployments on the real thing: each keeps the contract.

use tidemill_backends::{
    deployments::redis::RedisDeployments,
    leases::dynamodb::DynamoDbLeases,
    redis::{Redis, RedisSettings},
};
use tidemill_engine::deploy::contract;

use crate::{harness::servers, leases::unique};

async fn redis_keeps_it(settings: &RedisSettings) {
    let redis = Redis::connect(settings).await.expect("the server runs");
    contract::check(async || RedisDeployments::new(redis.clone(), "test", &unique("app"))).await;
}

#[tokio::test]
async fn redis_keeps_the_contract_of_deployments() {
    let Some(server) = servers::redis().await else { return };
    redis_keeps_it(&server.settings()).await;
}

#[tokio::test]
async fn a_cluster_of_redis_keeps_the_contract_of_deployments() {
    let Some(cluster) = servers::redis_cluster().await else { return };
    redis_keeps_it(&cluster.settings()).await;
}

#[tokio::test]
async fn dynamodb_keeps_the_contract_of_deployments() {
    let Some(server) = servers::dynamodb().await else { return };
    let client = server.client().await;
    let leases = DynamoDbLeases::open(client, &unique("leases"), "app/pipe", true).await;
    let leases = leases.expect("the server runs");
    contract::check(async || leases.deployments(&unique("app"))).await;
}
