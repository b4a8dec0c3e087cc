"""Limits of size and time around the application, and the end of what would never end by itself.

The head of a request is the connection's to watch (server.process.connection), nesting the decoder's (server.api). Here: how
large a body may be, how long it and the answer may take, and how many callers may listen to events at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send, WebSocketReceiveMessage

from muniment.server import problems
from muniment.server.problems import Problem
from muniment.server.settings import Limits

SUBMITTED = ("/v1/entries", "/v1/judgements")
STORED = ("/v1/blobs/", "/v1/manifests/")
OTHERS = 8
"""Bodies other than events and blobs may have this part of what events may have."""

_PREFIX = "/l/"
_EVENTS = b"text/event-stream"


class Limiting:
    """ASGI middleware. `listeners` are the answers that stream events now."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self.listeners: set[_Exchange] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if cast(str, scope["type"]) != "http":
            await self._app(scope, receive, send)
            return
        raw = cast(Mapping[str, Any], scope)
        length, has_body = _announced(raw["headers"])
        allowed = allow(self._limits, str(raw["method"]), str(raw["path"]))
        exchange = _Exchange(self, receive, send, allowed, has_body)
        if length > allowed:
            await exchange.refuse(_too_large(allowed))
            return
        await exchange.run(self._app, scope, self._limits)

    def admit(self, exchange: _Exchange) -> bool:
        """Let one more caller listen to events; False where there are enough."""
        if len(self.listeners) >= self._limits.listeners:
            return False
        self.listeners.add(exchange)
        return True

    def end_streams(self) -> None:
        """End every stream of events: their callers come again, to whoever serves then."""
        for each in tuple(self.listeners):
            each.end()


class _Exchange:
    """One request and its answer."""

    def __init__(self, limiting: Limiting, receive: Receive, send: Send, allowed: int, has_body: bool) -> None:
        self._limiting = limiting
        self._receive = receive
        self._send = send
        self._allowed = allowed
        self._pending = has_body
        self._received = 0
        self._started = False
        self._complete = False
        self._ended = False
        self._late = False
        self._reading = False
        self._overdue = False
        self._fault: Problem | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        self._answer_seconds = 0.0

    async def run(self, app: ASGIApp, scope: Scope, limits: Limits) -> None:
        """Let the application answer, in time."""
        self._task = asyncio.current_task()
        self._answer_seconds = limits.answer_seconds
        # One timer for body and answer, set by hand: `asyncio.timeout` around both took a fifth of what a small request costs.
        self._set_clock(limits.body_seconds if self._pending else limits.answer_seconds)
        try:
            await app(scope, self.receive, self.send)
        except asyncio.CancelledError:
            if not (self._ended or self._late):
                raise
            self._uncancel()
            if self._ended:
                if self._started and not self._complete:
                    await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            elif self._started:
                # The rest of this answer will never come: the connection ends, so that nobody takes a part for the whole.
                raise TimeoutError from None
            else:
                await self.refuse(self._fault or _late(limits.answer_seconds))
        finally:
            self._set_clock(None)
            self._limiting.listeners.discard(self)

    async def receive(self) -> HTTPReceiveMessage | WebSocketReceiveMessage:
        """The next part of the body, within its limits; a fault ends the request, whatever the application makes of it."""
        if not self._pending:
            return await self._receive()
        if self._overdue:
            self._fail(_slow())
            return {"type": "http.disconnect"}
        self._reading = True
        try:
            message = await self._receive()
        except asyncio.CancelledError:
            if not self._late:
                raise
            self._uncancel()
            self._late = False
            self._fail(_slow())
            return {"type": "http.disconnect"}
        finally:
            self._reading = False
        if message["type"] != "http.request":
            self._pending = False
            return message
        self._received += len(message["body"])
        if self._received > self._allowed:
            self._fail(_too_large(self._allowed))
            return {"type": "http.disconnect"}
        if not message["more_body"]:
            self._pending = False
            self._set_clock(self._answer_seconds)
        return message

    async def send(self, message: Message) -> None:
        """A part of the answer, or the fault in its place."""
        if self._fault is not None:
            if not self._started:
                await self.refuse(self._fault)
            return
        if message["type"] == "http.response.start":
            if _is_stream(message["headers"]):
                if not self._limiting.admit(self):
                    await self.refuse(_too_many())
                    self.end()
                    return
                self._set_clock(None)
            self._started = True
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            self._complete = True
        await self._send(message)

    async def refuse(self, problem: Problem) -> None:
        """Answer with a problem."""
        self._started = self._complete = True
        body = msgspec.json.encode(problem)
        headers = [(b"content-type", problems.MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        if problem.status == 503:
            headers.append((b"retry-after", b"1"))
        await self._send(
            cast(Message, {"type": "http.response.start", "status": problem.status, "headers": headers, "trailers": False})
        )
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    def end(self) -> None:
        """Stop the application's work on this request."""
        self._ended = True
        if self._task is not None:
            self._task.cancel()

    def _fail(self, problem: Problem) -> None:
        self._pending = False
        self._fault = problem
        # Whoever waits for a body that will not come is not waited for.
        if not self._started:
            self._set_clock(1.0)

    def _set_clock(self, seconds: float | None) -> None:
        if self._clock is not None:
            self._clock.cancel()
        self._clock = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self._ring)

    def _ring(self) -> None:
        if self._pending and not self._reading and not self._overdue:
            # The application does something else than wait for the body: that has the time of an answer.
            self._overdue = True
            self._set_clock(self._answer_seconds)
            return
        self._late = True
        if self._task is not None:
            self._task.cancel()

    def _uncancel(self) -> None:
        if self._task is not None:
            self._task.uncancel()


def allow(limits: Limits, method: str, path: str) -> int:
    """How many bytes the body of a request may have."""
    if path.startswith(_PREFIX):
        path = "/" + path.removeprefix(_PREFIX).partition("/")[2]
    if path in SUBMITTED:
        return limits.body_bytes
    if method == "PUT" and path.startswith(STORED):
        return limits.blob_bytes
    return limits.body_bytes // OTHERS


def _announced(headers: Iterable[tuple[bytes, bytes]]) -> tuple[int, bool]:
    """The length that a request says, and whether a body follows. The parser made sure that it is a number."""
    length, has_body = 0, False
    for name, value in headers:
        if name == b"content-length":
            length = int(value) if value.isdigit() else 0
            has_body = has_body or length > 0
        elif name == b"transfer-encoding":
            has_body = True
    return length, has_body


def _is_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(_EVENTS) for name, value in headers)


def _too_large(allowed: int) -> Problem:
    detail = f"the body is larger than {allowed} bytes"
    return problems.build(413, "too-much", "Too large", detail, "Send less at a time.")


def _slow() -> Problem:
    return problems.build(408, "too-slow", "Too slow", "the body did not arrive in time", "Send the request again, without pauses.")


def _late(seconds: float) -> Problem:
    detail = f"there was no answer after {seconds:g} seconds"
    hint = "Ask for less, or again later. An event that was sent may be recorded: sending it again does no harm."
    return problems.build(503, "late", "Not now", detail, hint)


def _too_many() -> Problem:
    detail = "as many callers listen to events here as may"
    return problems.build(503, "too-many-listeners", "Not now", detail, "Come again later, or ask now and then instead.")
