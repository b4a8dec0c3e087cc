"""How much one caller has done for him at once: beyond some questions the next one waits for its turn, and for nobody else's.

Threads that read are few, and a ledger's readers take turns at its file: a caller who asks a hundred hard questions at once, or
never reads the answers, would have everybody wait. Events that are submitted do not wait here, because many of them make one block;
neither do streams, which cost nothing while nothing happens.
"""

from __future__ import annotations

import asyncio
from typing import Any

from litestar.types import ASGIApp, Receive, Send

from muniment.server import guard
from muniment.server.access.rate import UNCOUNTED

AT_ONCE = 8
FREE = UNCOUNTED | {"/v1/entries", "/v1/stream", "/metrics"}


class _Line:
    """Those of one caller's requests that are answered now or wait."""

    def __init__(self, most: int) -> None:
        self.turns = asyncio.Semaphore(most)
        self.length = 0


class Turns:
    """Pure ASGI middleware. A turn ends with the answer's last byte, so that answers nobody reads are few as well."""

    def __init__(self, app: ASGIApp, most: int = AT_ONCE) -> None:
        self._app = app
        self._most = most
        self._lines: dict[str, _Line] = {}

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        caller = guard.caller_of(scope)
        if scope["type"] != "http" or caller.kind == "anonymous" or scope["path"] in FREE:
            await self._app(scope, receive, send)
            return
        line = self._lines.get(caller.id)
        if line is None:
            line = self._lines[caller.id] = _Line(self._most)
        line.length += 1
        try:
            async with line.turns:
                await self._app(scope, receive, send)
        finally:
            line.length -= 1
            if not line.length:
                del self._lines[caller.id]
