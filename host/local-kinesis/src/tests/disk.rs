//! Streams on disk: what was acknowledged is there after a restart, however the end came.

use crate::{LocalKinesis, Settings, StartError};
use serde_json::{Value, json};

use super::client::{FIRST, create, data, ok, refused, settings};

fn on_disk(folder: &tempfile::TempDir) -> Settings {
    Settings { data_dir: Some(folder.path().join("streams")), ..settings() }
}

async fn put(local: &LocalKinesis, data: &str) -> Value {
    ok(local, "PutRecord", json!({"StreamName": "s", "Data": data, "PartitionKey": "k"})).await
}

#[tokio::test]
async fn a_restart_goes_on_with_records_iterators_and_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let local = LocalKinesis::start(on_disk(&folder)).await.unwrap();
    create(&local, "s", 1).await;
    let first = put(&local, "YQ==").await;
    let asked = json!({"StreamName": "s", "ShardId": FIRST, "ShardIteratorType": "LATEST"});
    let iterator = ok(&local, "GetShardIterator", asked).await["ShardIterator"].clone();
    local.stop().await;

    let local = LocalKinesis::start(on_disk(&folder)).await.unwrap();
    let second = put(&local, "Yg==").await;
    assert_eq!(data(&local, "s", FIRST).await, ["YQ==", "Yg=="]);
    assert!(first["SequenceNumber"].as_str() < second["SequenceNumber"].as_str());
    let read = ok(&local, "GetRecords", json!({"ShardIterator": iterator})).await;
    assert_eq!(read["Records"][0]["SequenceNumber"], second["SequenceNumber"]);
    let middle = "170141183460469231731687303715884105728";
    ok(&local, "SplitShard", json!({"StreamName": "s", "ShardToSplit": FIRST, "NewStartingHashKey": middle}))
        .await;
    local.stop().await;

    let local = LocalKinesis::start(on_disk(&folder)).await.unwrap();
    let shards = ok(&local, "ListShards", json!({"StreamName": "s"})).await;
    assert_eq!(shards["Shards"].as_array().unwrap().len(), 3);
    assert_eq!(shards["Shards"][2]["ParentShardId"], FIRST);
    ok(&local, "DeleteStream", json!({"StreamName": "s"})).await;
    local.stop().await;

    let local = LocalKinesis::start(on_disk(&folder)).await.unwrap();
    assert_eq!(refused(&local, "ListShards", json!({"StreamName": "s"})).await, "ResourceNotFoundException");
}

#[tokio::test]
async fn every_acknowledged_record_is_in_the_file_at_that_moment() {
    let folder = tempfile::tempdir().unwrap();
    let local = LocalKinesis::start(on_disk(&folder)).await.unwrap();
    create(&local, "s", 1).await;
    let mut expected = Vec::new();
    for n in 0..20 {
        let text = format!("{n:04}");
        put(&local, &text).await;
        expected.push(text);
        // A copy of the file as it is now is what a killed process leaves behind.
        let copy = tempfile::tempdir().unwrap();
        let streams = copy.path().join("streams");
        std::fs::create_dir(&streams).unwrap();
        std::fs::copy(folder.path().join("streams/kinesis.redb"), streams.join("kinesis.redb")).unwrap();
        let again = LocalKinesis::start(on_disk(&copy)).await.unwrap();
        assert_eq!(data(&again, "s", FIRST).await, expected);
    }
}

#[tokio::test]
async fn a_folder_is_used_by_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let _local = LocalKinesis::start(on_disk(&folder)).await.unwrap();
    let error = LocalKinesis::start(on_disk(&folder)).await.unwrap_err();
    assert!(matches!(error, StartError::Disk { .. }));
    assert!(error.to_string().contains("stop the other process"), "{error}");
}
