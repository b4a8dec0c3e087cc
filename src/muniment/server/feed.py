"""New blocks, noticed once for each ledger and told to everybody who listens.

    feed.join(listener)                  # from now on its `wake` is called, in the event loop, whenever there is news
    frames = feed.after(height)          # bytes that all listeners share; None: no longer kept, `read` them

While somebody listens, one task looks at the newest block every 150 ms, which finds what other processes wrote; a commit of
this process is told at once (`nudge`). Nothing is queued for a listener: each knows the last block that it was sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import msgspec
from litestar import Litestar

from muniment.client.ledger import Ledger
from muniment.core.format import checkpoint, note
from muniment.errors import LedgerError
from muniment.index.rows import EventRow
from muniment.server.hosting import Hosting
from muniment.server.snapshots import open_snapshot

POLL_SECONDS = 0.15
READ_AT_ONCE = 32
KEPT_BYTES = 4 << 20

_log = logging.getLogger("muniment.server.feed")
_encode = msgspec.json.Encoder().encode


class Block(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A sealed block as listeners are told: `size` entries end with it, `root` (64 hex) is that tree's, `events` are its own."""

    height: int
    size: int
    time: str
    root: str
    events: tuple[EventRow, ...]


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A block in the bytes that are sent (server-sent events)."""

    height: int
    raw: bytes


class Listener(Protocol):
    """Somebody to be told."""

    caller: str

    def wake(self) -> None:
        """There is news, or the feed has ended."""


class Feed:
    """The news of one ledger. Everything but `nudge` belongs to the event loop."""

    def __init__(self, ledger: Ledger, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._ledger = ledger
        self._poll_seconds = poll_seconds
        self._listeners: set[Listener] = set()
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching: asyncio.Task[None] | None = None
        self.height = -1
        self.closed = False

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def count(self, caller: str) -> int:
        """How many of them are one caller's."""
        return sum(1 for each in self._listeners if each.caller == caller)

    def join(self, listener: Listener) -> None:
        """Tell a listener from now on."""
        self._listeners.add(listener)
        if self._watching is None and not self.closed:
            self._loop = asyncio.get_running_loop()
            self._watching = self._loop.create_task(self._watch())

    def leave(self, listener: Listener) -> None:
        """Tell it no more; when the last one has left, nobody looks."""
        self._listeners.discard(listener)
        if not self._listeners:
            self._rest()

    def nudge(self) -> None:
        """Look now: something was written. From any thread, at any time."""
        loop = self._loop
        if self._watching is not None and loop is not None:
            # The loop may have ended in between.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._news.set)

    def close(self) -> None:
        """End: every listener is woken and finds the feed closed."""
        self.closed = True
        self._rest()
        for each in tuple(self._listeners):
            each.wake()

    def after(self, height: int) -> list[Frame] | None:
        """The frames after a height, as far as they are known; None where they are no longer kept."""
        if height >= self.height:
            return []
        if not self._frames or self._frames[0].height > height + 1:
            return None
        return [each for each in self._frames if each.height > height]

    async def read(self, first: int, stop: int) -> list[Frame]:
        """The frames of the blocks from `first` up to, not including, `stop`, from the ledger."""
        return await asyncio.to_thread(_read_frames, self._ledger, first, stop)

    async def place(self, size: int | None) -> tuple[int, int, int | None]:
        """Where the ledger is (height, size), and the height at which it had `size` entries; None where it never did."""
        return await asyncio.to_thread(_read_place, self._ledger, size)

    def _rest(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self._watching = None
        self._frames.clear()
        self._bytes = 0
        self.height = -1

    async def _watch(self) -> None:
        well = True
        while True:
            try:
                await self._look()
                well = True
            except LedgerError as error:
                if well:
                    _log.warning("the newest block cannot be read: %s", error)
                well = False
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._news.wait()
            self._news.clear()

    async def _look(self) -> None:
        newest = await asyncio.to_thread(_read_height, self._ledger)
        if newest == self.height:
            return
        known = self.height
        # Whoever comes late, and whoever was here when a thousand blocks came at once, reads for himself what is not kept.
        first = max(known, newest - READ_AT_ONCE) + 1
        fresh = await self.read(first, newest + 1) if 0 <= known < newest else []
        if not 0 <= known < newest or first != known + 1:
            self._frames.clear()
            self._bytes = 0
        self._frames.extend(fresh)
        self._bytes += sum(len(each.raw) for each in fresh)
        while self._bytes > KEPT_BYTES:
            self._bytes -= len(self._frames.popleft().raw)
        self.height = newest
        for each in tuple(self._listeners):
            each.wake()


def read_blocks(ledger: Ledger, first: int, stop: int) -> list[Block]:
    """The blocks of some heights with their events."""
    blocks: list[Block] = []
    with open_snapshot(ledger) as view:
        # Inside the view, so that the index is never behind it.
        index = ledger.index
        begin = 0 if first == 0 else view.header(first - 1).size + 1
        for height in range(first, min(stop, view.height + 1)):
            header = view.header(height)
            rows = index.events(before=header.size, limit=header.size - begin) if header.size > begin else []
            head = checkpoint.parse(note.parse(view.checkpoint_at(height)).text)
            blocks.append(
                Block(
                    height=height,
                    size=head.size,
                    time=header.time,
                    root=head.root.hex(),
                    events=tuple(row for row in reversed(rows) if row.index >= begin),
                )
            )
            begin = header.size + 1
    return blocks


def encode(block: Block) -> Frame:
    """A block as a server-sent event. JSON has no line breaks, so the data is one line."""
    return Frame(block.height, b"event: block\nid: %d\ndata: %b\n\n" % (block.size, _encode(block)))


@asynccontextmanager
async def feeding(app: Litestar) -> AsyncIterator[None]:
    """A feed for each ledger, by name, in `app.state.feeds`."""
    hosting: Hosting = app.state.hosting
    feeds = {each.name: Feed(each.reader) for each in hosting}
    app.state.feeds = feeds
    try:
        yield
    finally:
        for each in feeds.values():
            each.close()


def _read_height(ledger: Ledger) -> int:
    with ledger.view() as view:
        return view.height


def _read_frames(ledger: Ledger, first: int, stop: int) -> list[Frame]:
    return [encode(each) for each in read_blocks(ledger, first, stop)]


def _read_place(ledger: Ledger, size: int | None) -> tuple[int, int, int | None]:
    with ledger.view() as view:
        if size is None or not 0 < size <= view.size:
            return view.height, view.size, None
        height = view.sealed_by(size - 1)
        return view.height, view.size, height if view.header(height).size + 1 == size else None


LIFESPAN = (feeding,)
