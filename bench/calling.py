"""Callers over HTTP: raw connections in one event loop, which send what was made before and read as little as they can.

The server shares the machine's processors with them, so what they spend is the server's loss; it is part of every figure.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from typing import cast

import uvloop

_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class Caller(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[bytes] | None = None
        self._found = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The server is there."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Part of an answer, mostly all of it."""
        self._found += data
        head = self._found.find(_END)
        if head < 0:
            return
        start = self._found[:head].lower().find(_LENGTH) + len(_LENGTH)
        length = int(self._found[start : self._found.find(b"\r\n", start)])
        if len(self._found) >= head + 4 + length and self._waiting is not None:
            found, self._found = self._found, b""
            self._waiting.set_result(found)

    def connection_lost(self, error: Exception | None) -> None:
        """The server went away; nobody waits for ever."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError("the server ended the connection"))

    async def ask(self, request: bytes) -> bytes:
        """The whole answer to a request."""
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


def post(path: str, token: str, body: bytes) -> bytes:
    """A request that brings something."""
    head = f"POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def get(path: str, token: str, accept: str = "application/json") -> bytes:
    """A request that asks."""
    return f"GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\naccept: {accept}\r\n\r\n".encode()


def submit(entries: Sequence[bytes], token: str) -> bytes:
    """A request that submits events."""
    return post("/v1/entries", token, b'{"entries":[' + b",".join(entries) + b'],"disclosures":[]}')


def drive(address: tuple[str, int], requests: Sequence[bytes], connections: int) -> list[float]:
    """Send all requests over so many connections; the seconds that each took. Raises where an answer is none of success."""
    return uvloop.run(_drive(address, requests, connections))


async def _drive(address: tuple[str, int], requests: Sequence[bytes], connections: int) -> list[float]:
    loop = asyncio.get_running_loop()
    callers = [(await loop.create_connection(Caller, *address))[1] for _ in range(connections)]
    pending = iter(requests)
    try:
        taken = await asyncio.gather(*(_call(caller, pending) for caller in callers))
    finally:
        for caller in callers:
            caller.close()
    return [seconds for each in taken for seconds in each]


async def _call(caller: Caller, pending: Iterator[bytes]) -> list[float]:
    taken = []
    for request in pending:
        began = time.perf_counter()
        answer = await caller.ask(request)
        taken.append(time.perf_counter() - began)
        if not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 303")):
            raise RuntimeError(answer[:1_000].decode("utf-8", "replace"))
    return taken


async def ask(address: tuple[str, int], request: bytes) -> bytes:
    """One answer, on a connection of its own: its body."""
    _, caller = await asyncio.get_running_loop().create_connection(Caller, *address)
    try:
        return (await caller.ask(request)).partition(_END)[2]
    finally:
        caller.close()


def ask_json(address: tuple[str, int], request: bytes) -> dict[str, object]:
    """One answer of JSON."""
    found = json.loads(uvloop.run(ask(address, request)))
    assert isinstance(found, dict)
    return found
