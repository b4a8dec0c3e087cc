"""How often somebody may ask: each caller by name, everybody without one by address; who fails to say who he is, far less often.

Counted in this process over two seconds, so that a burst may hold twice what one second allows; several worker processes count
apart. Nothing is counted for health checks.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from litestar.types import ASGIApp, Receive, Send

from muniment.server import guard
from muniment.server.access import replies
from muniment.server.caller import Caller
from muniment.server.problems import TooOften
from muniment.server.settings import Limits

WINDOW_SECONDS = 2
FAILURES_PER_MINUTE = 30
UNCOUNTED = frozenset({"/healthz", "/readyz"})


class Rates:
    """The counters of one process."""

    def __init__(self, limits: Limits) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._named = RateLimitItemPerSecond(WINDOW_SECONDS * limits.requests_per_second, WINDOW_SECONDS)
        self._unnamed = RateLimitItemPerSecond(WINDOW_SECONDS * limits.anonymous_per_second, WINDOW_SECONDS)
        self._failures = RateLimitItemPerMinute(FAILURES_PER_MINUTE)

    def count(self, caller: Caller, scope: Any) -> None:
        """Count a request. Raises TooOften."""
        if caller.kind == "anonymous":
            self._hit(self._unnamed, "address", address_of(scope))
        else:
            self._hit(self._named, "name", caller.id)

    def check_failures(self, address: str) -> None:
        """Check that an address has not failed too often to say who it is. Raises TooOften."""
        if not self._limiter.test(self._failures, "failure", address):
            raise TooOften("too many attempts to sign in from this address", retry_after=60.0)

    def note_failure(self, address: str) -> None:
        """Count an attempt that failed."""
        self._limiter.hit(self._failures, "failure", address)

    def _hit(self, item: RateLimitItem, kind: str, who: str) -> None:
        if not self._limiter.hit(item, kind, who):
            raise TooOften("too many requests at once", retry_after=float(WINDOW_SECONDS))


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
