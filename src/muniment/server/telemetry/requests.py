"""What happened to each request: counted, timed and written to the log, without anything that it said.

`Watching` stands outermost, so that what the limits cut is seen too. `Noting` stands innermost and hands out what only routing
knows: the template of the path, the ledger, the caller.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Mapping
from typing import Any, cast

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from muniment.server import caching, guard
from muniment.server.telemetry import logs
from muniment.server.telemetry.metrics import Metrics

_SEEN = "muniment.seen"
REQUEST = "muniment.request"
"""Where an ASGI scope has the request's id."""
UNKNOWN = "(none)"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


class _Seen:
    """What is known of a request so far."""

    def __init__(self, id_: str) -> None:
        self.scope: Mapping[str, Any] = {}
        self.status = 0
        self.id = id_


class Watching:
    """ASGI middleware: measures every request, gives it an id, and writes one line of log about it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        # Random once, then counted: a system call for each request would hand the interpreter to the thread that writes.
        self._prefix = os.urandom(5).hex()
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = cast(dict[str, Any], scope)
        if raw["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = _Seen(f"{self._prefix}{next(self._numbers):06x}")
        raw[_SEEN] = seen
        raw[REQUEST] = seen.id
        method = raw["method"] if raw["method"] in _METHODS else "OTHER"

        async def observe(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                message["headers"] = [*caching.complete(message["headers"]), (b"x-request-id", seen.id.encode())]
            await send(message)

        began = time.perf_counter()
        self._metrics.in_flight += 1
        try:
            await self._app(scope, receive, observe)
        finally:
            self._metrics.in_flight -= 1
            seconds = time.perf_counter() - began
            route = str(seen.scope.get("path_template") or UNKNOWN)
            self._metrics.request(method, route, seen.status, seconds)
            if route != guard.MEMBERS or seen.status >= 400:
                logs.note("request", _fields(seen, method, route, seconds))


class Noting:
    """ASGI middleware: what routing finds out about a request becomes known to `Watching`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = cast(dict[str, Any], scope)
        if _SEEN in raw:
            raw[_SEEN].scope = raw
        await self._app(scope, receive, send)


def _fields(seen: _Seen, method: str, route: str, seconds: float) -> dict[str, object]:
    raw = cast(guard.Raw, seen.scope)
    hosted = guard.ledger_of(raw)
    return {
        "code": "request" if seen.status < 500 else "request-failed",
        "request": seen.id,
        "method": method,
        "route": route,
        "status": seen.status,
        "duration_ms": round(seconds * 1_000, 2),
        "caller": guard.caller_of(raw).id,
        "ledger": hosted.name if hosted is not None else None,
    }
