//! Over from kinesis-python: its table as the library writes it.

use aws_sdk_dynamodb::types::{
    AttributeDefinition,
    AttributeValue::{N, S},
    BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};

use super::world::{World, unique};
use crate::harness::servers;

#[tokio::test]
async fn kinesis_python_goes_over_behind_its_last_record() {
    let Some(dynamodb) = servers::dynamodb().await else { return };
    let (world, client, table) = (World::new("").await, dynamodb.client().await, unique("kinesis-python"));
    let key = KeySchemaElement::builder().attribute_name("shard").key_type(KeyType::Hash).build();
    let text = AttributeDefinition::builder().attribute_name("shard");
    let text = text.attribute_type(ScalarAttributeType::S).build();
    let call = client.create_table().table_name(&table).billing_mode(BillingMode::PayPerRequest);
    let call = call.key_schema(key.expect("it is whole"));
    let call = call.attribute_definitions(text.expect("it is whole"));
    call.send().await.expect("the table is new");
    world.put(0..100).await;
    for (shard, records) in world.streams.records("numbers").await {
        let call = client.put_item().table_name(&table).item("shard", S(format!("numbers_{shard}")));
        let call = call.item("fqdn", S("host.example".into())).item("expires", N("1700000000".into()));
        let call = call.item("seq", S(records[9].sequence.to_string()));
        call.send().await.expect("the table is there");
    }
    let url = dynamodb.url();
    world.done(&["import", "--from", "kinesis-python", "--table", &table, "--dynamodb-url", &url]).await;
    world.run_until(80).await;
    let out = world.counted().await;
    assert_eq!((out.len(), out.values().max()), (80, Some(&1)));
}
