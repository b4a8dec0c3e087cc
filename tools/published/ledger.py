"""ledger.json: the whole story, block by block, with all that a second implementation compares itself with."""

from __future__ import annotations

import json

from muniment.core.format import keys, merkle
from muniment.core.format.entry import leaf_without_state
from muniment.core.rules import events
from published import cast
from published.book import Book, Page
from published.cast import Json, encode64
from published.scribe import Scribe


def write_ledger(book: Book, scribe: Scribe) -> Json:
    """The ledger."""
    return {
        "about": "A whole ledger. Run the entries of each block through the state machine and compare; docs/spec 4 to 9.",
        "origin": cast.ORIGIN,
        "ledger": book.ledger,
        "logKey": keys.format(cast.VERIFIER),
        "genesisLeafWithoutState": leaf_without_state(book.pages[0].header).hex(),
        "blocks": [_describe_block(book, page) for page in book.pages],
        "records": {name: json.loads(book.records[name]) for name in sorted(book.records)},
        "labels": {label: scribe.index(label) for label in scribe.labels},
    }


def _describe_block(book: Book, page: Page) -> Json:
    header = page.header
    first = header.size - len(page.entries)
    listed = []
    for index, raw in enumerate(page.entries, first):
        event = events.decode(book.event(index))
        listed.append(
            {
                "index": index,
                "event": event.NAME,
                "streams": list(events.streams(event)),
                "leaf": merkle.leaf(raw).hex(),
                "entry": encode64(raw),
            }
        )
    raw = book.raw_entries[header.size]
    return {
        "height": header.height,
        "time": header.time,
        "entries": listed,
        "header": {"index": header.size, "leaf": merkle.leaf(raw).hex(), "entry": encode64(raw)},
        "state": header.state,
        "root": page.root.hex(),
        "checkpoint": page.checkpoint.decode(),
        "records": {name: json.loads(raw) for name, raw in page.records.items()},
    }
