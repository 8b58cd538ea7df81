"""boto3 puts JSON lines, several in a record, and reads records of every shard."""

import json

import boto3

import documents


def client(url):
    return boto3.client("kinesis", endpoint_url=url)


def put(url, stream, docs):
    kinesis = client(url)
    for start in range(0, len(docs), 1000):
        entries = []
        for pair in range(start, min(start + 1000, len(docs)), 2):
            data = "".join(json.dumps(document) + "\n" for document in docs[pair : pair + 2])
            entries.append({"Data": data.encode(), "PartitionKey": str(pair)})
        answer = kinesis.put_records(StreamName=stream, Records=entries)
        assert answer["FailedRecordCount"] == 0, answer


def read(url, stream, count):
    kinesis = client(url)
    found = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        start = {"StreamName": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(**start)["ShardIterator"]
        while True:
            answer = kinesis.get_records(ShardIterator=iterator)
            if not answer["Records"] and answer["MillisBehindLatest"] == 0:
                break
            found += [document for record in answer["Records"] for document in documents.lines(record["Data"])]
            iterator = answer["NextShardIterator"]
    return found


documents.main(put, read)
