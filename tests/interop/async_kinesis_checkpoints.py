"""async-kinesis reads what its checkpointer says is left of a stream, prints it, and gives its shards back."""

import asyncio
import json
import os
import sys

from kinesis import Consumer
from kinesis.processors import JsonLineProcessor

# How long nothing may come before the library calls it the end.
IDLE = 4


def checkpointer(store, name, at):
    if store == "redis":
        from kinesis import RedisCheckPointer

        os.environ["REDIS_HOST"], os.environ["REDIS_PORT"] = at.split(":")
        return RedisCheckPointer(name)
    from kinesis.dynamodb import DynamoDBCheckPointer

    return DynamoDBCheckPointer(name, endpoint_url=at, region_name="us-east-1")


async def read(store, name, at, url, stream, count):
    consumer = Consumer(
        stream,
        endpoint_url=url,
        region_name="us-east-1",
        processor=JsonLineProcessor(),
        checkpointer=checkpointer(store, name, at),
        idle_timeout=IDLE,
        sleep_time_no_records=0.2,
    )
    async with consumer:
        found = 0
        # The last round finds nothing: it is the one that writes the checkpoint behind the last document.
        while True:
            before = found
            async for document in consumer:
                found += 1
                print(json.dumps(document))
            if found >= count and found == before:
                return


if __name__ == "__main__":
    *words, count = sys.argv[1:]
    asyncio.run(asyncio.wait_for(read(*words, int(count)), 150))
