"""What waits for somebody, and what is found by something else than a name: open incidents, runs by the commit of their code."""

from __future__ import annotations

from muniment.index import listing
from muniment.index.listing import Extent
from muniment.index.rows import IncidentRow, RunRow

_LAST_DIGIT = "g"
"""Comes after every hex digit."""


def list_open(extent: Extent, limit: int) -> list[IncidentRow]:
    """The incidents that nobody has closed, the newest first."""
    sql = """SELECT opened, hold FROM (SELECT opened, hold, max(idx) FROM incident WHERE idx < ? GROUP BY id)
      WHERE opened > 0 ORDER BY opened DESC LIMIT ?"""
    found: list[tuple[int, int]] = extent.sql.execute(sql, (extent.size, max(limit, 0))).fetchall()  # type: ignore[assignment]
    return [IncidentRow(event=listing.event(extent, index), hold=bool(hold)) for index, hold in found]


def list_runs(extent: Extent, commit: str, limit: int) -> list[RunRow]:
    """The training runs whose code was at a commit, given by the beginning of its digest; the newest first."""
    sql = "SELECT idx, digest FROM revision WHERE digest >= ? AND digest < ? AND idx < ? ORDER BY idx DESC LIMIT ?"
    bound = (commit, commit + _LAST_DIGIT, extent.size, max(limit, 0))
    found: list[tuple[int, str]] = extent.sql.execute(sql, bound).fetchall()  # type: ignore[assignment]
    return [RunRow(event=listing.event(extent, index), commit=digest) for index, digest in found]
