"""The ground that a ledger gives a question, and a note of everything that was asked for (core.proof.inquiry.ground).

What was asked for is what goes into the file: the verifier runs the same function over the file and asks for the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from muniment.core.format import state_map
from muniment.core.format.state_map import Record
from muniment.core.proof.answer import MAX_EVENTS, MAX_WHOLES
from muniment.core.proof.inquiry import Block, Told
from muniment.errors import InvalidInput
from muniment.ledger.engine import View
from muniment.ledger.prover.stream import EVENT, Entry, open_entry, read_stream

Hints = Callable[[str], Sequence[int]]
"""Where an index believes that the entries of a stream stand; nothing where it does not know."""


def no_hints(stream: str) -> Sequence[int]:
    """What knows of no index says: the ledger is read through."""
    return ()


class LedgerGround:
    """A ground over a view of a ledger (core.proof.inquiry.Ground)."""

    def __init__(self, view: View, hints: Hints) -> None:
        self._view = view
        self._hints = hints
        self._told: dict[int, Told] = {}
        self.records: dict[str, Record | None] = {}
        self.streams: dict[str, list[int]] = {}
        self.entries: dict[int, Entry] = {}
        self.single: set[int] = set()
        self.headers: set[int] = set()

    @property
    def head(self) -> Block:
        """The newest header."""
        return self._open_header(self._view.height)

    def record(self, stream: str) -> Record | None:
        """The record of a stream."""
        if stream not in self.records:
            raw = self._view.record(stream)
            self.records[stream] = None if raw is None else state_map.decode_record(raw)
        return self.records[stream]

    def events(self, stream: str) -> Sequence[Told]:
        """All entries of a stream. Raises InvalidInput (`too-many-events`) beyond what a file holds, CorruptStore."""
        record = self.record(stream)
        if record is None:
            return ()
        if stream not in self.streams:
            if record.count > MAX_EVENTS or len(self.streams) == MAX_WHOLES:
                raise _too_many()
            found = read_stream(self._view, stream, record, self._hints(stream))
            self.streams[stream] = [index for index, _ in found]
            for index, raw in found:
                if index not in self.entries:
                    self._keep(index, raw)
            if len(self.entries) > MAX_EVENTS:
                raise _too_many()
        return [self._told[index] for index in self.streams[stream]]

    def event(self, index: int) -> Told:
        """One entry. Raises NotFound."""
        if index not in self.entries:
            self._keep(index, self._view.entry(index))
        self.single.add(index)
        return self._told[index]

    def block(self, index: int) -> Block:
        """The block that sealed an entry."""
        height = self._view.sealed_by(index)
        self._open_header(height - 1)
        return self._open_header(height)

    def _keep(self, index: int, raw: bytes) -> None:
        entry = self.entries[index] = open_entry(raw)
        self._told[index] = Told(index, entry.event, entry.payload)
        if not raw.startswith(EVENT):
            self.headers.add(index)

    def _open_header(self, height: int) -> Block:
        header = self._view.header(height)
        self.headers.add(header.size)
        return Block(height=header.height, time=header.time, index=header.size)


def _too_many() -> InvalidInput:
    return InvalidInput(
        f"the answer needs more than {MAX_EVENTS:,} events or {MAX_WHOLES:,} streams, which no file holds",
        code="too-many-events",
        hint="Ask about something smaller, such as one version.",
    )
