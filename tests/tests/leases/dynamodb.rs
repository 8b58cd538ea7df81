//! DynamoDB: the contract, the table, and a server that goes away.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    },
};
use tidemill_backends::leases::dynamodb::{DynamoDbLeases, TableError};
use tidemill_engine::lease::{LeaseError, LeaseKey, LeaseStore, NewLease, Update, contract};
use tokio::time::timeout;

use super::{at, move_to, new_lease, unique};
use crate::harness::servers::{self, DynamoDb};

/// Far longer than any call may take: what is not over by then hangs.
const HANG: Duration = Duration::from_secs(60);

async fn open(client: &Client, table: &str) -> DynamoDbLeases {
    DynamoDbLeases::open(client.clone(), table, "app/pipe", true).await.expect("the server runs")
}

#[tokio::test]
async fn dynamodb_keeps_the_contract_of_lease_stores() {
    let Some(server) = servers::dynamodb().await else { return };
    let leases = open(&server.client().await, &unique("leases")).await;
    contract::check(async || leases.of_application(&unique("app/pipe"))).await;
}

#[tokio::test]
async fn a_table_is_made_on_request_alone_and_by_many_at_once() {
    let Some(server) = servers::dynamodb().await else { return };
    let (client, table) = (server.client().await, unique("leases"));
    let refused = DynamoDbLeases::open(client.clone(), &table, "app/pipe", false).await.map(drop);
    assert_eq!(refused, Err(TableError::Missing(table.clone())));
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("create it, or set create-table = true, table=leases-"), "{text}");

    let opened = futures::future::join_all((0..3).map(|_| open(&client, &table))).await;
    assert_eq!(opened.len(), 3);
    let found = client.describe_table().table_name(&table).send().await.unwrap().table.unwrap();
    let billing = found.billing_mode_summary().and_then(|summary| summary.billing_mode());
    assert_eq!(billing, Some(&BillingMode::PayPerRequest));
    assert!(DynamoDbLeases::open(client, &table, "app/pipe", false).await.is_ok());
}

#[tokio::test]
async fn a_table_of_something_else_is_refused() {
    let Some(server) = servers::dynamodb().await else { return };
    let (client, table) = (server.client().await, unique("users"));
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().unwrap();
    let id = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let create = client.create_table().table_name(&table).billing_mode(BillingMode::PayPerRequest);
    create.key_schema(key).attribute_definitions(id.build().unwrap()).send().await.unwrap();
    for create_table in [true, false] {
        let refused = DynamoDbLeases::open(client.clone(), &table, "app/pipe", create_table).await.map(drop);
        assert_eq!(refused, Err(TableError::OtherKeys(table.clone())));
    }
}

#[tokio::test]
async fn what_stands_in_dynamodb_is_for_people() {
    let Some(server) = servers::dynamodb().await else { return };
    let (client, table) = (server.client().await, unique("leases"));
    let leases = open(&client, &table).await;
    let lease = leases.create(new_lease()).await.unwrap();
    let lease = leases.update(&lease, Update::Take("a".into())).await.unwrap();
    leases.update(&lease, move_to(at("17"))).await.unwrap();
    let found = client.scan().table_name(&table).send().await.unwrap();
    let [item] = found.items() else { panic!("{:?}", found.items()) };
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |digits: &str| AttributeValue::N(digits.to_owned());
    let expected = [
        ("application", text("app/pipe")),
        ("checkpoint", text("17")),
        ("counter", number("2")),
        ("lease", text("orders/shardId-000000000000")),
        ("load", number("7")),
        ("owner", text("a")),
        ("parents", AttributeValue::L(vec![text("shardId-000000000100")])),
    ];
    let mut item: Vec<_> = item.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    item.sort_by_key(|(name, _)| *name);
    assert_eq!(item, expected);
}

#[tokio::test]
async fn leases_that_do_not_fit_one_page_are_all_listed() {
    let Some(server) = servers::dynamodb().await else { return };
    let (client, table) = (server.client().await, unique("leases"));
    let leases = open(&client, &table).await;
    let parents: Vec<_> = (0..500).map(|n| format!("shardId-{n:012}").as_str().into()).collect();
    for number in 0..150 {
        let key = LeaseKey { shard: format!("shardId-{number:012}").as_str().into(), ..new_lease().key };
        let created = leases.create(NewLease { key, parents: parents.clone(), ..new_lease() }).await;
        assert_eq!(created.map(|lease| lease.parents.len()), Ok(500));
    }
    let first = client.scan().table_name(&table).send().await.unwrap();
    assert!(first.last_evaluated_key().is_some(), "the leases fit one page, so nothing is tested");
    let mut listed = leases.list().await.unwrap();
    listed.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(listed.len(), 150);
    assert!(listed.windows(2).all(|pair| pair[0].key < pair[1].key));
}

#[tokio::test]
async fn a_table_that_was_deleted_is_told_with_what_to_do() {
    let Some(server) = servers::dynamodb().await else { return };
    let (client, table) = (server.client().await, unique("leases"));
    let leases = open(&client, &table).await;
    let lease = leases.create(new_lease()).await.unwrap();
    client.delete_table().table_name(&table).send().await.unwrap();
    let listed = leases.list().await.map(drop);
    let written = leases.update(&lease, Update::Renew { load: 0 }).await.map(drop);
    for answer in [listed, written] {
        let Err(LeaseError::Unavailable(reason)) = answer else { panic!("{answer:?}") };
        assert!(reason.starts_with("there is no such table: create it, or set create-table"), "{reason}");
        assert!(reason.ends_with(&format!("table={table}")), "{reason}");
    }
}

#[tokio::test]
async fn a_dynamodb_that_hangs_or_died_is_unavailable() {
    let Some(mut server) = DynamoDb::start().await else { return };
    let leases = open(&server.client().await, &unique("leases")).await;
    let lease = leases.create(new_lease()).await.unwrap();
    server.process().freeze();
    let hanging = timeout(HANG, leases.list()).await.expect("a call without an answer ends");
    assert!(matches!(hanging, Err(LeaseError::Unavailable(_))), "{hanging:?}");
    server.process().thaw();
    assert_eq!(leases.list().await, Ok(vec![lease.clone()]));
    server.process().kill();
    let written = leases.update(&lease, Update::Take("a".into())).await;
    assert!(matches!(written, Err(LeaseError::Unavailable(_))), "{written:?}");
}
