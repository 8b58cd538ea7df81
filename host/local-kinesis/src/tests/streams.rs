//! Creating, describing, listing, changing, deleting streams.

use serde_json::json;

use super::client::{call, create, ok, refused, start};

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/s";

#[tokio::test]
async fn a_stream_is_created_described_listed_and_deleted() {
    let local = start().await;
    create(&local, "s", 2).await;
    let described = ok(&local, "DescribeStream", json!({"StreamName": "s"})).await;
    let stream = &described["StreamDescription"];
    assert_eq!(stream["StreamARN"], ARN);
    assert_eq!(stream["StreamStatus"], "ACTIVE");
    assert_eq!(stream["StreamModeDetails"]["StreamMode"], "PROVISIONED");
    assert_eq!((&stream["RetentionPeriodHours"], &stream["HasMoreShards"]), (&json!(24), &json!(false)));
    assert_eq!((&stream["EncryptionType"], &stream["MaxRecordSizeInKiB"]), (&json!("NONE"), &json!(1024)));
    assert_eq!(stream["EnhancedMonitoring"], json!([{"ShardLevelMetrics": []}]));
    assert!(stream["StreamCreationTimestamp"].as_f64().unwrap() > 1.7e9);
    let shard = &stream["Shards"][0];
    assert_eq!(shard["ShardId"], "shardId-000000000000");
    let range = json!({"StartingHashKey": "0", "EndingHashKey": "170141183460469231731687303715884105727"});
    assert_eq!(shard["HashKeyRange"], range);
    let number = shard["SequenceNumberRange"]["StartingSequenceNumber"].as_str().unwrap();
    assert!(number.len() == 56 && number.starts_with("49"), "{number}");
    assert!(shard.get("ParentShardId").is_none());

    let summary = ok(&local, "DescribeStreamSummary", json!({"StreamName": "s"})).await;
    let summary = &summary["StreamDescriptionSummary"];
    assert_eq!((&summary["OpenShardCount"], &summary["ConsumerCount"]), (&json!(2), &json!(0)));
    let list = ok(&local, "ListStreams", json!({})).await;
    assert_eq!((&list["StreamNames"], &list["HasMoreStreams"]), (&json!(["s"]), &json!(false)));
    assert_eq!(list["StreamSummaries"][0]["StreamARN"], ARN);

    assert_eq!(
        refused(&local, "CreateStream", json!({"StreamName": "s", "ShardCount": 1})).await,
        "ResourceInUseException"
    );
    assert!(call(&local, "DeleteStream", json!({"StreamName": "s"})).await.body.is_empty());
    assert_eq!(
        refused(&local, "DescribeStream", json!({"StreamName": "s"})).await,
        "ResourceNotFoundException"
    );
}

#[tokio::test]
async fn a_stream_on_demand_has_four_shards() {
    let local = start().await;
    let mode = json!({"StreamMode": "ON_DEMAND"});
    ok(&local, "CreateStream", json!({"StreamName": "d", "StreamModeDetails": mode})).await;
    let summary = ok(&local, "DescribeStreamSummary", json!({"StreamName": "d"})).await;
    assert_eq!(summary["StreamDescriptionSummary"]["OpenShardCount"], 4);
    assert_eq!(summary["StreamDescriptionSummary"]["StreamModeDetails"], mode);
}

#[tokio::test]
async fn streams_are_listed_in_pages_by_token_and_by_name() {
    let local = start().await;
    for name in ["a", "b", "c"] {
        create(&local, name, 1).await;
    }
    let first = ok(&local, "ListStreams", json!({"Limit": 2})).await;
    assert_eq!((&first["StreamNames"], &first["HasMoreStreams"]), (&json!(["a", "b"]), &json!(true)));
    let second = ok(&local, "ListStreams", json!({"NextToken": first["NextToken"]})).await;
    assert_eq!((&second["StreamNames"], second.get("NextToken")), (&json!(["c"]), None));
    let by_name = ok(&local, "ListStreams", json!({"ExclusiveStartStreamName": "a", "Limit": 1})).await;
    assert_eq!(by_name["StreamNames"], json!(["b"]));
}

#[tokio::test]
async fn every_call_takes_an_arn_in_place_of_a_name() {
    let local = start().await;
    create(&local, "s", 1).await;
    let arn = |mut body: serde_json::Value| {
        body["StreamARN"] = json!(ARN);
        body
    };
    ok(&local, "DescribeStream", arn(json!({}))).await;
    ok(&local, "DescribeStreamSummary", arn(json!({}))).await;
    ok(&local, "ListShards", arn(json!({}))).await;
    ok(&local, "PutRecord", arn(json!({"Data": "YQ==", "PartitionKey": "k"}))).await;
    ok(&local, "PutRecords", arn(json!({"Records": [{"Data": "YQ==", "PartitionKey": "k"}]}))).await;
    let asked = json!({"ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"});
    let iterator = ok(&local, "GetShardIterator", arn(asked)).await["ShardIterator"].clone();
    ok(&local, "GetRecords", arn(json!({"ShardIterator": iterator}))).await;
    ok(&local, "UpdateMaxRecordSize", arn(json!({"MaxRecordSizeInKiB": 2048}))).await;
    let foreign = "arn:aws:kinesis:us-east-1:000000000000:stream/other";
    assert_eq!(
        refused(&local, "DescribeStream", json!({"StreamARN": foreign})).await,
        "ResourceNotFoundException"
    );
    let both = json!({"StreamName": "s", "StreamARN": foreign});
    assert_eq!(refused(&local, "DescribeStream", both).await, "InvalidArgumentException");
    assert_eq!(refused(&local, "DescribeStream", json!({})).await, "InvalidArgumentException");
}

#[tokio::test]
async fn what_a_stream_is_told_it_tells() {
    let local = start().await;
    create(&local, "s", 1).await;
    ok(&local, "IncreaseStreamRetentionPeriod", json!({"StreamName": "s", "RetentionPeriodHours": 48})).await;
    let key = json!({"StreamName": "s", "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"});
    ok(&local, "StartStreamEncryption", key.clone()).await;
    let metrics = json!({"StreamName": "s", "ShardLevelMetrics": ["IncomingBytes"]});
    let monitored = ok(&local, "EnableEnhancedMonitoring", metrics).await;
    assert_eq!(monitored["DesiredShardLevelMetrics"], json!(["IncomingBytes"]));
    ok(&local, "AddTagsToStream", json!({"StreamName": "s", "Tags": {"a": "1", "b": "2"}})).await;
    let summary = ok(&local, "DescribeStreamSummary", json!({"StreamName": "s"})).await;
    let summary = &summary["StreamDescriptionSummary"];
    assert_eq!((&summary["RetentionPeriodHours"], &summary["EncryptionType"]), (&json!(48), &json!("KMS")));
    assert_eq!(summary["KeyId"], "alias/aws/kinesis");
    assert_eq!(summary.get("RecordDistributionStrategy"), None);
    let auto = json!({"StreamARN": ARN, "RecordDistributionStrategy": "AUTO"});
    let provisioned = refused(&local, "UpdateStreamRecordDistributionStrategy", auto.clone()).await;
    assert_eq!(provisioned, "InvalidArgumentException");
    let on_demand = json!({"StreamARN": ARN, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}});
    ok(&local, "UpdateStreamMode", on_demand).await;
    ok(&local, "UpdateStreamRecordDistributionStrategy", auto).await;
    let told = ok(&local, "DescribeStreamSummary", json!({"StreamName": "s"})).await;
    assert_eq!(told["StreamDescriptionSummary"]["RecordDistributionStrategy"], "AUTO");
    let tags = ok(&local, "ListTagsForStream", json!({"StreamName": "s", "Limit": 1})).await;
    assert_eq!(tags, json!({"Tags": [{"Key": "a", "Value": "1"}], "HasMoreTags": true}));
    ok(&local, "StopStreamEncryption", key).await;
    ok(&local, "RemoveTagsFromStream", json!({"StreamName": "s", "TagKeys": ["a", "b"]})).await;
    let tags = ok(&local, "ListTagsForStream", json!({"StreamName": "s"})).await;
    assert_eq!(tags["Tags"], json!([]));
    let limits = ok(&local, "DescribeLimits", json!({})).await;
    assert_eq!((&limits["OpenShardCount"], &limits["ShardLimit"]), (&json!(1), &json!(500)));
}
