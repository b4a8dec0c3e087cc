"""Entries and event ids: what was said, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import apsw

from muniment.core.format import dsse, merkle
from muniment.core.format.dsse import Envelope
from muniment.errors import CorruptStore, NotFound

KEY_BYTES = 32
SIGNER_BYTES = 96


def append(connection: apsw.Connection, first: int, envelopes: Sequence[Envelope], ids: Sequence[str], header: bytes) -> None:
    """Write the admitted events of a block at `first`, `first + 1`, ..., and the header that seals them."""
    rows: list[tuple[int, bytes, bytes | None]] = [
        (index, each.payload, each.key + each.signature) for index, each in enumerate(envelopes, first)
    ]
    rows.append((first + len(envelopes), header, None))
    connection.executemany("INSERT INTO entry VALUES (?, ?, ?)", rows)
    connection.executemany("INSERT INTO event VALUES (?, ?)", [(_encode_id(each), first + n) for n, each in enumerate(ids)])


def read(connection: apsw.Connection, index: int) -> bytes:
    """The exact bytes of an entry. Raises NotFound."""
    row = connection.execute("SELECT body, signer FROM entry WHERE idx = ?", (index,)).fetchone()
    if row is None:
        raise NotFound(f"there is no entry {index}", code="no-entry")
    return rebuild(index, *row)


def read_body(connection: apsw.Connection, index: int) -> bytes:
    """The payload of an event, or the bytes of a header. Raises NotFound."""
    body = connection.execute("SELECT body FROM entry WHERE idx = ?", (index,)).get
    if body is None:
        raise NotFound(f"there is no entry {index}", code="no-entry")
    return rebuild(index, body, None)


def scan(connection: apsw.Connection, start: int, stop: int) -> Iterator[tuple[int, bytes, bytes | None]]:
    """Rows (index, body, signer) of entries in [start, stop), in order."""
    yield from connection.execute("SELECT idx, body, signer FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx", (start, stop))


def leaves(connection: apsw.Connection, start: int, stop: int) -> list[bytes]:
    """The RFC 6962 leaves of entries in [start, stop). Raises CorruptStore where one is missing."""
    found = []
    for expected, (index, body, signer) in enumerate(scan(connection, start, stop), start):
        if index != expected:
            break
        found.append(merkle.leaf(rebuild(index, body, signer)))
    if len(found) != stop - start:
        raise CorruptStore(f"entry {start + len(found)} is missing", details={"table": "entry", "row": start + len(found)})
    return found


def find(connection: apsw.Connection, event_id: str) -> int | None:
    """The entry of the event with this id."""
    index: int | None = connection.execute("SELECT idx FROM event WHERE id = ?", (_encode_id(event_id),)).get
    return index


def newest_id(connection: apsw.Connection) -> str:
    """The highest event id, in text; empty where there is none. UUIDv7 texts and bytes have one order."""
    found: str | None = connection.execute("SELECT lower(hex(id)) FROM event ORDER BY id DESC LIMIT 1").get
    return "-".join((found[:8], found[8:12], found[12:16], found[16:20], found[20:])) if found else ""


def rebuild(index: int, body: bytes, signer: bytes | None) -> bytes:
    """The exact entry from its stored parts: no base64 lies on the disk."""
    if not isinstance(body, bytes):
        raise CorruptStore(f"the body of entry {index} is not kept as bytes", details={"table": "entry", "row": index})
    if signer is None:
        return body
    if not isinstance(signer, bytes) or len(signer) != SIGNER_BYTES:
        raise CorruptStore(f"entry {index} has a signer of another length", details={"table": "entry", "row": index})
    return dsse.encode(Envelope(body, signer[:KEY_BYTES], signer[KEY_BYTES:]))


def _encode_id(event_id: str) -> bytes:
    return bytes.fromhex(event_id.replace("-", ""))
