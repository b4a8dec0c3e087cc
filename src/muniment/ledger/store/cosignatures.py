"""What members of a consortium said of checkpoints: signature lines that came after the block was sealed."""

from __future__ import annotations

from collections.abc import Mapping

import apsw


def write(connection: apsw.Connection, height: int, lines: Mapping[str, str]) -> None:
    """Keep lines by organisation ("": the log's own). A newer one takes the place of an older one."""
    for organisation, line in lines.items():
        connection.execute("INSERT OR REPLACE INTO cosignature VALUES (?, ?, ?)", (height, organisation, line))


def read(connection: apsw.Connection, height: int) -> dict[str, str]:
    """The lines on the checkpoint of a height, by organisation, the log's own first."""
    rows = connection.execute("SELECT organisation, line FROM cosignature WHERE height = ? ORDER BY organisation", (height,))
    return dict(rows)
