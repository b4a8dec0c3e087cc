"""All entries of a stream, in order, checked against the stream's head.

A store keeps no list of them: an index says where they are, or the ledger is read from the stream's first entry to its last.
"""

from __future__ import annotations

from collections.abc import Sequence

from muniment.core.format import dsse, entry, merkle, state_map
from muniment.core.format.state_map import Record
from muniment.core.rules import events
from muniment.core.rules.events import Event
from muniment.errors import CorruptStore
from muniment.ledger.engine import View

EVENT = b'{"payload"'
GENESIS = b'{"genesis"'


def read_stream(view: View, stream: str, record: Record, indices: Sequence[int] = ()) -> list[tuple[int, bytes]]:
    """Index and bytes of every entry of a stream: from `indices` if they are the right ones, else by reading the ledger.

    Raises CorruptStore where no entries fold to the head in the record.
    """
    hinted = ((index, view.entry(index)) for index in sorted(set(indices)) if 0 <= index < view.size)
    for source in (hinted, view.entries(record.first, record.last + 1)):
        found = [(index, raw) for index, raw in source if _touches(raw, stream, record)]
        head = state_map.key(stream)
        for index, raw in found:
            head = state_map.fold(head, index, fold_leaf(raw))
        if head.hex() == record.head:
            return found
    raise CorruptStore(
        f"the entries of {stream} do not fold to the head that its record has", details={"table": "record", "stream": stream}
    )


def open_event(raw: bytes) -> Event | None:
    """The event of an entry, or None for a header. Its signature was checked when it was admitted."""
    return events.decode(dsse.decode(raw).payload) if raw.startswith(EVENT) else None


def _touches(raw: bytes, stream: str, record: Record) -> bool:
    """Is this an entry of the stream? Of headers, only the genesis makes records."""
    event = open_event(raw)
    if event is None:
        return record.first == 0 and raw.startswith(GENESIS)
    return stream in events.streams(event)


def fold_leaf(raw: bytes) -> bytes:
    """What an entry folds into its streams."""
    if raw.startswith(EVENT):
        return merkle.leaf(raw)
    return entry.leaf_without_state(entry.decode_header(raw))
