"""A client that speaks CBOR, as the AWS SDK for Java does: bytes as bytes, times as tag 1."""

import json
import time
import urllib.request

import cbor2

import documents

# To a CBOR library its number counts seconds; to the service and its SDKs it counts milliseconds.
EPOCH_TAG = 1
DAY_MS = 24 * 3600 * 1000
HEADERS = {
    "Content-Type": "application/x-amz-cbor-1.1",
    "Authorization": "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/kinesis/aws4_request",
}


def call(url, operation, body):
    headers = HEADERS | {"X-Amz-Target": f"Kinesis_20131202.{operation}"}
    request = urllib.request.Request(url, data=cbor2.dumps(body), headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.headers["Content-Type"] == "application/x-amz-cbor-1.1", answer.headers
        return cbor2.loads(answer.read(), semantic_decoders={EPOCH_TAG: lambda number, _immutable: number})


def put(url, stream, docs):
    for start in range(0, len(docs), 500):
        entries = [
            {"Data": (json.dumps(document) + "\n").encode(), "PartitionKey": str(document["n"])}
            for document in docs[start : start + 500]
        ]
        answer = call(url, "PutRecords", {"StreamName": stream, "Records": entries})
        assert answer["FailedRecordCount"] == 0, answer


def read(url, stream, count):
    found = []
    for shard in call(url, "ListShards", {"StreamName": stream})["Shards"]:
        start = {"StreamName": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = call(url, "GetShardIterator", start)["ShardIterator"]
        while True:
            answer = call(url, "GetRecords", {"ShardIterator": iterator, "Limit": 10_000})
            if not answer["Records"] and answer["MillisBehindLatest"] == 0:
                break
            for record in answer["Records"]:
                assert isinstance(record["Data"], bytes), record
                assert is_today(record["ApproximateArrivalTimestamp"]), record
                found += documents.lines(record["Data"])
            iterator = answer["NextShardIterator"]
    return found


def is_today(millis):
    return isinstance(millis, int) and abs(time.time() * 1000 - millis) < DAY_MS


documents.main(put, read)
