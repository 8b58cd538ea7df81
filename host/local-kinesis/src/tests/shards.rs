//! ListShards, splits, merges, UpdateShardCount, the end of a shard.

use serde_json::{Value, json};

use super::client::{FIRST, create, data, iterator, ok, refused, start};

fn ids(page: &Value) -> Vec<&str> {
    page["Shards"].as_array().unwrap().iter().map(|shard| &shard["ShardId"].as_str().unwrap()[18..]).collect()
}

#[tokio::test]
async fn shards_are_listed_in_pages_and_a_token_comes_alone() {
    let local = start().await;
    create(&local, "s", 3).await;
    let first = ok(&local, "ListShards", json!({"StreamName": "s", "MaxResults": 2})).await;
    assert_eq!(ids(&first), ["00", "01"]);
    let token = &first["NextToken"];
    let second = ok(&local, "ListShards", json!({"NextToken": token})).await;
    assert_eq!((ids(&second), second.get("NextToken")), (vec!["02"], None));
    let both = json!({"StreamName": "s", "NextToken": token});
    assert_eq!(refused(&local, "ListShards", both).await, "InvalidArgumentException");
    let after = json!({"StreamName": "s", "ExclusiveStartShardId": "shardId-000000000001"});
    assert_eq!(ids(&ok(&local, "ListShards", after).await), ["02"]);
}

#[tokio::test]
async fn all_six_filters_are_understood() {
    let local = start().await;
    create(&local, "s", 2).await;
    ok(
        &local,
        "UpdateShardCount",
        json!({"StreamName": "s", "TargetShardCount": 1, "ScalingType": "UNIFORM_SCALING"}),
    )
    .await;
    let later = 4_000_000_000_u64;
    for (filter, expected) in [
        (json!({"Type": "AFTER_SHARD_ID", "ShardId": FIRST}), vec!["01", "02"]),
        (json!({"Type": "AT_TRIM_HORIZON"}), vec!["00", "01"]),
        (json!({"Type": "FROM_TRIM_HORIZON"}), vec!["00", "01", "02"]),
        (json!({"Type": "AT_LATEST"}), vec!["02"]),
        (json!({"Type": "AT_TIMESTAMP", "Timestamp": later}), vec!["02"]),
        (json!({"Type": "FROM_TIMESTAMP", "Timestamp": 1.5}), vec!["00", "01", "02"]),
    ] {
        let page = ok(&local, "ListShards", json!({"StreamName": "s", "ShardFilter": filter})).await;
        assert_eq!(ids(&page), expected, "{filter}");
    }
    for filter in [json!({"Type": "AFTER_SHARD_ID"}), json!({"Type": "AT_TIMESTAMP"})] {
        let asked = json!({"StreamName": "s", "ShardFilter": filter});
        assert_eq!(refused(&local, "ListShards", asked).await, "InvalidArgumentException");
    }
    let asked = json!({"StreamName": "s", "ShardFilter": {"Type": "AT_NOON"}});
    assert_eq!(refused(&local, "ListShards", asked).await, "ValidationException");
}

#[tokio::test]
async fn the_last_read_of_a_split_shard_brings_records_and_children_and_no_iterator() {
    let local = start().await;
    create(&local, "s", 1).await;
    ok(&local, "PutRecord", json!({"StreamName": "s", "Data": "YQ==", "PartitionKey": "k"})).await;
    let held = iterator(&local, "s", FIRST).await;
    let middle = "170141183460469231731687303715884105728";
    ok(&local, "SplitShard", json!({"StreamName": "s", "ShardToSplit": FIRST, "NewStartingHashKey": middle}))
        .await;
    let read = ok(&local, "GetRecords", json!({"ShardIterator": held})).await;
    assert_eq!(read["Records"].as_array().unwrap().len(), 1);
    assert!(read.get("NextShardIterator").is_none());
    let children = read["ChildShards"].as_array().unwrap();
    assert_eq!(children.len(), 2);
    assert_eq!(children[1]["ParentShards"], json!([FIRST]));
    assert_eq!(children[1]["HashKeyRange"]["StartingHashKey"], middle);
    let put = json!({"StreamName": "s", "Data": "Yg==", "PartitionKey": "k", "ExplicitHashKey": middle});
    assert_eq!(ok(&local, "PutRecord", put).await["ShardId"], "shardId-000000000002");
    assert_eq!(data(&local, "s", FIRST).await, ["YQ=="]);
    assert_eq!(data(&local, "s", "shardId-000000000002").await, ["Yg=="]);
    let merge = json!({"StreamName": "s", "ShardToMerge": "shardId-000000000001", "AdjacentShardToMerge": "shardId-000000000002"});
    ok(&local, "MergeShards", merge).await;
    let page = ok(&local, "ListShards", json!({"StreamName": "s"})).await;
    let merged = &page["Shards"][3];
    assert_eq!(merged["ParentShardId"], "shardId-000000000001");
    assert_eq!(merged["AdjacentParentShardId"], "shardId-000000000002");
    assert!(page["Shards"][0]["SequenceNumberRange"]["EndingSequenceNumber"].is_string());
}

#[tokio::test]
async fn the_count_of_shards_is_updated_within_bounds() {
    let local = start().await;
    create(&local, "s", 2).await;
    let update = |target: u32| json!({"StreamName": "s", "TargetShardCount": target, "ScalingType": "UNIFORM_SCALING"});
    let done = ok(&local, "UpdateShardCount", update(3)).await;
    assert_eq!((&done["CurrentShardCount"], &done["TargetShardCount"]), (&json!(2), &json!(3)));
    let open = json!({"StreamName": "s", "ShardFilter": {"Type": "AT_LATEST"}});
    assert_eq!(ids(&ok(&local, "ListShards", open).await).len(), 3);
    assert_eq!(refused(&local, "UpdateShardCount", update(7)).await, "InvalidArgumentException");
    assert_eq!(refused(&local, "UpdateShardCount", update(1)).await, "InvalidArgumentException");
}

#[tokio::test]
async fn hash_keys_are_checked_by_pattern_and_by_range() {
    let local = start().await;
    create(&local, "s", 1).await;
    let split = |key: &str| json!({"StreamName": "s", "ShardToSplit": FIRST, "NewStartingHashKey": key});
    for (key, code) in [
        ("0", "InvalidArgumentException"),
        ("340282366920938463463374607431768211456", "InvalidArgumentException"),
        ("007", "ValidationException"),
        ("x", "ValidationException"),
    ] {
        assert_eq!(refused(&local, "SplitShard", split(key)).await, code, "{key}");
    }
}
