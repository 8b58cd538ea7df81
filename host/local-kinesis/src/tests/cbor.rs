//! The other protocol: CBOR as the SDK for Java writes and reads it.

use ciborium::{Value, cbor};
use hyper::StatusCode;

use super::client::{CBOR, FIRST, create, ok_cbor, request, send, start};

fn field<'a>(map: &'a Value, name: &str) -> &'a Value {
    let entries = map.as_map().unwrap_or_else(|| panic!("no map: {map:?}"));
    let found = entries.iter().find(|(key, _)| key.as_text() == Some(name));
    found.map(|(_, value)| value).unwrap_or_else(|| panic!("no {name}: {map:?}"))
}

fn tagged_millis(value: &Value) -> u64 {
    let (tag, inner) = value.as_tag().unwrap();
    assert_eq!(tag, 1);
    inner.as_integer().unwrap().try_into().unwrap()
}

#[tokio::test]
async fn data_are_byte_strings_and_moments_are_tagged_milliseconds() {
    let local = start().await;
    create(&local, "s", 1).await;
    let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
    let entry = cbor!({"Data" => bytes(&[0, 1, 255]), "PartitionKey" => "k"}).unwrap();
    let asked = cbor!({"StreamName" => "s", "Records" => [entry]}).unwrap();
    let put = ok_cbor(&local, "PutRecords", asked).await;
    assert_eq!(field(&put, "FailedRecordCount").as_integer(), Some(0.into()));
    let asked = cbor!({"StreamName" => "s", "Data" => bytes(b"two"), "PartitionKey" => "k", "ExplicitHashKey" => "1"});
    let placed = ok_cbor(&local, "PutRecord", asked.unwrap()).await;
    assert_eq!(field(&placed, "ShardId").as_text(), Some(FIRST));

    let asked = cbor!({"StreamName" => "s", "ShardId" => FIRST, "ShardIteratorType" => "TRIM_HORIZON"});
    let iterator = ok_cbor(&local, "GetShardIterator", asked.unwrap()).await;
    let asked = cbor!({"ShardIterator" => field(&iterator, "ShardIterator"), "Limit" => 10});
    let read = ok_cbor(&local, "GetRecords", asked.unwrap()).await;
    let records = field(&read, "Records").as_array().unwrap();
    let data: Vec<&[u8]> = records.iter().map(|r| field(r, "Data").as_bytes().unwrap().as_slice()).collect();
    assert_eq!(data, [&[0, 1, 255][..], b"two"]);
    assert_eq!(field(&records[1], "SequenceNumber"), field(&placed, "SequenceNumber"));
    let arrival = tagged_millis(field(&records[0], "ApproximateArrivalTimestamp"));
    assert!((1_700_000_000_000..4_000_000_000_000).contains(&arrival), "{arrival}");

    let described = ok_cbor(&local, "DescribeStream", cbor!({"StreamName" => "s"}).unwrap()).await;
    tagged_millis(field(field(&described, "StreamDescription"), "StreamCreationTimestamp"));
}

#[tokio::test]
async fn a_moment_may_be_an_integer_or_a_float() {
    let local = start().await;
    create(&local, "s", 1).await;
    let asked = cbor!({"StreamName" => "s", "Data" => Value::Bytes(vec![1]), "PartitionKey" => "k"});
    ok_cbor(&local, "PutRecord", asked.unwrap()).await;
    let tag = |value: Value| Value::Tag(1, Box::new(value));
    for moment in [
        tag(Value::Integer(1_500_000_000_000_u64.into())),
        tag(Value::Float(1_500_000_000_000.0)),
        tag(Value::Float(1_500_000_000.5)),
        Value::Integer(1_500_000_000_000_u64.into()),
    ] {
        let asked = cbor!({
            "StreamName" => "s", "ShardId" => FIRST, "ShardIteratorType" => "AT_TIMESTAMP", "Timestamp" => moment
        });
        let iterator = ok_cbor(&local, "GetShardIterator", asked.unwrap()).await;
        let asked = cbor!({"ShardIterator" => field(&iterator, "ShardIterator")});
        let read = ok_cbor(&local, "GetRecords", asked.unwrap()).await;
        assert_eq!(field(&read, "Records").as_array().unwrap().len(), 1);
    }
    let filter =
        cbor!({"Type" => "AT_TIMESTAMP", "Timestamp" => tag(Value::Integer(4_000_000_000_000_u64.into()))});
    let asked = cbor!({"StreamName" => "s", "ShardFilter" => filter.unwrap(), "MaxResults" => 10});
    let page = ok_cbor(&local, "ListShards", asked.unwrap()).await;
    assert_eq!(field(&page, "Shards").as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_error_is_written_as_its_request() {
    let local = start().await;
    let mut body = Vec::new();
    ciborium::into_writer(&cbor!({"StreamName" => "none"}).unwrap(), &mut body).unwrap();
    let answer = send(local.url(), request("DescribeStream", CBOR, body)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.headers["content-type"], CBOR);
    let error: Value = ciborium::from_reader(&answer.body[..]).unwrap();
    assert_eq!(field(&error, "__type").as_text(), Some("ResourceNotFoundException"));
    let answer = send(local.url(), request("DescribeStream", CBOR, vec![0xff, 0x00])).await;
    let error: Value = ciborium::from_reader(&answer.body[..]).unwrap();
    assert_eq!(field(&error, "__type").as_text(), Some("SerializationException"));
}
