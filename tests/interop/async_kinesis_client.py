"""async-kinesis puts and reads with its JsonLine processor."""

import asyncio

from kinesis import Consumer, Producer
from kinesis.processors import JsonLineProcessor

import documents

# Where the clients agree on defaults, nothing is set: the embedded Kinesis has to do for them as they are.
COMMON = {"processor": JsonLineProcessor(), "region_name": "us-east-1"}


async def put_all(url, stream, docs):
    async with Producer(stream, endpoint_url=url, **COMMON) as producer:
        for document in docs:
            await producer.put(document)


async def read_all(url, stream, count):
    found = []
    async with Consumer(stream, endpoint_url=url, idle_timeout=20, sleep_time_no_records=0.2, **COMMON) as consumer:
        async for document in consumer:
            found.append(document)
            if len(found) >= count:
                break
    return found


documents.main(
    lambda *arguments: asyncio.run(put_all(*arguments)),
    lambda *arguments: asyncio.run(read_all(*arguments)),
)
