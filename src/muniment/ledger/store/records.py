"""The state map on disk: its records, and 256 rows of nodes at depth 12."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import apsw

from muniment.core.format import state_map
from muniment.errors import CorruptStore

ROWS = 256
ROW_BYTES = 16 * 32

Row = tuple[bytes, bytes, bytes]  # key, value, leaf

_READ_SPAN = "SELECT key, value, leaf FROM record WHERE key BETWEEN ? AND ?"
# One statement for any number of ranges. A low bound has 3 bytes, the high bound is the rest.
_READ_SPANS = (
    "SELECT record.key, record.value, record.leaf FROM carray(?) AS span CROSS JOIN record"
    " WHERE record.key BETWEEN substr(span.value, 1, 3) AND substr(span.value, 4)"
)


def read(connection: apsw.Connection, key: bytes) -> bytes | None:
    """The record with this map key. Raises CorruptStore where it is not the one whose leaf the map holds."""
    row = connection.execute("SELECT value, leaf FROM record WHERE key = ?", (key,)).fetchone()
    return None if row is None else check(key, *row)


def check(key: bytes, value: bytes, leaf: bytes) -> bytes:
    """The value of a row, once it hashes to its leaf: rules that judged by a damaged record would be signed for ever."""
    if not isinstance(value, bytes) or state_map.leaf(key, value) != leaf:
        raise CorruptStore(
            f"the record {key.hex()} does not have the value of its leaf", details={"table": "record", "row": key.hex()}
        )
    return value


def read_ranges(connection: apsw.Connection, ranges: Iterable[tuple[bytes, bytes]]) -> list[Row]:
    """All records whose keys lie in the given inclusive ranges, in key order: the batch that feeds map and rules alike."""
    spans = tuple([low + high for low, high in ranges])
    if not spans:
        return []
    if len(spans) == 1:
        return list(connection.execute(_READ_SPAN, (spans[0][:3], spans[0][3:])))
    return list(connection.execute(_READ_SPANS, (apsw.carray(spans),)))


def write(connection: apsw.Connection, records: Mapping[bytes, bytes], leaves: Mapping[bytes, bytes]) -> None:
    """Set records and their leaves. Sorted, so that each page is visited once."""
    connection.executemany(
        "INSERT INTO record VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET value = ?2, leaf = ?3",
        [(key, records[key], leaves[key]) for key in sorted(records)],
    )


def scan(connection: apsw.Connection) -> Iterator[Row]:
    """Every record in key order."""
    yield from connection.execute("SELECT key, value, leaf FROM record ORDER BY key")


def read_cells(connection: apsw.Connection, since: int = -1) -> list[tuple[int, bytes]]:
    """The rows of nodes (row, 512 bytes) that blocks after height `since` wrote."""
    return list(connection.execute("SELECT id, hashes FROM cell WHERE height > ? ORDER BY id", (since,)))


def write_cells(connection: apsw.Connection, cells: Mapping[int, bytes], height: int) -> None:
    """Set rows of nodes, all of which are there from the genesis block on."""
    connection.executemany(
        "UPDATE cell SET hashes = ?, height = ? WHERE id = ?", [(cells[row], height, row) for row in sorted(cells)]
    )


def create_cells(connection: apsw.Connection, cells: Mapping[int, bytes]) -> None:
    """Write the rows of a new ledger: `cells`, and empty ones."""
    connection.executemany("INSERT INTO cell VALUES (?, ?, 0)", [(row, cells.get(row, bytes(ROW_BYTES))) for row in range(ROWS)])
