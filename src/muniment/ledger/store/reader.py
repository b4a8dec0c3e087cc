"""The three questions of the rules, answered from one transaction (core.rules.overlay.Reader)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import apsw

from muniment.ledger.store import entries, records


class RuleReader:
    """Answers from what was read in one batch, then from the file. `known` are the keys that the batch surely covers."""

    def __init__(self, sql: apsw.Connection, fetched: Mapping[bytes, bytes], known: Collection[bytes] = ()) -> None:
        self._sql = sql
        self._fetched = fetched
        self._known = known

    def state(self, key: bytes) -> bytes | None:
        """The record of a stream by map key."""
        value = self._fetched.get(key)
        if value is None and key not in self._known:
            value = records.read(self._sql, key)
        return value

    def event(self, index: int) -> bytes:
        """The payload of an event, or the bytes of a header."""
        return entries.read_body(self._sql, index)

    def find(self, event_id: str) -> int | None:
        """The entry of an event id."""
        return entries.find(self._sql, event_id)
