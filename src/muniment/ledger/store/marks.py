"""What was committed at each height of the consensus engine (docs/spec, section 13). An embedded ledger has no such heights."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import msgspec


class Mark(msgspec.Struct, frozen=True):
    """After the engine's block `height` the ledger had `size` entries, whose root (32 bytes) is the application hash."""

    height: int
    size: int
    root: bytes


_COLUMNS = "SELECT height, size, root FROM consensus "


def append(connection: apsw.Connection, mark: Mark) -> None:
    """Write what a block of the engine led to."""
    connection.execute("INSERT INTO consensus VALUES (?, ?, ?)", (mark.height, mark.size, mark.root))


def newest(connection: apsw.Connection) -> Mark | None:
    """The last block of the engine that was committed here; None before the first."""
    row = connection.execute(_COLUMNS + "ORDER BY height DESC LIMIT 1").fetchone()
    return None if row is None else Mark(*row)


def scan(connection: apsw.Connection, first: int, stop: int) -> Iterator[Mark]:
    """The marks of the engine's heights in [first, stop)."""
    for row in connection.execute(_COLUMNS + "WHERE height >= ? AND height < ? ORDER BY height", (first, stop)):
        yield Mark(*row)
