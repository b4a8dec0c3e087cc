"""What pages are read from: one view of a ledger, its index as of the same time, and the prose that the vault here holds.

    with open_source(hosted) as source:
        version = source.state("version/9f86…", Version)
        registered = source.find(version.made, ModelRegistered)
        source.open_prose(registered.reason)

Nothing here is proved: a page is the word of its server, and the box on it is where a visitor verifies for himself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TypeVar

import msgspec

from muniment.client import capturing
from muniment.client.world import World
from muniment.core.format import dsse
from muniment.core.format import time as times
from muniment.core.format.statement import Sealed
from muniment.core.rules import events
from muniment.core.rules.events import Event
from muniment.core.rules.policy import Policy
from muniment.core.rules.records import State
from muniment.errors import InvariantError, MunimentError, NotFound
from muniment.index import EventRow, Index
from muniment.ledger.blobs import Blobs
from muniment.ledger.engine import View
from muniment.server.hosting import Hosted

S = TypeVar("S", bound=State)
E = TypeVar("E", bound=Event)

_id = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ENTRY = b'{"payload"'


class Prose(msgspec.Struct, frozen=True):
    """Sealed words: opened where the vault here holds them, else only known to be there."""

    text: str
    held: bool


class Source:
    """One ledger as of one block. Its answers are this server's word."""

    def __init__(self, hosted: Hosted, index: Index, view: View) -> None:
        self.hosted = hosted
        self.index = index
        self.view = view
        self.world = World(view)
        self.blobs = Blobs(hosted.home.blobs)
        self.manifests = capturing.open_manifests(hosted.home.manifests)
        self._events: dict[int, Event | None] = {}
        self._names: dict[str, str | None] = {}

    @property
    def base(self) -> str:
        """What comes before every path."""
        return self.hosted.base

    @cached_property
    def now(self) -> str:
        """The time of the newest block, by the ledger's clock."""
        return self.view.header(self.view.height).time

    @cached_property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.hosted.reader.policy()

    def state(self, stream: str, kind: type[S]) -> S | None:
        """What the newest block says about a stream."""
        return self.world.read(stream, kind)

    def event(self, index: int) -> Event | None:
        """The event at an entry; None for a header, and for what a later release of Muniment says."""
        if index not in self._events:
            raw = self.view.entry(index)
            try:
                self._events[index] = events.decode(dsse.decode(raw).payload) if raw.startswith(_ENTRY) else None
            except MunimentError:
                self._events[index] = None
        return self._events[index]

    def find(self, index: int, kind: type[E]) -> E | None:
        """The event at an entry, where it is of a kind."""
        event = self.event(index)
        return event if isinstance(event, kind) else None

    def locate(self, event_id: str) -> int | None:
        """The entry of the event with an id; None for a text that is no id."""
        return self.view.find(event_id) if _id.fullmatch(event_id) else None

    def find_id(self, event_id: str, kind: type[E]) -> tuple[EventRow, E]:
        """The event with an id. Raises NotFound (`no-such-thing`)."""
        index = self.locate(event_id)
        event = None if index is None else self.find(index, kind)
        if index is None or event is None:
            raise NotFound(
                f"there is no {kind.NAME} with the id {event_id[:80]}",
                code="no-such-thing",
                hint="Compare the address, or search for what you are looking for.",
            )
        return self.index.event(index), event

    def list_events(self, stream: str, kind: type[E], limit: int) -> list[tuple[EventRow, E]]:
        """The newest events of a kind in a stream, the newest first."""
        rows = self.index.events(stream=stream, names=(kind.NAME,), limit=limit)
        found = [(row, self.find(row.index, kind)) for row in rows]
        return [(row, event) for row, event in found if event is not None]

    def list_rows(self, stream: str, names: Collection[str] | None = None, limit: int = 20) -> list[EventRow]:
        """The newest events of a stream, the newest first."""
        return self.index.events(stream=stream, names=names, limit=limit)

    def open_prose(self, sealed: Sealed | msgspec.UnsetType) -> Prose | None:
        """The words behind a sealed field; None where the event says nothing there."""
        if not isinstance(sealed, Sealed):
            return None
        try:
            value = self.hosted.writer.vault.disclose(sealed)
        except MunimentError:
            # A damaged line of the vault is named by `fsck`; a reader is shown the rest.
            value = None
        return Prose("", False) if value is None else Prose(value if isinstance(value, str) else str(value), True)

    def name(self, digest: str) -> str | None:
        """What people call a version of a model or data set."""
        if digest not in self._names:
            self._names[digest] = self.index.name_of(digest)
        return self._names[digest]

    def title(self, stream: str) -> str:
        """What people call the thing of a stream: `credit-risk@3`."""
        kind, _, rest = stream.partition("/")
        if kind in ("data", "version"):
            return self.name(rest) or stream
        return rest or stream

    def index_at(self, time: str) -> int:
        """How many entries had been sealed at a time, the header included."""
        height = self.view.height_at(time)
        return 0 if height is None else self.view.header(height).size + 1


@contextmanager
def open_source(hosted: Hosted) -> Iterator[Source]:
    """A ledger as of its newest block."""
    with hosted.reader.view() as view:
        # Inside the view, so that the index is never behind it.
        index = hosted.reader.index
        if not isinstance(index, Index):
            raise InvariantError("a served ledger lies in a folder here, and so does its index")
        yield Source(hosted, index, view)


def parse_time(time: str) -> int:
    """A time of the ledger in microseconds since 1970."""
    return times.parse(time)


def known(value: object) -> str:
    """The text of a value that an event may leave out; nothing where it does."""
    return "" if value is msgspec.UNSET or value is None else str(value)
