//! DynamoDB: the contract, and the table.

use tidemill_backends::leases::dynamodb::DynamoDbLeases;
use tidemill_engine::lease::contract;

use super::unique;
use crate::harness::servers;

#[tokio::test]
async fn dynamodb_keeps_the_contract_of_lease_stores() {
    let Some(server) = servers::dynamodb().await else { return };
    let table = unique("leases");
    let leases = DynamoDbLeases::open(server.client().await, &table, "app/first", true).await.unwrap();
    contract::check(async || leases.of_application(&unique("app/pipe"))).await;
}
