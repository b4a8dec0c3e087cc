"""Who a credential belongs to, remembered for a moment: a request seldom waits for SQLite or for a signature.

What an API token or a session may do is remembered for one second, so that a revoked one stops within two, in every process. A
provider's token cannot be revoked here: it is remembered for half a minute, and never beyond its own end. What is remembered is
found by the SHA-256 of what was presented.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import msgspec

from muniment.ledger.embedded import Clock, system_clock
from muniment.server.access.credentials import Bearer, Cookie
from muniment.server.access.oidc import Claimed
from muniment.server.caller import Caller

FRESH_SECONDS = 1.0
FRESH_CLAIMED_SECONDS = 30.0
MAX_REMEMBERED = 10_000


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and until when at most that holds (microseconds since 1970); `claimed` where a provider said it."""

    caller: Caller
    until_us: int | None = None
    claimed: Claimed | None = None


class _Remembered(msgspec.Struct, frozen=True):
    identity: Identity
    fresh_until: float


Look = Callable[[Bearer | Cookie], Awaitable[Identity]]


class Verified:
    """What this process remembers. Belongs to one event loop."""

    def __init__(self, look: Look, clock: Clock = system_clock, seconds: Callable[[], float] = time.monotonic) -> None:
        self._look = look
        self._clock = clock
        self._seconds = seconds
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._looking: dict[bytes, asyncio.Task[Identity]] = {}

    def recall(self, presented: Bearer | Cookie) -> Identity | None:
        """Who presents this, where that was found out a moment ago and still holds."""
        found = self._remembered.get(_key(presented))
        if found is None or found.fresh_until <= self._seconds():
            return None
        until = found.identity.until_us
        return found.identity if until is None or until > self._clock() else None

    def knows(self, presented: Bearer | Cookie) -> bool:
        """Was this good before? Then a neighbour's failures do not lock it out."""
        return _key(presented) in self._remembered

    async def find(self, presented: Bearer | Cookie) -> Identity:
        """Who presents this; requests that present the same wait for one look. Raises what the look raises."""
        key = _key(presented)
        task = self._looking.get(key)
        if task is None:
            task = asyncio.ensure_future(self._look_up(key, presented))
            self._looking[key] = task
            task.add_done_callback(lambda done: self._done(key, done))
        # A caller who goes away takes the answer from nobody else.
        return await asyncio.shield(task)

    def forget(self) -> None:
        """Look again at everything: something was revoked."""
        self._remembered.clear()

    async def _look_up(self, key: bytes, presented: Bearer | Cookie) -> Identity:
        # Counted from before the look, so that a revocation during it is not remembered for longer.
        began = self._seconds()
        try:
            identity = await self._look(presented)
        except BaseException:
            self._remembered.pop(key, None)
            raise
        fresh = FRESH_SECONDS if identity.claimed is None else FRESH_CLAIMED_SECONDS
        self._remembered[key] = _Remembered(identity, began + fresh)
        self._remembered.move_to_end(key)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return identity

    def _done(self, key: bytes, task: asyncio.Task[Identity]) -> None:
        self._looking.pop(key, None)
        # Where everybody who asked went away, nobody else reads the error.
        if not task.cancelled():
            task.exception()


def _key(presented: Bearer | Cookie) -> bytes:
    return hashlib.sha256(f"{type(presented).__name__} {presented.text}".encode()).digest()
