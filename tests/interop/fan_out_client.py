"""boto3 reads a stream by subscription, from its oldest shards on and through every child of theirs."""

import time

import boto3

import documents


def read(url, stream, count):
    kinesis = boto3.client("kinesis", endpoint_url=url)
    consumer = registered(kinesis, kinesis.describe_stream_summary(StreamName=stream))
    oldest = kinesis.list_shards(StreamName=stream, ShardFilter={"Type": "AT_TRIM_HORIZON"})["Shards"]
    waiting = [shard["ShardId"] for shard in oldest]
    begun, ended, found = set(waiting), set(), []
    while waiting:
        shard = waiting.pop(0)
        children, records = subscription(kinesis, consumer, shard)
        found += [document for record in records for document in documents.lines(record["Data"])]
        if children is None:
            continue
        ended.add(shard)
        for child in children:
            # The other parent of a merged shard comes first.
            if child["ShardId"] not in begun and ended.issuperset(child["ParentShards"]):
                begun.add(child["ShardId"])
                waiting.append(child["ShardId"])
    assert len(found) == count, (len(found), count)
    return found


def registered(kinesis, summary):
    stream_arn = summary["StreamDescriptionSummary"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=stream_arn, ConsumerName="boto3")["Consumer"]
    while consumer["ConsumerStatus"] != "ACTIVE":
        time.sleep(0.05)
        answer = kinesis.describe_stream_consumer(ConsumerARN=consumer["ConsumerARN"])
        consumer = answer["ConsumerDescription"]
    return consumer["ConsumerARN"]


def subscription(kinesis, consumer, shard):
    """The children of a shard at its end, or none at the tip of an open one, and the records before that."""
    start = {"ConsumerARN": consumer, "ShardId": shard, "StartingPosition": {"Type": "TRIM_HORIZON"}}
    events = kinesis.subscribe_to_shard(**start)["EventStream"]
    records = []
    for event in events:
        event = event["SubscribeToShardEvent"]
        records += event["Records"]
        if "ContinuationSequenceNumber" not in event:
            return event["ChildShards"], records
        if not event["Records"] and event["MillisBehindLatest"] == 0:
            events.close()
            return None, records
    raise AssertionError("the subscription ended early")


documents.main(None, read)
