"""Sealed blocks: where each ends, and the signed checkpoint that says so."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import msgspec

from muniment.core.format import entry
from muniment.core.format.entry import Header
from muniment.errors import CorruptStore, InvalidInput, NotFound, Unavailable
from muniment.ledger.store import entries


class BlockRow(msgspec.Struct, frozen=True):
    """A row of the table: height, the index of the block's header, the number of records after it, its checkpoint."""

    height: int
    index: int
    records: int
    checkpoint: bytes


_COLUMNS = "SELECT height, idx, records, checkpoint FROM block "


def append(connection: apsw.Connection, row: BlockRow) -> None:
    """Write the row of a block that is being sealed."""
    connection.execute("INSERT INTO block VALUES (?, ?, ?, ?)", (row.height, row.index, row.records, row.checkpoint))


def newest(connection: apsw.Connection) -> BlockRow:
    """The row of the last block. Raises CorruptStore where there is none: a ledger has at least its genesis."""
    row = connection.execute(_COLUMNS + "ORDER BY height DESC LIMIT 1").fetchone()
    if row is None:
        raise CorruptStore("the ledger has no block", details={"table": "block", "row": 0})
    return _decode(row)


def at_height(connection: apsw.Connection, height: int) -> BlockRow:
    """The row of the block at a height. Raises NotFound."""
    row = connection.execute(_COLUMNS + "WHERE height = ?", (height,)).fetchone()
    if row is None:
        raise NotFound(f"there is no block {height}", code="no-block")
    return _decode(row)


def sealing(connection: apsw.Connection, index: int) -> BlockRow:
    """The row of the block that sealed the entry at `index`. Raises NotFound."""
    last = newest(connection)
    if not 0 <= index <= last.index:
        raise NotFound(f"there is no entry {index}", code="no-entry")
    # Headers stand in the order of their heights. An index of the table would cost every block a page.
    low, high = 0, last.height
    while low < high:
        middle = (low + high) // 2
        if at_height(connection, middle).index < index:
            low = middle + 1
        else:
            high = middle
    return at_height(connection, low)


def scan(connection: apsw.Connection, first: int = 0) -> Iterator[BlockRow]:
    """Every row from a height on."""
    for row in connection.execute(_COLUMNS + "WHERE height >= ? ORDER BY height", (first,)):
        yield _decode(row)


def read_header(connection: apsw.Connection, row: BlockRow) -> Header:
    """The header that a row points to. Raises CorruptStore; Unavailable (`protocol-unknown`) where a later release wrote it."""
    try:
        header = entry.decode_header(entries.read_body(connection, row.index))
    except (InvalidInput, NotFound) as error:
        if error.code == "protocol-unknown":
            raise Unavailable(str(error), code=error.code, hint=error.hint) from None
        raise CorruptStore(
            f"block {row.height} points to entry {row.index}, which is no header: {error}",
            details={"table": "block", "row": row.height},
        ) from None
    if header.height != row.height or header.size != row.index:
        raise CorruptStore(f"block {row.height} points to another header", details={"table": "block", "row": row.height})
    return header


def last_before(connection: apsw.Connection, time: str) -> BlockRow | None:
    """The newest block whose header time is at or before `time`; header times never run backwards."""
    low, high = -1, newest(connection).height
    while low < high:
        middle = (low + high + 1) // 2
        if read_header(connection, at_height(connection, middle)).time <= time:
            low = middle
        else:
            high = middle - 1
    return at_height(connection, low) if low >= 0 else None


def _decode(row: tuple[int, int, int, bytes]) -> BlockRow:
    """SQLite keeps any type in any column."""
    if not all(isinstance(number, int) for number in row[:3]) or not isinstance(row[3], bytes):
        raise CorruptStore(f"the row of block {row[0]} does not have the form of one", details={"table": "block", "row": row[0]})
    return BlockRow(*row)
