"""How often somebody may ask: each caller by name, everybody without one by address; who fails to say who he is, far less often.

Counted in this process over two seconds, so that a burst may hold twice what one second allows; several worker processes count
apart. Nothing is counted for health checks. Only the event loop counts: no lock, no thread, no system call but the clock.
"""

from __future__ import annotations

import ipaddress
import time
from typing import Any

from litestar.types import ASGIApp, Receive, Send

from muniment.server import guard
from muniment.server.access import replies
from muniment.server.caller import Caller
from muniment.server.problems import TooOften
from muniment.server.settings import Limits

WINDOW_SECONDS = 2
FAILURES_PER_MINUTE = 30
UNCOUNTED = frozenset({"/healthz", "/readyz"})


class Window:
    """How often each of many has come within the present stretch of time. All begin anew together, so nobody is kept for long."""

    def __init__(self, most: int, seconds: float) -> None:
        self.seconds = seconds
        self._most = most
        self._until = 0.0
        self._counts: dict[str, int] = {}

    def count(self, who: str, now: float) -> bool:
        """Count one more; False where that is one too many."""
        counts = self._current(now)
        counts[who] = number = counts.get(who, 0) + 1
        return number <= self._most

    def is_full(self, who: str, now: float) -> bool:
        """Has somebody come as often as he may?"""
        return self._current(now).get(who, 0) >= self._most

    def _current(self, now: float) -> dict[str, int]:
        if now >= self._until:
            self._until, self._counts = now + self.seconds, {}
        return self._counts


class Rates:
    """The counters of one process."""

    def __init__(self, limits: Limits) -> None:
        self._named = Window(WINDOW_SECONDS * limits.requests_per_second, WINDOW_SECONDS)
        self._unnamed = Window(WINDOW_SECONDS * limits.anonymous_per_second, WINDOW_SECONDS)
        self._failures = Window(FAILURES_PER_MINUTE, 60)

    def count(self, caller: Caller, scope: Any) -> None:
        """Count a request. Raises TooOften."""
        # Members have no token here, and come as often as a program may.
        nameless = caller.kind == "anonymous" and scope["path"] != guard.MEMBERS
        who = address_of(scope) if caller.kind == "anonymous" else caller.id
        window = self._unnamed if nameless else self._named
        if not window.count(who, time.monotonic()):
            raise TooOften("too many requests at once", retry_after=window.seconds)

    def check_failures(self, address: str) -> None:
        """Check that an address has not failed too often to say who it is. Raises TooOften."""
        if self._failures.is_full(address, time.monotonic()):
            raise TooOften("too many attempts to sign in from this address", retry_after=self._failures.seconds)

    def note_failure(self, address: str) -> None:
        """Count an attempt that failed."""
        self._failures.count(address, time.monotonic())


class Rate:
    """Pure ASGI middleware that counts, once it is known who asks."""

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        self._app = app
        self._rates = rates

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in UNCOUNTED:
            try:
                self._rates.count(guard.caller_of(scope), scope)
            except TooOften as error:
                await replies.tell(scope, send, error)
                return
        await self._app(scope, receive, send)


def address_of(scope: Any) -> str:
    """Where a request comes from; of an IPv6 address its network, because one machine has as many of those as it likes."""
    client = scope.get("client")
    if not client or not client[0]:
        return "local"
    try:
        address = ipaddress.ip_address(client[0])
    except ValueError:
        return str(client[0])[:64]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)
