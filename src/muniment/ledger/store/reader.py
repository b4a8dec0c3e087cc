"""The three questions of the rules, answered from one transaction (core.rules.overlay.Reader)."""

from __future__ import annotations

from collections.abc import Mapping

import apsw

from muniment.ledger.store import entries, records

MAX_KEPT = 4_096


class RuleReader:
    """Answers from what was read in one batch, then from what is kept between blocks, then from the file.

    `fetched` has every key that the batch covers, None for those that no record has. What is read beside it goes to `kept`,
    which the caller clears of what blocks write. No event of the ledger has an id above `newest_id`.
    """

    def __init__(
        self, sql: apsw.Connection, fetched: Mapping[bytes, bytes | None], kept: dict[bytes, bytes | None], newest_id: str
    ) -> None:
        self._sql = sql
        self._fetched = fetched
        self._kept = kept
        self._newest_id = newest_id

    def state(self, key: bytes) -> bytes | None:
        """The record of a stream by map key."""
        if key in self._fetched:
            return self._fetched[key]
        if key in self._kept:
            return self._kept[key]
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        value = self._kept[key] = records.read(self._sql, key)
        return value

    def event(self, index: int) -> bytes:
        """The payload of an event, or the bytes of a header."""
        return entries.read_body(self._sql, index)

    def find(self, event_id: str) -> int | None:
        """The entry of an event id. Ids begin with the time, so that those of new events seldom need a look."""
        return None if event_id > self._newest_id else entries.find(self._sql, event_id)
