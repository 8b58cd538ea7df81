//! Over from the Kinesis Client Library: lease tables as its versions 2 and 3 write them, in the middle of records too.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition,
        AttributeValue::{self, N, S, Ss},
        BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    },
};
use tidemill_engine::record::Record;

use super::world::{World, times, unique};
use crate::harness::servers;

/// A lease table.
struct Table {
    client: Client,
    name: String,
}

/// What the KCL says of one shard.
struct Lease<'a> {
    key: &'a str,
    owner: Option<&'a str>,
    checkpoint: &'a str,
    sub_sequence: usize,
    /// Version 3 writes attributes that version 2 does not have.
    is_version_3: bool,
}

impl Table {
    async fn new(client: Client) -> Self {
        let name = unique("kcl-application");
        let key = KeySchemaElement::builder().attribute_name("leaseKey").key_type(KeyType::Hash).build();
        let text = AttributeDefinition::builder().attribute_name("leaseKey");
        let text = text.attribute_type(ScalarAttributeType::S).build();
        let call = client.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
        let (key, text) = (key.expect("it is whole"), text.expect("it is whole"));
        let call = call.key_schema(key).attribute_definitions(text);
        call.send().await.expect("the table is new");
        Self { client, name }
    }

    async fn put(&self, item: HashMap<String, AttributeValue>) {
        let call = self.client.put_item().table_name(&self.name).set_item(Some(item));
        call.send().await.expect("the table is there");
    }

    async fn lease(&self, lease: &Lease<'_>, counter: u32) {
        let Lease { key, owner, checkpoint, sub_sequence, is_version_3 } = lease;
        let mut item = HashMap::from([
            ("leaseKey", S((*key).to_owned())),
            ("leaseCounter", N(counter.to_string())),
            ("ownerSwitchesSinceCheckpoint", N("0".to_owned())),
            ("checkpoint", S((*checkpoint).to_owned())),
            ("checkpointSubSequenceNumber", N(sub_sequence.to_string())),
            ("startingHashKey", S("0".to_owned())),
            ("endingHashKey", S("170141183460469231731687303715884105727".to_owned())),
            ("childShardIds", Ss(vec!["shardId-000000000008".to_owned()])),
        ]);
        item.extend(owner.map(|owner| ("leaseOwner", S(owner.to_owned()))));
        if *is_version_3 {
            item.extend([("throughputKBps", N("1.5".to_owned())), ("entityType", S("LEASE".to_owned()))]);
        }
        self.put(item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()).await;
    }

    /// A row of version 3.5 that is no lease.
    async fn leader(&self) {
        let item = [("leaseKey", "Leader"), ("entityType", "LEADER"), ("checkpoint", "none")];
        self.put(item.map(|(name, text)| (name.to_owned(), S(text.to_owned()))).into()).await;
    }
}

const FIRST: &str = "shardId-000000000000";
const SECOND: &str = "shardId-000000000001";

async fn shards(world: &World) -> [Vec<Record>; 2] {
    let records: Vec<Vec<Record>> = world.streams.records("numbers").await.into_values().collect();
    records.try_into().expect("there are two shards")
}

#[tokio::test]
async fn what_the_kcl_has_done_is_not_done_again_and_the_rest_is() {
    let Some(dynamodb) = servers::dynamodb().await else { return };
    let (world, table) = (World::new("").await, Table::new(dynamodb.client().await).await);
    world.put(0..100).await;
    let [first, _] = shards(&world).await;
    let lease =
        |key, checkpoint| Lease { key, owner: None, checkpoint, sub_sequence: 0, is_version_3: false };
    table.lease(&lease(FIRST, first[9].sequence.as_str()), 4).await;
    table.lease(&lease(SECOND, "TRIM_HORIZON"), 4).await;
    table.lease(&lease("shardId-000000000099", "SHARD_END"), 4).await;

    let url = dynamodb.url();
    let import = ["import", "--from", "kcl", "--table", &table.name, "--dynamodb-url", &url];
    let ended = world.checkpoints(&import).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let gone = "left out, because the stream no longer has the shard: shard=shardId-000000000099";
    assert!(ended.stderr.contains(gone), "{}", ended.stderr);
    world.run_until(90).await;
    let out = world.counted().await;
    assert_eq!((out.len(), out.values().max()), (90, Some(&1)));
}

#[tokio::test]
async fn the_middle_of_a_record_of_the_kpl_is_kept_to_the_document() {
    let Some(dynamodb) = servers::dynamodb().await else { return };
    let (world, table) = (World::new("").await, Table::new(dynamodb.client().await).await);
    world.processor("kpl-json");
    let lines: String = (0..60).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    world.place.write("lines.jsonl", lines);
    let url = world.streams.url();
    let put = ["put", "numbers", "lines.jsonl", "--processor", "kpl-json", "--endpoint-url", url];
    let ended = world.place.tidemill(&put).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);

    // Documents were packed by shard; the KCL was in the middle of the first record of each.
    let mut left = 60;
    for (key, records) in [FIRST, SECOND].into_iter().zip(shards(&world).await) {
        let checkpoint = records.first().map_or("TRIM_HORIZON", |record| record.sequence.as_str());
        let done: usize = if records.is_empty() { 0 } else { 4 };
        left -= done;
        let key = format!("123456789012:numbers:1700000000:{key}");
        let sub_sequence = done.saturating_sub(1);
        table.lease(&Lease { key: &key, owner: None, checkpoint, sub_sequence, is_version_3: true }, 9).await;
    }
    table.leader().await;
    let url = dynamodb.url();
    let import = ["import", "--from", "kcl", "--table", &table.name, "--dynamodb-url", &url];
    let ended = world.checkpoints(&import).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("passed over, no lease but LEADER: Leader"), "{}", ended.stderr);
    world.run_until(left).await;
    let out = world.counted().await;
    assert_eq!((out.len(), out.values().max()), (left, Some(&1)));
}

#[tokio::test]
async fn a_kcl_at_work_is_refused_and_one_that_fell_silent_is_not() {
    let Some(dynamodb) = servers::dynamodb().await else { return };
    let (world, table) = (World::new("").await, Table::new(dynamodb.client().await).await);
    let lease = Lease {
        key: FIRST,
        owner: Some("worker-1"),
        checkpoint: "TRIM_HORIZON",
        sub_sequence: 0,
        is_version_3: true,
    };
    table.lease(&lease, 0).await;
    let url = dynamodb.url();
    let import = ["import", "--from", "kcl", "--table", &table.name, "--dynamodb-url", &url];
    let renewing = async {
        for counter in 1.. {
            table.lease(&lease, counter).await;
        }
    };
    let ended = tokio::select! {
        ended = world.checkpoints(&import) => ended,
        () = renewing => unreachable!("it renews for ever"),
    };
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("the other library is running, and would move on: holder=worker-1"),
        "{}",
        ended.stderr
    );
    assert!(world.shown().await.is_empty());

    world.done(&import).await;
    world.put(0..10).await;
    world.run_until(10).await;
    assert_eq!(world.counted().await, times(0..10, 1));
}
