"""The ground of docs/spec 10.7: what a file proves, and which streams were asked for."""

from __future__ import annotations

from typing import Any

from second.forms import Json
from second.head import Failed, demand


class Asked:
    """A ground (second.ground) over an answer of which all parts were verified (second.verifier)."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.now: str = answer.newest["time"]
        self.streams: set[str] = set()

    def record(self, stream: str) -> Json | None:
        found: Json | None = self.answer.need(stream)
        return found

    def state(self, stream: str) -> Json | None:
        return None if self.record(stream) is None else self.answer.state(stream)

    def events(self, stream: str) -> list[tuple[int, Json]]:
        if self.record(stream) is None:
            return []
        demand(stream in self.answer.streams, 11, "stream-missing")
        self.streams.add(stream)
        return [(index, self.event(index)) for index in self.answer.streams[stream]]

    def event(self, index: int) -> Json:
        demand(index in self.answer.events or index in self.answer.headers, 11, "event-missing")
        return self.answer.events[index][1] if index in self.answer.events else {"_name": "header"}

    def time(self, index: int) -> str:
        block = self.answer.sealing(index)
        if block is None:
            raise Failed(8, "header-successor")
        return str(block["time"])
