"""server.process.connection: what the sweep cuts. What real connections see is in tests/acceptance/test_hostile_http.py."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from muniment.server.process.connection import Connection, Door
from muniment.server.settings import Limits

LIMITS = Limits(header_seconds=10.0, answer_seconds=60.0)


class Transport(asyncio.Transport):
    """Takes note of what a protocol does to it. `full`: how much the other side has not read."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 5)})
        self.full = 0
        self.sent = b""
        self.ended = ""

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def write_eof(self) -> None:
        self.ended = self.ended or "half"

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def is_closing(self) -> bool:
        return self.ended in ("closed", "aborted")

    def get_write_buffer_size(self) -> int:
        return self.full

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def waiting(scope: Any, receive: Any, send: Any) -> None:
    """An application that never answers."""
    await asyncio.sleep(3_600)


def make() -> tuple[Connection, Transport, Door]:
    config = Config(waiting, ws="none", lifespan="off", interface="asgi3", log_config=None)
    config.load()
    door, transport = Door(LIMITS), Transport()
    connection = Connection(door, config, ServerState(), {}, asyncio.get_running_loop())
    connection.connection_made(transport)
    return connection, transport, door


def test_a_caller_who_reads_nothing_is_cut_after_the_time_for_answers() -> None:
    async def story() -> None:
        connection, transport, door = make()
        connection.data_received(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        now = asyncio.get_running_loop().time()
        transport.full = 1
        connection.sweep(now)
        connection.sweep(now + 50)
        assert not transport.ended
        # He read everything meanwhile: time begins anew.
        transport.full = 0
        connection.sweep(now + 55)
        transport.full = 1
        connection.sweep(now + 70)
        connection.sweep(now + 130)
        assert not transport.ended
        connection.sweep(now + 131)
        assert transport.ended == "aborted"
        assert door.cut == {"slow-reader": 1}

    asyncio.run(story())


@pytest.mark.parametrize(
    ("raw", "sent", "reason"),
    [(b"GET / HTTP/1.1\r\n", b"HTTP/1.1 408", "too-slow"), (b"", b"", "idle")],
)
def test_a_head_has_its_time(raw: bytes, sent: bytes, reason: str) -> None:
    async def story() -> None:
        connection, transport, door = make()
        if raw:
            connection.data_received(raw)
        now = asyncio.get_running_loop().time()
        connection.sweep(now + 9)
        assert not transport.ended
        connection.sweep(now + 11)
        assert transport.sent.startswith(sent)
        assert transport.ended
        assert door.cut == {reason: 1}

    asyncio.run(story())


def test_a_request_that_is_being_answered_is_left_alone() -> None:
    async def story() -> None:
        connection, transport, door = make()
        connection.data_received(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        connection.sweep(asyncio.get_running_loop().time() + 3_000)
        assert not transport.ended
        assert not door.cut
        assert connection.eof_received()

    asyncio.run(story())
