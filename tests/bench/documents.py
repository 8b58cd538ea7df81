"""The documents that every bench works on: the same here as in the benches of the host."""

import json

FILLER = "abcdefghijklmnopqrstuvwxyz "


def document(number, size):
    """JSON text of exactly `size` bytes, where that is not less than what the fields need."""
    fields = {
        "id": number,
        "customer": f"customer-{number % 10_000:05}",
        "amount": number / 100,
        "paid": number % 3 == 0,
        "text": "",
    }
    room = max(0, size - len(json.dumps(fields)))
    fields["text"] = (FILLER * (room // len(FILLER) + 1))[:room]
    return json.dumps(fields)
