"""async-kinesis puts the documents of a file onto a stream, or reads so many from one, and tells what that cost.

peer_streams.py put  URL STREAM PRESET FILE COUNT
peer_streams.py read URL STREAM PRESET COUNT

Prints {"documents", "cpu_seconds", "seconds"}: processor time of this process, from the first call to the last, without
the start of the interpreter and its imports. The limits that the client puts on itself are lifted.
"""

import asyncio
import itertools
import json
import sys
import time

from kinesis import Consumer, Producer

from presets import PROCESSORS

NO_LIMIT = 1_000_000


async def put_all(client, documents):
    async with Producer(
        put_rate_limit_per_shard=NO_LIMIT, put_bandwidth_limit_per_shard=NO_LIMIT, **client
    ) as producer:
        begun = time.process_time(), time.perf_counter()
        for document in documents:
            await producer.put(document)
    report(len(documents), begun)


async def read_all(client, count, is_list):
    left = count
    async with Consumer(idle_timeout=30, sleep_time_no_records=0.2, shard_fetch_rate=5, **client) as consumer:
        begun = time.process_time(), time.perf_counter()
        async for document in consumer:
            left -= len(document) if is_list else 1
            if left <= 0:
                break
        report(count - left, begun)


def report(count, begun):
    cpu, wall = time.process_time() - begun[0], time.perf_counter() - begun[1]
    print(json.dumps({"documents": count, "cpu_seconds": cpu, "seconds": wall}), flush=True)


def read_file(name, count, preset):
    with open(name, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in itertools.islice(file, count)]
    return lines if preset.endswith("string") else [json.loads(line) for line in lines]


def main(action, url, stream, preset, *rest):
    client = {
        "stream_name": stream,
        "endpoint_url": url,
        "region_name": "us-east-1",
        "processor": PROCESSORS[preset](),
    }
    if action == "put":
        name, count = rest
        asyncio.run(put_all(client, read_file(name, int(count), preset)))
    else:
        asyncio.run(read_all(client, int(rest[0]), preset == "json-list"))


main(*sys.argv[1:])
