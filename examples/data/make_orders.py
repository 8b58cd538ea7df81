"""Writes orders.jsonl.gz: made-up orders of a shop, the same bytes at every run.

    python3 examples/data/make_orders.py
"""

import gzip
import json
import pathlib
import random

ORDERS = 60_000
CUSTOMERS = 5_000
SEED = 20_261_121
STATUSES = ["paid", "paid", "paid", "open", "cancelled"]
COUNTRIES = ["AT", "CH", "DE", "DK", "ES", "FR", "GB", "IT", "JP", "US"]
ARTICLES = ["anchor", "buoy", "chart", "fender", "ketch", "lantern", "oar", "rope", "sail", "tiller"]


def orders():
    dice = random.Random(SEED)
    for number in range(ORDERS):
        yield {
            "order": f"o-{number:06}",
            "customer": f"c-{dice.randrange(CUSTOMERS):04}",
            "status": dice.choice(STATUSES),
            "country": dice.choice(COUNTRIES),
            "total_cents": dice.randrange(100, 100_000),
            "articles": dice.sample(ARTICLES, dice.randrange(1, 4)),
        }


def main():
    lines = "".join(json.dumps(order, separators=(",", ":")) + "\n" for order in orders())
    target = pathlib.Path(__file__).with_name("orders.jsonl.gz")
    target.write_bytes(gzip.compress(lines.encode(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    main()
