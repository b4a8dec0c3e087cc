"""The state map on disk: its records, and 256 rows of nodes at depth 12."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import apsw

ROWS = 256
ROW_BYTES = 16 * 32

Row = tuple[bytes, bytes, bytes]  # key, value, leaf

# One statement for any number of ranges. A low bound has 3 bytes, the high bound is the rest.
_READ_SPANS = (
    "SELECT record.key, record.value, record.leaf FROM carray(?) AS span CROSS JOIN record"
    " WHERE record.key BETWEEN substr(span.value, 1, 3) AND substr(span.value, 4)"
)


def read(connection: apsw.Connection, key: bytes) -> bytes | None:
    """The record with this map key."""
    value: bytes | None = connection.execute("SELECT value FROM record WHERE key = ?", (key,)).get
    return value


def read_ranges(connection: apsw.Connection, ranges: Iterable[tuple[bytes, bytes]]) -> list[Row]:
    """All records whose keys lie in the given inclusive ranges, in key order: the batch that feeds map and rules alike."""
    spans = tuple([low + high for low, high in ranges])
    if not spans:
        return []
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
    """Set rows of nodes."""
    connection.executemany("INSERT OR REPLACE INTO cell VALUES (?, ?, ?)", [(row, cells[row], height) for row in sorted(cells)])
