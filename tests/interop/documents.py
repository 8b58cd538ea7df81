"""The documents that every client of others puts, and how a script is called: put|read URL STREAM COUNT."""

import json
import sys


def made(count):
    """Documents with text that is not ASCII, so that a wrong encoding shows."""
    return [{"n": number, "text": f"Gezeiten über {number}"} for number in range(count)]


def lines(data):
    """The documents in one record of JSON lines."""
    return [json.loads(line) for line in data.decode().split("\n") if line]


def main(put, read):
    action, url, stream, count = sys.argv[1:]
    if action == "put":
        put(url, stream, made(int(count)))
    else:
        for document in read(url, stream, int(count)):
            print(json.dumps(document))
