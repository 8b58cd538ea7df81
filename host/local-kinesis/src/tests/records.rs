//! PutRecord, PutRecords, GetShardIterator, GetRecords in JSON.

use crate::LocalKinesis;
use serde_json::{Value, json};
use tidemill_engine::hash::HashKey;

use super::client::{FIRST, create, data, iterator, ok, refused, start};

async fn put(local: &LocalKinesis, data: &str) -> Value {
    ok(local, "PutRecord", json!({"StreamName": "s", "Data": data, "PartitionKey": "k"})).await
}

#[tokio::test]
async fn a_record_comes_back_as_it_was_put() {
    let local = start().await;
    create(&local, "s", 1).await;
    let key = "a \"quoted\" kéy\n";
    let placed =
        ok(&local, "PutRecord", json!({"StreamName": "s", "Data": "AAH/gA==", "PartitionKey": key})).await;
    assert_eq!((&placed["ShardId"], &placed["EncryptionType"]), (&json!(FIRST), &json!("NONE")));
    let iterator = iterator(&local, "s", FIRST).await;
    let read = ok(&local, "GetRecords", json!({"ShardIterator": iterator, "Limit": 1})).await;
    let record = &read["Records"][0];
    assert_eq!(record["SequenceNumber"], placed["SequenceNumber"]);
    assert_eq!((&record["Data"], &record["PartitionKey"]), (&json!("AAH/gA=="), &json!(key)));
    assert!(record["ApproximateArrivalTimestamp"].as_f64().unwrap() > 1.7e9);
    assert_eq!(read["MillisBehindLatest"], 0);
    assert!(read["NextShardIterator"].is_string() && read.get("ChildShards").is_none());
}

#[tokio::test]
async fn entries_go_where_their_keys_hash_and_keep_their_order() {
    let local = start().await;
    create(&local, "s", 4).await;
    let keys: Vec<String> = (0..500).map(|n| format!("key-{n}")).collect();
    let records: Vec<Value> =
        keys.iter().map(|key| json!({"Data": base64(key.as_bytes()), "PartitionKey": key})).collect();
    let put = ok(&local, "PutRecords", json!({"StreamName": "s", "Records": records})).await;
    assert_eq!((&put["FailedRecordCount"], &put["EncryptionType"]), (&json!(0), &json!("NONE")));
    let shard_of = |key: &str| (HashKey::of(key).0 >> 126) as usize;
    for (key, result) in keys.iter().zip(put["Records"].as_array().unwrap()) {
        assert_eq!(result["ShardId"], format!("shardId-{:012}", shard_of(key)));
    }
    for shard in 0..4 {
        let expected: Vec<String> =
            keys.iter().filter(|key| shard_of(key) == shard).map(|key| base64(key.as_bytes())).collect();
        assert_eq!(data(&local, "s", &format!("shardId-{shard:012}")).await, expected);
    }
    let explicit = json!({"Data": "", "PartitionKey": "k", "ExplicitHashKey": HashKey::MAX.to_string()});
    let put = ok(&local, "PutRecords", json!({"StreamName": "s", "Records": [explicit]})).await;
    assert_eq!(put["Records"][0]["ShardId"], "shardId-000000000003");
}

#[tokio::test]
async fn each_kind_of_iterator_is_understood() {
    let local = start().await;
    create(&local, "s", 1).await;
    let mut numbers = Vec::new();
    for text in ["YQ==", "Yg==", "Yw=="] {
        numbers.push(put(&local, text).await["SequenceNumber"].clone());
    }
    for (kind, extra, expected) in [
        ("TRIM_HORIZON", json!({}), vec!["YQ==", "Yg==", "Yw=="]),
        ("LATEST", json!({}), vec![]),
        ("AT_SEQUENCE_NUMBER", json!({"StartingSequenceNumber": numbers[1]}), vec!["Yg==", "Yw=="]),
        ("AFTER_SEQUENCE_NUMBER", json!({"StartingSequenceNumber": numbers[1]}), vec!["Yw=="]),
        ("AT_TIMESTAMP", json!({"Timestamp": 1_500_000_000.25}), vec!["YQ==", "Yg==", "Yw=="]),
    ] {
        let mut asked = json!({"StreamName": "s", "ShardId": FIRST, "ShardIteratorType": kind});
        asked.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let iterator = ok(&local, "GetShardIterator", asked).await["ShardIterator"].clone();
        assert!(iterator.as_str().unwrap().len() <= 512);
        let read = ok(&local, "GetRecords", json!({"ShardIterator": iterator})).await;
        let texts: Vec<_> = read["Records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["Data"].as_str().unwrap())
            .collect();
        assert_eq!(texts, expected, "{kind}");
    }
}

#[tokio::test]
async fn positions_that_cannot_be_are_refused() {
    let local = start().await;
    create(&local, "s", 1).await;
    for (body, code) in [
        (
            json!({"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 4_000_000_000_u64}),
            "InvalidArgumentException",
        ),
        (
            json!({"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": "1"}),
            "InvalidArgumentException",
        ),
        (
            json!({"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": "abc"}),
            "ValidationException",
        ),
        (json!({"ShardIteratorType": "AT_SEQUENCE_NUMBER"}), "InvalidArgumentException"),
        (json!({"ShardIteratorType": "SOMEWHERE"}), "ValidationException"),
        (json!({}), "ValidationException"),
        (
            json!({"ShardIteratorType": "LATEST", "ShardId": "shardId-000000000009"}),
            "ResourceNotFoundException",
        ),
        (json!({"ShardIteratorType": "LATEST", "StreamName": "none"}), "ResourceNotFoundException"),
    ] {
        let mut asked = json!({"StreamName": "s", "ShardId": FIRST});
        asked.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        assert_eq!(refused(&local, "GetShardIterator", asked).await, code, "{body}");
    }
    for (body, code) in [
        (json!({"ShardIterator": "A".repeat(100)}), "InvalidArgumentException"),
        (json!({"ShardIterator": "A".repeat(513)}), "ValidationException"),
        (
            json!({"ShardIterator": iterator(&local, "s", FIRST).await, "Limit": 10_001}),
            "ValidationException",
        ),
        (json!({"ShardIterator": iterator(&local, "s", FIRST).await, "Limit": -1}), "ValidationException"),
    ] {
        assert_eq!(refused(&local, "GetRecords", body.clone()).await, code, "{body}");
    }
}

#[tokio::test]
async fn entries_that_break_the_limits_refuse_the_request() {
    let local = start().await;
    create(&local, "s", 1).await;
    let many = |count: usize, data: &str| {
        let entry = json!({"Data": data, "PartitionKey": "k"});
        json!({"StreamName": "s", "Records": vec![entry; count]})
    };
    assert_eq!(refused(&local, "PutRecords", many(0, "")).await, "ValidationException");
    assert_eq!(refused(&local, "PutRecords", many(501, "")).await, "ValidationException");
    let mebibyte = base64(&vec![7; (1 << 20) - 1]);
    assert_eq!(ok(&local, "PutRecords", many(10, &mebibyte)).await["FailedRecordCount"], 0);
    assert_eq!(refused(&local, "PutRecords", many(11, &mebibyte)).await, "InvalidArgumentException");
    let one = |data: &str, key: &str| json!({"StreamName": "s", "Data": data, "PartitionKey": key});
    let too_large = base64(&vec![7; 1 << 20]);
    assert_eq!(refused(&local, "PutRecord", one(&too_large, "k")).await, "InvalidArgumentException");
    assert_eq!(refused(&local, "PutRecord", one("", &"k".repeat(257))).await, "ValidationException");
    assert_eq!(refused(&local, "PutRecord", one("", "")).await, "ValidationException");
    assert_eq!(refused(&local, "PutRecord", one("not base64!", "k")).await, "SerializationException");
    let read = ok(&local, "GetRecords", json!({"ShardIterator": iterator(&local, "s", FIRST).await})).await;
    assert_eq!(read["Records"].as_array().unwrap().len(), 10, "ten records fill a response");
}

#[tokio::test]
async fn enforced_rates_fail_entries_singly() {
    let mut settings = super::client::settings();
    settings.model.enforce_limits = true;
    let local = LocalKinesis::start(settings).await.unwrap();
    create(&local, "s", 1).await;
    let entry = json!({"Data": base64(&vec![0; (1 << 19) - 1]), "PartitionKey": "k"});
    let put = ok(&local, "PutRecords", json!({"StreamName": "s", "Records": vec![entry; 4]})).await;
    assert_eq!(put["FailedRecordCount"], 2);
    assert_eq!(put["Records"][1]["ShardId"], FIRST);
    assert_eq!(put["Records"][3]["ErrorCode"], "ProvisionedThroughputExceededException");
    assert!(put["Records"][3]["ErrorMessage"].is_string() && put["Records"][3].get("ShardId").is_none());
}

fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}
