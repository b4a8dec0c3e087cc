"""Noting what is read and exported, by whom and when (access.journal keeps it), as pure ASGI middleware.

note_thing(request.scope, "version/ab12…")      # in a route, where only the body says what a request is about
"""

from __future__ import annotations

import os
import re
from typing import Any

from litestar.types import ASGIApp, Receive, Send

from muniment.core.format import time
from muniment.ledger.embedded import Clock, system_clock
from muniment.server import guard
from muniment.server.access.credentials import redact
from muniment.server.access.journal import Journal, Line

MAX_TEXT = 512
_THING = "muniment.thing"
_REQUEST = "muniment.request"

# What says nothing about a ledger, and what holds codes that open something.
_UNLOGGED = re.compile(
    r"/(?:healthz|readyz|metrics|favicon\.ico|static/.*|sign-in(?:/.*)?|sign-out|v1/(?:openapi\.json|cosignatures|engine))"
)


class AccessLog:
    """Pure ASGI middleware that notes every answer about a ledger but those to nobody (401)."""

    def __init__(self, app: ASGIApp, log: Journal, clock: Clock = system_clock) -> None:
        self._app = app
        self._log = log
        self._clock = clock

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        hosted = guard.ledger_of(scope)
        if scope["type"] != "http" or hosted is None or _UNLOGGED.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        status, size = 0, 0

        async def counting(message: Any) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counting)
        finally:
            caller = guard.caller_of(scope)
            # What anybody may read without a name is no secret, and strangers must not fill the disk.
            if caller.kind != "anonymous":
                self._log.note(
                    hosted.name,
                    Line(
                        time=time.format(self._clock()),
                        request=_clip(str(scope.get(_REQUEST, ""))) or os.urandom(8).hex(),
                        caller=_clip(caller.id),
                        kind=caller.kind,
                        method=_clip(scope["method"]),
                        path=_describe(scope),
                        status=status,
                        bytes=size,
                        thing=_clip(str(scope.get(_THING, ""))),
                    ),
                )


def note_thing(scope: Any, thing: str) -> None:
    """Say what a request is about, where only its body tells."""
    scope[_THING] = thing


def _describe(scope: Any) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    return _clip(redact(f"{scope['path']}?{query}" if query else scope["path"]))


def _clip(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
