"""What members of a consortium said of checkpoints: signature lines that came after the block was sealed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import apsw

from muniment.ledger.store import connection as connections


class Cosignatures:
    """The table of one ledger file, through a connection of its own whose commits need not be on the disk at once.

    What a power failure takes of it can be asked of the members again. Not for several threads at a time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sql: apsw.Connection | None = None

    def write(self, lines: Mapping[int, Mapping[str, str]]) -> None:
        """Keep lines by height, then by organisation, in one transaction. Raises Unavailable, CorruptStore."""
        if self._sql is None:
            self._sql = connections.open(self._path)
            self._sql.execute("PRAGMA synchronous = NORMAL")
        with connections.explaining():
            connections.begin(self._sql, "BEGIN IMMEDIATE")
            try:
                for height, said in lines.items():
                    write(self._sql, height, said)
                self._sql.execute("COMMIT")
            finally:
                if self._sql.in_transaction:
                    self._sql.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the file."""
        if self._sql is not None:
            self._sql.close()
            self._sql = None


def write(connection: apsw.Connection, height: int, lines: Mapping[str, str]) -> None:
    """Keep lines by organisation ("": the log's own). A newer one takes the place of an older one."""
    for organisation, line in lines.items():
        connection.execute("INSERT OR REPLACE INTO cosignature VALUES (?, ?, ?)", (height, organisation, line))


def read(connection: apsw.Connection, height: int) -> dict[str, str]:
    """The lines on the checkpoint of a height, by organisation, the log's own first."""
    rows = connection.execute("SELECT organisation, line FROM cosignature WHERE height = ? ORDER BY organisation", (height,))
    return dict(rows)
