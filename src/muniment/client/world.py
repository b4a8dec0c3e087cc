"""A view of the ledger as the rules look at it: records as they stand, and what admitted events say (core.rules.ancestry)."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from muniment.core.format import dsse, state_map
from muniment.core.rules import measurement
from muniment.core.rules.measurement import Measurement
from muniment.core.rules.records import State
from muniment.ledger.engine import View

S = TypeVar("S", bound=State)


class World:
    """What `walk` and `evaluate` ask for, answered from one view."""

    def __init__(self, view: View) -> None:
        self._view = view

    def read(self, stream: str, kind: type[S]) -> S | None:
        """The state of a stream, or None where nothing ever touched it."""
        raw = self._view.record(stream)
        return None if raw is None else msgspec.json.decode(state_map.decode_record(raw).state, type=kind)

    def body(self, index: int) -> bytes:
        """The signed payload of the event at an entry. Raises NotFound, InvalidInput for a header."""
        return dsse.decode(self._view.entry(index)).payload

    def measurement(self, index: int) -> Measurement:
        """What the measurement at an entry said."""
        return measurement.decode(self.body(index))
