"""All entries of a stream, in order, checked against the stream's head.

A store keeps no list of them: an index says where they are, or the ledger is read from the stream's first entry to its last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from muniment.core.format import dsse, entry, merkle, state_map
from muniment.core.format.state_map import Record
from muniment.core.rules import council, events
from muniment.core.rules.events import Event
from muniment.errors import CorruptStore
from muniment.ledger.engine import View

EVENT = b'{"payload"'
FOLDING = (b'{"evidence"', b'{"genesis"')
"""How headers begin that change streams themselves."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An entry, opened once: its bytes, and for an event its payload, its typed form and the key that signed it."""

    raw: bytes
    payload: bytes
    event: Event | None
    key: str


def open_entry(raw: bytes) -> Entry:
    """Open an entry of this ledger. The signature of an event was checked when it was admitted."""
    if not raw.startswith(EVENT):
        return Entry(raw, b"", None, "")
    envelope = dsse.decode(raw)
    return Entry(raw, envelope.payload, events.decode(envelope.payload), envelope.key.hex())


def read_stream(view: View, stream: str, record: Record, indices: Sequence[int] = ()) -> list[tuple[int, bytes]]:
    """Index and bytes of every entry of a stream: from `indices` if they are the right ones, else by reading the ledger.

    Entries that fold to the stream's head are its entries, so those of good indices need not be opened.
    Raises CorruptStore where no entries fold to the head in the record.
    """
    hinted = sorted({index for index in indices if record.first <= index <= record.last})
    found = [(index, view.entry(index)) for index in hinted]
    if 0 < len(found) < record.count:
        # What came after the index last looked.
        found += _scan(view, stream, record, hinted[-1] + 1)
    if _fold(stream, found) == record.head:
        return found
    found = _scan(view, stream, record, record.first)
    if _fold(stream, found) != record.head:
        raise CorruptStore(
            f"the entries of {stream} do not fold to the head that its record has", details={"table": "record", "stream": stream}
        )
    return found


def _scan(view: View, stream: str, record: Record, start: int) -> list[tuple[int, bytes]]:
    """The entries of a stream from some entry on, found by opening every entry of the ledger there."""
    return [(index, raw) for index, raw in view.entries(start, record.last + 1) if _touches(raw, stream)]


def _fold(stream: str, found: Iterable[tuple[int, bytes]]) -> str:
    head = state_map.key(stream)
    for index, raw in found:
        head = state_map.fold(head, index, fold_leaf(raw))
    return head.hex()


def _touches(raw: bytes, stream: str) -> bool:
    """Is this an entry of the stream? Of headers, the genesis makes records, and evidence changes some."""
    event = open_entry(raw).event
    if event is None:
        return raw.startswith(FOLDING) and stream in council.folded(entry.decode_header(raw))
    return stream in events.streams(event)


def fold_leaf(raw: bytes) -> bytes:
    """What an entry folds into its streams."""
    if raw.startswith(EVENT):
        return merkle.leaf(raw)
    return entry.leaf_without_state(entry.decode_header(raw))
