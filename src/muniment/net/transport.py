"""HTTP to one node: connections that are kept, retries, limits on what comes back, and errors of the tree for what does not.

    transport = Transport(address.parse("https://ledger.example.org"), token)
    about = transport.read("/v1/ledger", About)
    submitted = transport.ask("/v1/entries", submission, Submitted, query=(("from", "12"),))

Everything that is asked may be asked twice: events are known by their ids and blobs by their digests. Redirects are followed
on the same server only. What was received has a form and a size; whether it is true is for whoever asked to check.
"""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from muniment._version import __version__
from muniment.errors import MunimentError, Unavailable
from muniment.net import failures, wire
from muniment.net.address import Address, Query, check_token
from muniment.net.reply import Lost, Pool, Reply

T = TypeVar("T")
Method = Literal["GET", "HEAD", "POST", "PUT"]

ANSWER_BYTES = 64 << 20
"""The longest answer that is taken where a caller expects nothing shorter."""

_JSON = "application/json"
_AGAIN = frozenset({429, 502, 503, 504})
_MOVED = frozenset({301, 302, 307, 308})
_MAX_HOPS = 3


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long is waited, in seconds: for a connection, for a sign of life, for a whole answer, and with all retries."""

    connect: float = 3.0
    read: float = 30.0
    answer: float = 120.0
    retries: float = 5.0
    attempts: int = 4


class Transport:
    """The way to one node. Safe for threads and after a fork. Raises Unavailable for all that does not come or has no form."""

    def __init__(
        self, address: Address, token: str | None = None, *, ca: Path | None = None, patience: Patience | None = None
    ) -> None:
        self.address = address
        self._token = token
        self._patience = patience or Patience()
        self._ca = ca
        self._pool: Pool | None = None
        self._lock = threading.Lock()
        self._process = os.getpid()

    def __repr__(self) -> str:
        return f"<Transport {self.address.url}>"

    def fetch(self, path: str, *, query: Query = (), limit: int = ANSWER_BYTES, accept: str = "*/*") -> bytes:
        """The bytes at a path. Raises NotFound and the other errors that a node tells."""
        return self._call("GET", path, query, None, limit, accept).body

    def read(self, path: str, type_: type[T], *, query: Query = (), limit: int = ANSWER_BYTES) -> T:
        """The JSON at a path, in the form that is expected."""
        return self._decode(self._call("GET", path, query, None, limit, _JSON), type_)

    def send(self, path: str, body: object, *, query: Query = (), limit: int = ANSWER_BYTES) -> bytes:
        """The bytes that a node answers to a JSON body."""
        return self._call("POST", path, query, (msgspec.json.encode(body), _JSON), limit, _JSON).body

    def ask(self, path: str, body: object, type_: type[T], *, query: Query = (), limit: int = ANSWER_BYTES) -> T:
        """The JSON that a node answers to a JSON body, in the form that is expected."""
        return self._decode(self._call("POST", path, query, (msgspec.json.encode(body), _JSON), limit, _JSON), type_)

    def put(self, path: str, body: bytes) -> None:
        """Store bytes at a path."""
        self._call("PUT", path, (), (body, "application/octet-stream"), ANSWER_BYTES, _JSON)

    def holds(self, path: str) -> bool:
        """Is something at a path? Only a node's own word that there is not counts as a no."""
        reply = self._try("HEAD", path, (), None, ANSWER_BYTES, "*/*")
        if reply.status == 404 and reply.content_type == failures.PROBLEM:
            return False
        if not 200 <= reply.status < 300:
            # An answer to HEAD has no body that would say more.
            raise self._explain(msgspec.structs.replace(reply, body=b"{}"))
        return True

    def load(self, path: str, *, limit: int = ANSWER_BYTES) -> bytes | None:
        """The bytes of a static resource; None where any server says that it has none (404, 410)."""
        reply = self._try("GET", path, (), None, limit, "*/*")
        if reply.status in (404, 410):
            return None
        if not 200 <= reply.status < 300:
            raise self._explain(reply)
        return reply.body

    def close(self) -> None:
        """Let go of connections. The next question opens one again."""
        with self._lock:
            if self._pool is not None and self._process == os.getpid():
                self._pool.close()
            self._pool = None

    def _call(self, method: Method, path: str, query: Query, body: tuple[bytes, str] | None, limit: int, accept: str) -> Reply:
        reply = self._try(method, path, query, body, limit, accept)
        if 200 <= reply.status < 300:
            return reply
        raise self._explain(reply)

    def _try(self, method: Method, path: str, query: Query, body: tuple[bytes, str] | None, limit: int, accept: str) -> Reply:
        """Ask until there is an answer, no time, or nothing to be hoped for."""
        check_token(self._token, self.address)
        headers = self._headers(accept, None if body is None else body[1])
        url = self.address.locate(path, query)
        start, content = time.monotonic(), None if body is None else body[0]
        for attempt in range(self._patience.attempts):
            error: MunimentError
            try:
                reply = self._follow(method, url, content, headers, limit)
                if reply.status not in _AGAIN or (reply.status == 503 and _is_final(reply)):
                    return reply
                error, asked = self._explain(reply), reply.retry_after
            except Lost as lost:
                if not lost.passing:
                    raise lost.error from None
                error, asked = lost.error, None
            # Four times as long each time, and never two clients in step.
            wait = max(asked or 0.0, random.uniform(0.5, 1.0) * 0.1 * 4**attempt)
            left = self._patience.retries - (time.monotonic() - start)
            if attempt + 1 == self._patience.attempts or wait > left:
                raise error
            time.sleep(wait)
        raise Unavailable(f"{self.address.url} was not asked", code="unreachable")

    def _follow(self, method: Method, url: str, body: bytes | None, headers: dict[str, str], limit: int) -> Reply:
        """One answer; a redirect is followed on the same server, where nothing is sent along."""
        for _ in range(_MAX_HOPS):
            reply = self._open_pool().ask(method, url, body, headers, limit)
            if reply.status not in _MOVED:
                return reply
            there = reply.find_target(url)
            if body is not None or not self.address.is_same_server(there):
                break
            url = there
        raise Unavailable(
            f"{self.address.url} sends its callers elsewhere",
            code="redirected",
            hint="Use the address of the node itself, if you know it to be the right one.",
            details={"location": there[:300]},
        )

    def _open_pool(self) -> Pool:
        if self._process != os.getpid():
            # Forked: the parent's connections are the parent's, and its lock may be held by a thread that is not here.
            self._lock, self._pool, self._process = threading.Lock(), None, os.getpid()
        with self._lock:
            if self._pool is None:
                # Here, because a client that asks nothing needs no HTTP.
                from muniment.net.connecting import Connections

                self._pool = Connections(self.address, self._ca, self._patience.connect, self._patience.read, self._patience.answer)
            return self._pool

    def _headers(self, accept: str, content_type: str | None) -> dict[str, str]:
        headers = {"Accept": accept, "Accept-Encoding": "gzip", "User-Agent": f"muniment/{__version__}"}
        if content_type is not None:
            headers["Content-Type"] = content_type
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    def _explain(self, reply: Reply) -> MunimentError:
        told = failures.read_problem(reply.status, reply.content_type, reply.body, reply.retry_after)
        return told or failures.describe_foreign(reply.status, reply.url, reply.body, reply.retry_after)

    def _decode(self, reply: Reply, type_: type[T]) -> T:
        if reply.content_type != _JSON:
            raise failures.describe_bad(reply.url, f"it is {reply.content_type[:60] or 'of no type'}, not JSON")
        try:
            return wire.decode(reply.body, type_)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise failures.describe_bad(reply.url, str(error)[:300]) from None


def _is_final(reply: Reply) -> bool:
    """A node that says what hinders it, and not when to come again, is not asked again."""
    return reply.content_type == failures.PROBLEM and reply.retry_after is None
