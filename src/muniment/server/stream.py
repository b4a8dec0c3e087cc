"""`GET /v1/stream`: new blocks as server-sent events (WHATWG HTML, section 9.2).

A listener is one coroutine that sleeps in `receive`: a client that goes is noticed at once, the heartbeat is the timeout of
that sleep, and news ends it early. So it costs no thread, no queue and no second task, and one that does not read is cut
when the connection has taken nothing more for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import parse_qs

import msgspec
from litestar import asgi
from litestar.exceptions import MethodNotAllowedException
from litestar.types import Receive, Scope, Send

from muniment.errors import InvalidInput, LedgerError
from muniment.server import guard
from muniment.server.access import authentication
from muniment.server.feed import READ_AT_ONCE, Feed, Frame
from muniment.server.problems import TooOften

HEARTBEAT_SECONDS = 15.0
STALLED_SECONDS = 20.0
RETRY_MS = 2_000
MAX_BACK = 1_000
"""So many blocks are sent to somebody who comes back; who was away longer is told to begin anew."""

HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    # Proxies such as nginx would gather what is to arrive now.
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
)
_HEARTBEAT = b": still here\n\n"

_log = logging.getLogger("muniment.server.stream")


class Reset(msgspec.Struct, frozen=True, kw_only=True):
    """Said to somebody who cannot be told what came since: where the ledger is now."""

    height: int
    size: int


class Connection:
    """One listener: what it was sent, and its sleep."""

    def __init__(
        self,
        caller: str,
        feed: Feed,
        receive: Receive,
        send: Send,
        heartbeat_seconds: float,
        may_stay: Callable[[], Awaitable[bool]],
    ) -> None:
        self.caller = caller
        self._feed = feed
        self._receive = receive
        self._send = send
        self._heartbeat_seconds = heartbeat_seconds
        self._may_stay = may_stay
        self._sleep: asyncio.Timeout | None = None
        self._height = -1

    def wake(self) -> None:
        """End the sleep, if it sleeps."""
        if self._sleep is not None and not self._sleep.expired():
            self._sleep.reschedule(0.0)

    async def run(self, since: int | None) -> None:
        """Tell everything after the block at which the ledger had `since` entries, then what comes; returns when it ends."""
        height, size, found = await self._feed.place(since)
        # An id without data is kept by the browser and told when it comes back, and it is no event.
        greeting = b"retry: %d\nid: %d\n\n" % (RETRY_MS, size if since is None else since)
        self._height = height if found is None else found
        if since is not None and (found is None or height - found > MAX_BACK):
            self._height = height
            greeting = b"retry: %d\n\n%b" % (RETRY_MS, _encode_reset(height, size))
        await self._tell(greeting)
        loop = asyncio.get_running_loop()
        asked = loop.time()
        while not self._feed.closed:
            # A right that ends ends the stream too, however much there is to tell.
            if loop.time() - asked >= self._heartbeat_seconds:
                if not await self._may_stay():
                    break
                asked = loop.time()
            if frames := await self._next():
                await self._tell(b"".join([each.raw for each in frames]))
                self._height = frames[-1].height
            elif await self._doze():
                return
        await self._tell(b"", more=False)

    async def _next(self) -> list[Frame]:
        """What is to be sent next: as much as one reading gives."""
        found = self._feed.after(self._height)
        if found is None:
            found = await self._feed.read(self._height + 1, self._height + 1 + READ_AT_ONCE)
        return found[:READ_AT_ONCE]

    async def _doze(self) -> bool:
        """Sleep until there is news, with a heartbeat in between. True where the client has gone."""
        try:
            async with asyncio.timeout(self._heartbeat_seconds) as self._sleep:
                until = self._sleep.when()
                while (await self._receive())["type"] != "http.disconnect":
                    pass
            return True
        except TimeoutError:
            woken = self._sleep is not None and self._sleep.when() != until
        finally:
            self._sleep = None
        if not woken:
            await self._tell(_HEARTBEAT)
        return False

    async def _tell(self, raw: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(STALLED_SECONDS):
            await self._send({"type": "http.response.body", "body": raw, "more_body": more})


@asgi("/v1/stream", opt={"scope": "read"}, copy_scope=False)
async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """New blocks as they are sealed. `Last-Event-ID`, else `?after=`, is the size after which to begin."""
    raw = cast(guard.Raw, scope)
    if raw["method"] not in ("GET", "HEAD"):
        raise MethodNotAllowedException(headers={"Allow": "GET, HEAD"})
    hosted = guard.require_ledger(raw)
    since = read_since(raw)
    state: Any = raw["litestar_app"].state
    feed: Feed = state.feeds[hosted.name]
    caller = guard.caller_of(raw).id
    if sum(each.count(caller) for each in state.feeds.values()) >= max(1, state.settings.limits.listeners // 2):
        raise TooOften("half of all who may listen here are this caller already", retry_after=HEARTBEAT_SECONDS)
    await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
    if raw["method"] == "HEAD":
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return

    async def may_stay() -> bool:
        return await authentication.is_still(scope)

    connection = Connection(caller, feed, receive, send, state.get("heartbeat_seconds", HEARTBEAT_SECONDS), may_stay)
    feed.join(connection)
    try:
        await connection.run(since)
    except TimeoutError:
        # Returning without an end closes the connection.
        _log.info("a listener of %r did not read for %d s and was cut", hosted.name, STALLED_SECONDS)
    except LedgerError as error:
        # The head of the answer is gone; whoever listens comes again in two seconds, and from where he was.
        _log.warning("the stream of %r ended: %s", hosted.name, error)
    finally:
        feed.leave(connection)


def read_since(scope: guard.Raw) -> int | None:
    """The size after which to begin; -1, at which no ledger ever was, for an id that is none of ours.

    A browser that comes back says the last id that it saw, and the address with which it first came: the id counts.
    Raises InvalidInput (`bad-after`).
    """
    for name, value in scope["headers"]:
        if name == b"last-event-id" and value:
            return int(value) if value.isdigit() and len(value) <= 18 else -1
    asked = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True).get("after", [])
    if not asked:
        return None
    if len(asked) > 1 or not asked[0].isascii() or not asked[0].isdigit() or len(asked[0]) > 18:
        raise InvalidInput(
            "`after` is no number of entries", code="bad-after", hint="Give the size after which to begin, such as 120."
        )
    return int(asked[0])


def _encode_reset(height: int, size: int) -> bytes:
    return b"event: reset\nid: %d\ndata: %b\n\n" % (size, msgspec.json.encode(Reset(height=height, size=size)))


ROUTES = (stream,)
