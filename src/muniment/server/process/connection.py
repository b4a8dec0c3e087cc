"""One connection: uvicorn's protocol over httptools, with limits on the head of a request, on reading, and on their number.

uvicorn waits for ever for a head, keeps one of any size, and for a caller who never reads. Here one sweep a second looks at every
connection, so that time limits cost nothing for each request.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from types import MappingProxyType
from typing import Any, cast

import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from muniment.server import problems
from muniment.server.settings import Limits

HEAD_BYTES = 16 << 10
HEADERS = 100
PIPELINED = 64
LINGER_SECONDS = 2.0
LINGER_BYTES = 4 << 20
SWEEP_SECONDS = 0.5

_IDLE, _HEAD, _BODY = range(3)

_REFUSALS = MappingProxyType(
    {
        400: ("Bad Request", "bad-request", "this is no request that HTTP/1.1 knows", "Send it with an HTTP client."),
        408: ("Request Timeout", "too-slow", "the head of the request did not arrive in time", "Send it again, without pauses."),
        431: (
            "Request Header Fields Too Large",
            "too-much",
            "the head of the request is too large",
            "Send fewer or shorter headers.",
        ),
        503: ("Service Unavailable", "too-many-connections", "too many connections are open here", "Come again in a moment."),
    }
)


class Door:
    """What all connections of one process share: the limits, and how many were cut and why."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.cut: Counter[str] = Counter()


class Connection(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        door: Door,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._door = door
        self._phase = _IDLE
        self._since = self.loop.time()
        self._is_fresh = True
        self._head_bytes = 0
        self._refusal = 400
        self._lingering = False
        self._dropped = 0
        self._stuck_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is here."""
        super().connection_made(transport)
        if len(self.connections) > self._door.limits.connections:
            self._refuse(503)

    def data_received(self, data: bytes) -> None:
        """Bytes, which may be the beginning of anything."""
        if self._lingering:
            self._dropped += len(data)
            if self._dropped > LINGER_BYTES:
                self.transport.abort()
            return
        if self._phase == _IDLE:
            self._begin_head()
        if self._phase == _HEAD:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._phase == _HEAD and self._head_bytes > HEAD_BYTES and not self._lingering:
            self._refuse(431)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The caller will send no more. Who has sent a whole request and waits for the answer gets it; the rest is over."""
        waits = self.cycle is not None and not self.cycle.response_started and self._phase == _IDLE
        if waits:
            self.cycle.keep_alive = False
        return waits

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        if self._phase != _HEAD:
            self._begin_head()

    def on_headers_complete(self) -> None:
        """The head of a request is whole. Raises what the parser makes a refusal of."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > HEAD_BYTES or len(self.headers) > HEADERS or len(self.pipeline) >= PIPELINED:
            self._refusal = 431
            raise ValueError("the head is too large")
        self._phase = _BODY
        self._is_fresh = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._phase = _IDLE
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is on its way. Where the request is not whole yet, nobody reads the rest of it."""
        super().on_response_complete()
        if self._phase == _BODY and not self.transport.is_closing():
            self._linger()

    def send_400_response(self, msg: str) -> None:
        """What cannot be read is refused, after the answers to what could be."""
        self._refuse(self._refusal)

    def sweep(self, now: float) -> None:
        """Cut what takes too long."""
        limits = self._door.limits
        waits = self._phase == _HEAD or (self._phase == _IDLE and self._is_fresh)
        if waits and not self._lingering and now - self._since > limits.header_seconds:
            if self._phase == _HEAD:
                self._refuse(408)
            else:
                self._door.cut["idle"] += 1
                self.transport.close()
        if not self.transport.get_write_buffer_size():
            self._stuck_since = None
        elif self._stuck_since is None:
            self._stuck_since = now
        elif now - self._stuck_since > limits.answer_seconds:
            self._door.cut["slow-reader"] += 1
            self.transport.abort()

    def _begin_head(self) -> None:
        self._phase, self._since, self._head_bytes = _HEAD, self.loop.time(), 0

    def _refuse(self, status: int) -> None:
        reason, code, detail, hint = _REFUSALS[status]
        self._door.cut[code] += 1
        if self.cycle is not None and not self.cycle.response_complete:
            # An answer is being written: nothing may stand between its parts, and the connection ends with it.
            self.cycle.keep_alive = False
            self.pipeline.clear()
            self._lingering = True
            return
        body = msgspec.json.encode(problems.build(status, code, reason, detail, hint))
        head = f"HTTP/1.1 {status} {reason}\r\ncontent-type: {problems.MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
        head += "connection: close\r\n" + ("retry-after: 1\r\n" if status == 503 else "") + "\r\n"
        self.transport.write(head.encode() + body)
        self._linger()

    def _linger(self) -> None:
        """Close so that the last answer arrives: a reset, which unread bytes cause, could overtake it."""
        self._unset_keepalive_if_required()
        self._lingering = True
        if not self.transport.can_write_eof():
            self.transport.close()
            return
        self.flow.resume_reading()
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)


async def sweep_all(state: ServerState) -> None:
    """Look at every connection, again and again."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        now = loop.time()
        for each in tuple(state.connections):
            cast(Connection, each).sweep(now)
