"""Following a ledger: which of its entries the index lacks, and writing them block by block.

The header at an index's end commits to everything before it, so one comparison says whether the index is a part of the
ledger at hand. Where it is not (another ledger, a restored backup, a history that was replaced), what both share is kept
and the rest is cut off.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

import apsw
import msgspec

from muniment.core.format import entry, merkle
from muniment.core.format.dsse import Envelope
from muniment.core.format.entry import Header
from muniment.core.rules import council, events, genesis
from muniment.core.rules.events import Event
from muniment.errors import CorruptStore, InvalidInput
from muniment.index import file, projection
from muniment.ledger.engine import View

CHUNK_ENTRIES = 4_096
# What is remembered of stream names between chunks; beyond it they are looked up again.
MAX_KNOWN_STREAMS = 200_000

Progress = Callable[[int, int], None]
Transaction = Callable[[], AbstractContextManager[None]]


class _Said(msgspec.Struct, frozen=True):
    """An event as the index needs it; `event` is None for one that this release does not know."""

    index: int
    name: str
    actor: str
    event_id: str
    occurred_at: str
    streams: tuple[str, ...]
    stream: str
    event: Event | None


class _Chunk(msgspec.Struct, frozen=True):
    """Some whole blocks, decoded: each header with its entry's leaf and the events before it."""

    blocks: list[tuple[Header, bytes, list[_Said]]]


class _UnknownPredicate(msgspec.Struct, frozen=True, rename="camel"):
    actor: str
    event_id: str
    occurred_at: str


class _UnknownStatement(msgspec.Struct, frozen=True, rename="camel"):
    predicate_type: str
    predicate: _UnknownPredicate


_read_unknown = msgspec.json.Decoder(_UnknownStatement).decode


def size(sql: apsw.Connection) -> int:
    """How many entries the index has read."""
    newest: int | None = sql.execute("SELECT max(idx) FROM block").get
    return 0 if newest is None else newest + 1


def follow(sql: apsw.Connection, view: View, writing: Transaction, progress: Progress | None) -> None:
    """Read what the index lacks of the view's entries, or cut off what the view contradicts."""
    known: dict[str, int] = {}
    while True:
        start, shared = size(sql), _shared(sql, view)
        if start == shared and start >= view.size:
            return
        # What is slow (reading, perhaps from afar, and decoding) is done before other processes are kept from writing.
        chunk = _read(view, shared) if shared < view.size else _Chunk([])
        with writing():
            if size(sql) != start or _shared(sql, view) != shared:
                continue  # Another process was quicker.
            if shared < start:
                _cut(sql, shared)
                known.clear()
            _write(sql, chunk, known)
        if progress is not None:
            progress(min(size(sql), view.size), view.size)


def _shared(sql: apsw.Connection, view: View) -> int:
    """How many of the index's entries stand in the view's ledger too. An index that is ahead of its ledger is all shared."""
    end = min(size(sql), view.size) - 1
    if end < 0 or _is_shared(sql, view, "idx", end):
        return size(sql)
    low, high = -1, sql.execute("SELECT max(height) FROM block WHERE idx <= ?", (end,)).get or 0
    while low < high:
        middle = (low + high + 1) // 2
        if _is_shared(sql, view, "height", middle):
            low = middle
        else:
            high = middle - 1
    last: int | None = sql.execute("SELECT idx FROM block WHERE height = ?", (low,)).get
    return 0 if last is None else last + 1


def _is_shared(sql: apsw.Connection, view: View, column: str, value: int) -> bool:
    row = sql.execute(f"SELECT idx, leaf FROM block WHERE {column} = ?", (value,)).fetchone()
    return row is not None and row[0] < view.size and merkle.leaf(view.entry(row[0])) == row[1]


def _cut(sql: apsw.Connection, shared: int) -> None:
    for table in file.TABLES:
        sql.execute(f"DELETE FROM {table} WHERE idx >= ?", (shared,))


def _read(view: View, start: int) -> _Chunk:
    """The next whole blocks, from an entry on."""
    height = view.sealed_by(min(start + CHUNK_ENTRIES, view.size) - 1)
    blocks: list[tuple[Header, bytes, list[_Said]]] = []
    said: list[_Said] = []
    stop = view.header(height).size + 1
    expected = start
    for index, raw in view.entries(start, stop):
        read = _decode(index, raw)
        if index != expected or (isinstance(read, Header) and read.size != index):
            break
        expected += 1
        if isinstance(read, Header):
            blocks.append((read, merkle.leaf(raw), said))
            said = []
        else:
            said.append(_listen(index, read))
    if expected != stop or said:
        raise CorruptStore(f"entry {expected} is missing or out of its place", details={"table": "entry", "row": expected})
    return _Chunk(blocks)


def _decode(index: int, raw: bytes) -> Envelope | Header:
    try:
        return entry.decode(raw)
    except InvalidInput as error:
        raise CorruptStore(f"entry {index} is no entry: {error}", details={"table": "entry", "row": index}) from None


def _listen(index: int, envelope: Envelope) -> _Said:
    try:
        event = events.decode(envelope.payload)
    except InvalidInput as error:
        return _listen_loosely(index, envelope, error)
    return _Said(
        index,
        event.NAME,
        event.actor,
        event.event_id,
        event.occurred_at,
        events.streams(event),
        projection.main_stream(event),
        event,
    )


def _listen_loosely(index: int, envelope: Envelope, reason: InvalidInput) -> _Said:
    """An event of a later release: listed by what all events have, and in its actor's stream."""
    try:
        said = _read_unknown(envelope.payload)
        uuid.UUID(said.predicate.event_id)
    except (msgspec.DecodeError, UnicodeError, ValueError):
        raise CorruptStore(f"entry {index} is no event: {reason}", details={"table": "entry", "row": index}) from None
    name = said.predicate_type.removeprefix("urn:muniment:event:").rpartition(":")[0] or said.predicate_type
    acts = f"acts/{said.predicate.actor}"
    return _Said(index, name, said.predicate.actor, said.predicate.event_id, said.predicate.occurred_at, (acts,), acts, None)


def _write(sql: apsw.Connection, chunk: _Chunk, known: dict[str, int]) -> None:
    if len(known) > MAX_KNOWN_STREAMS:
        known.clear()
    names = _Names(sql, known)
    rows: list[tuple[int, int, str, str, bytes, str, int, bytes | None]] = []
    touched: list[tuple[int, int]] = []
    for header, _, said in chunk.blocks:
        if header.genesis is not msgspec.UNSET:
            founding = genesis.decode(bytes(header.genesis))
            projection.project_genesis(founding, sql)
        touched += [(names.number(stream), header.size) for stream in council.folded(header)]
        for each in said:
            touched += [(names.number(stream), each.index) for stream in each.streams]
            digest = None
            if each.event is not None:
                projection.project(each.event, each.index, sql)
                digest = projection.main_digest(each.event)
            id = uuid.UUID(each.event_id).bytes
            rows.append((each.index, header.size, each.name, each.actor, id, each.occurred_at, names.number(each.stream), digest))
    sql.executemany("INSERT INTO stream VALUES (?, ?)", names.added)
    sql.executemany("INSERT INTO touch VALUES (?, ?)", sorted(touched))
    sql.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    sql.executemany(
        "INSERT INTO block VALUES (?, ?, ?, ?)",
        [(header.size, header.height, header.time, leaf) for header, leaf, _ in chunk.blocks],
    )


class _Names:
    """Numbers for the names of streams; new ones are collected in `added`."""

    def __init__(self, sql: apsw.Connection, known: dict[str, int]) -> None:
        self._sql = sql
        self._known = known
        self._next: int = (sql.execute("SELECT max(id) FROM stream").get or 0) + 1
        self.added: list[tuple[int, str]] = []

    def number(self, name: str) -> int:
        number = self._known.get(name)
        if number is None:
            number = self._sql.execute("SELECT id FROM stream WHERE name = ?", (name,)).get
            if number is None:
                number = self._next
                self._next += 1
                self.added.append((number, name))
            self._known[name] = number
        return number
