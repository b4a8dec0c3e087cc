"""ledger.ids: fresh event ids."""

from __future__ import annotations

import time
import uuid

import msgspec

from muniment.core.format.encoding import EventId
from muniment.ledger.ids import new_event_id


def test_an_id_is_a_uuid_of_version_7_and_of_now() -> None:
    before = time.time_ns() // 1_000_000
    text = new_event_id()
    after = time.time_ns() // 1_000_000
    assert msgspec.convert(text, EventId) == text
    read = uuid.UUID(text)
    assert (read.version, read.variant) == (7, uuid.RFC_4122)
    assert before <= read.int >> 80 <= after


def test_ids_differ() -> None:
    assert len({new_event_id() for _ in range(1_000)}) == 1_000
