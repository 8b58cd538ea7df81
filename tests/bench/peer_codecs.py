"""How many documents a second the processors of async-kinesis encode and decode, in one process.

peer_codecs.py PRESET...   prints an object a line, as the bench of tidemill-processors does with --json

A document is what a user of async-kinesis has in hand: an object for the json and msgpack presets, text for the others.
Encoding is add_item for each and get_items at the end; decoding is parse of each record. The best of several samples.
"""

import json
import sys
import time

from documents import document
from presets import PROCESSORS

SIZES = [100, 1_000, 10_000]
CALL_BYTES = 4_000_000
SAMPLES = 5
SAMPLE_SECONDS = 0.1


def rate(count, work):
    """Documents a second of work that is on so many at once."""
    best = float("inf")
    for _ in range(SAMPLES):
        begun = time.perf_counter()
        rounds = 0
        while time.perf_counter() - begun < SAMPLE_SECONDS:
            work()
            rounds += 1
        best = min(best, (time.perf_counter() - begun) / rounds)
    return count / best


def encoded(processor, documents):
    outputs = []
    for item in documents:
        outputs += processor.add_item(item)
    if processor.has_items():
        outputs += processor.get_items()
    return [output.data for output in outputs]


def decoded(processor, records):
    return [item for record in records for item in processor.parse(record)]


def measure(preset, size):
    texts = [document(number, size) for number in range(CALL_BYTES // size)]
    documents = texts if preset.endswith("string") else [json.loads(text) for text in texts]
    processor = PROCESSORS[preset]()
    records = encoded(processor, documents)
    found = decoded(processor, records)
    if preset == "json-list":
        # It hands out each record's whole list as one item.
        found = [item for items in found for item in items]
    assert found == documents, preset
    yield "encode", rate(len(documents), lambda: encoded(processor, documents))
    yield "decode", rate(len(documents), lambda: decoded(processor, records))


def main(presets):
    for preset in presets:
        for size in SIZES:
            for direction, figure in measure(preset, size):
                line = {"preset": preset, "bytes": size, "direction": direction, "documents_per_second": round(figure)}
                print(json.dumps(line), flush=True)


main(sys.argv[1:])
