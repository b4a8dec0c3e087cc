"""What fsck found: one line for each row that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import apsw
import msgspec

MAX_FINDINGS = 1_000


class Finding(msgspec.Struct, frozen=True):
    """A row that is wrong, and why.

    `row` is the key of the row in its table: an entry's index, a block's height, an event's id, a tile's or a cell row's
    number, a record's map key in hex. Table `file` is SQLite's own structure.
    """

    code: str
    table: str
    row: int | str
    message: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome. `replayed`: the state machine ran over every block. `unchecked` says what the damage kept from being checked."""

    findings: tuple[Finding, ...]
    events: int
    blocks: int
    size: int
    replayed: bool
    unchecked: tuple[str, ...] = ()


class Findings:
    """Collects findings: the first of a row is kept, since what follows from it would only repeat it."""

    def __init__(self) -> None:
        self.found: list[Finding] = []
        self.unchecked: list[str] = []
        self._rows: set[tuple[str, int | str]] = set()
        self._left_out = 0

    def add(self, code: str, table: str, row: int | str, message: str) -> None:
        """Note a wrong row."""
        if (table, row) in self._rows:
            return
        if len(self.found) == MAX_FINDINGS:
            self._left_out += 1
            return
        self._rows.add((table, row))
        self.found.append(Finding(code, table, row, message))

    def skip(self, what: str) -> None:
        """Note what cannot be checked."""
        if what not in self.unchecked:
            self.unchecked.append(what)

    def names(self, table: str, row: int | str) -> bool:
        """Is this row named already?"""
        return (table, row) in self._rows

    @contextmanager
    def reading(self, table: str) -> Iterator[None]:
        """Read a table; where SQLite cannot, note it and go on with the next one."""
        try:
            yield
        except (apsw.Error, UnicodeError, MemoryError) as error:
            self.add("unreadable", "file", table, f"the table `{table}` cannot be read to its end: {error}")

    def conclude(self) -> tuple[str, ...]:
        """What was not checked, as sentences."""
        left_out = [f"{self._left_out} further wrong rows are not listed."] if self._left_out else []
        return (*self.unchecked, *left_out)
