"""async-kinesis and aws_kinesis_agg make records of generated documents, and read those that were made here.

codec_peers.py make PRESET COUNT CHUNK   writes `documents` and `records`, of which none holds two chunks
codec_peers.py read PRESET               holds `our-documents` and what is in `our-records` against `documents`

The preset `keyed` is aws_kinesis_agg with partition keys and explicit hash keys. Each file holds byte strings, each
behind its length in four bytes.
"""

import base64
import json
import random
import struct
import sys

from aws_kinesis_agg.aggregator import RecordAggregator
from aws_kinesis_agg.deaggregator import iter_deaggregate_records

from presets import PROCESSORS

LETTERS = "abcdefghijklmnopqrstuvwxyz 0123456789\"\\/\n\t\x01\x7féß水\u2028\U0001f30a,:[]{}"
EDGES = [0, -1, 31, 32, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63, 2**64 - 1, -32, -33, -128, -129]
EDGES += [-(2**15), -(2**15) - 1, -(2**31), -(2**31) - 1, -(2**63)]


def any_text(source):
    return "".join(source.choices(LETTERS, k=source.choice([0, 1, 3, 8, 20, 31, 32, 60, 300])))


def any_float(source):
    bits = struct.unpack(">d", source.randbytes(8))[0]
    is_finite = bits - bits == 0
    return bits if is_finite and source.random() < 0.5 else round(source.uniform(-1000, 1000), 2)


def any_value(source, depth=0):
    kind = source.randrange(8 if depth < 4 else 6)
    if kind == 0:
        return source.choice([None, True, False])
    if kind == 1:
        return source.choice(EDGES)
    if kind == 2:
        return source.randrange(-(2**40), 2**40)
    if kind == 3:
        return any_float(source)
    if kind in (4, 5):
        return any_text(source)
    count = source.choice([0, 1, 2, 3, 5, 16])
    if kind == 6:
        return [any_value(source, depth + 1) for _ in range(count)]
    return {any_text(source): any_value(source, depth + 1) for _ in range(count)}


def made(preset, count):
    source = random.Random(preset)
    if preset.endswith("string"):
        return [any_text(source) for _ in range(count)]
    return [{"n": number, "value": any_value(source)} for number in range(count)]


def text(preset, item):
    return (item if preset.endswith("string") else json.dumps(item)).encode()


def write(name, strings):
    with open(name, "wb") as file:
        for string in strings:
            file.write(struct.pack(">I", len(string)) + string)


def read(name):
    with open(name, "rb") as file:
        while head := file.read(4):
            yield file.read(struct.unpack(">I", head)[0])


def make(preset, count, chunk):
    processor = PROCESSORS[preset]()
    items = made(preset, count)
    outputs = []
    for start in range(0, count, chunk):
        for item in items[start : start + chunk]:
            outputs += processor.add_item(item)
        if hasattr(processor, "get_items"):
            outputs += processor.get_items()
    write("documents", [text(preset, item) for item in items])
    write("records", [output.data for output in outputs])


def check(preset):
    expected = list(read("documents"))
    processor = PROCESSORS[preset]()
    found = [item for record in read("our-records") for item in processor.parse(record)]
    if preset == "json-list":
        found = [item for items in found for item in items]
    same([text(preset, item) for item in found], expected)
    # White space and the way to write a number may differ in JSON that was msgpack; values and their types may not.
    item = bytes.decode if preset.endswith("string") else json.loads
    same([text(preset, item(string)) for string in read("our-documents")], expected)


def same(found, expected):
    assert len(found) == len(expected), f"{len(found)} documents for {len(expected)}"
    for number, (one, other) in enumerate(zip(found, expected)):
        assert one == other, f"document {number}: {one!r} is not {other!r}"


def made_keyed(count, chunk):
    """Chunks without, with, and with some explicit hash keys in turn."""
    source = random.Random("keyed")
    for number in range(count):
        share = number // chunk % 3 / 2
        key = source.choice(["k", "schlüssel", "x" * 200]) + str(source.randrange(300))
        hash_key = str(source.randrange(2 ** source.choice([1, 64, 128]))) if source.random() < share else None
        yield key, hash_key, source.randbytes(source.choice([0, 1, 10, 100, 200]))


def parts(key, hash_key, data):
    return key.encode(), (hash_key or "").encode(), data


def make_keyed(count, chunk):
    user_records = list(made_keyed(count, chunk))
    records = []
    for start in range(0, count, chunk):
        aggregator = RecordAggregator()
        for key, hash_key, data in user_records[start : start + chunk]:
            assert aggregator.add_user_record(key, data, hash_key) is None, "a chunk fits one record"
        records.append(aggregator.clear_and_get().get_contents()[2])
    write("documents", [part for one in user_records for part in parts(*one)])
    write("records", records)


def kinesis_record(data):
    return {"SequenceNumber": "1", "PartitionKey": "a", "ApproximateArrivalTimestamp": 0, "Data": data}


def check_keyed():
    documents = list(read("documents"))
    expected = list(zip(documents[::3], documents[1::3], documents[2::3]))
    records = [kinesis_record(data) for data in read("our-records")]
    found = list(iter_deaggregate_records(records, data_format="Boto3"))
    assert len(found) == len(expected), f"{len(found)} user records for {len(expected)}"
    for number, (record, (key, hash_key, data)) in enumerate(zip(found, expected)):
        user_record = record["kinesis"]
        assert user_record["partitionKey"].encode() == key, number
        assert base64.b64decode(user_record["data"]) == data, number
        # Of a user record without an explicit hash key it says that it has the first one of the table.
        assert not hash_key or user_record["explicitHashKey"].encode() == hash_key, number
    same(list(read("our-documents")), documents)


def main(action, preset, *numbers):
    keyed = preset == "keyed"
    if action == "make":
        count, chunk = map(int, numbers)
        make_keyed(count, chunk) if keyed else make(preset, count, chunk)
    else:
        check_keyed() if keyed else check(preset)


main(*sys.argv[1:])
