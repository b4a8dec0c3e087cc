"""Messages between the processes of one server, over Unix sockets in a folder that only its user may enter.

A message is four bytes of length and MessagePack. Each question has a number, so that many may wait on one connection. Whoever
connects must be of the same user, which the system itself says (SO_PEERCRED).
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import msgspec

from muniment.errors import Conflict, CorruptStore, InvalidInput, InvariantError, LedgerError, MunimentError, NotFound, Unavailable
from muniment.server.problems import Forbidden
from muniment.server.submitting import Batch

MAX_BYTES = 256 << 20
RETRY_SECONDS = 1.0

_TYPES = (Forbidden, InvalidInput, NotFound, Conflict, CorruptStore, Unavailable, LedgerError)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What one process asks of another: to write a batch for a ledger, or for its figures."""

    number: int
    kind: Literal["submit", "figures"]
    ledger: str = ""
    batch: Batch | None = None


class Fault(msgspec.Struct, frozen=True):
    """An error of the tree on its way; `type` is the name of its class, empty for a bug."""

    type: str
    message: str
    code: str = ""
    hint: str = ""
    details: dict[str, Any] = {}
    retry_after: float | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to the question of this number."""

    number: int
    answer: bytes = b""
    fault: Fault | None = None


Answer = Callable[[Question], Awaitable[bytes]]

_encode = msgspec.msgpack.Encoder().encode
_read_question = msgspec.msgpack.Decoder(Question).decode
_read_reply = msgspec.msgpack.Decoder(Reply).decode

# What writing to a connection raises whose other end died: uvloop has an error of its own for one that is closed already.
_BROKEN = (ConnectionError, RuntimeError)


class Office:
    """Answers questions that arrive at a socket. `close` lets those in work be answered."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self._path = path
        self._answer = answer
        self._tasks: set[asyncio.Task[None]] = set()
        self._callers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to listen; an earlier socket of this name is replaced."""
        with suppress(FileNotFoundError):
            self._path.unlink()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(self._path))
        os.chmod(self._path, 0o600)
        self._server = await asyncio.start_unix_server(self._serve, sock=listening)

    async def close(self) -> None:
        """Take nothing more, and finish what was begun."""
        if self._server is not None:
            self._server.close()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for writer in tuple(self._callers):
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        with suppress(FileNotFoundError):
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not _is_ours(writer):
                return
            self._callers.add(writer)
            while (raw := await _read(reader)) is not None:
                task = asyncio.create_task(self._reply(_read_question(raw), writer))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        finally:
            self._callers.discard(writer)
            writer.close()

    async def _reply(self, question: Question, writer: asyncio.StreamWriter) -> None:
        try:
            reply = Reply(number=question.number, answer=await self._answer(question))
        except Exception as error:
            reply = Reply(number=question.number, fault=_describe(error))
        # A process that went away has nobody left who waits; what was written stays written.
        with suppress(*_BROKEN):
            _send(writer, reply)
            await writer.drain()


class Line:
    """A connection to another process, made when it is first needed and again after it broke."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()

    async def ask(self, question: Question) -> bytes:
        """The answer. Raises what the other side raised, and Unavailable (`writer-away`) where it is not there now."""
        writer = await self._open()
        self._number += 1
        number = self._number
        waiting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            _send(writer, msgspec.structs.replace(question, number=number))
            await writer.drain()
            return await waiting
        except _BROKEN:
            raise _away() from None
        finally:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """Hang up."""
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.close()

    async def _open(self) -> asyncio.StreamWriter:
        async with self._opening:
            if self._writer is None:
                try:
                    reader, self._writer = await asyncio.open_unix_connection(str(self._path))
                except OSError:
                    raise _away() from None
                self._reading = asyncio.create_task(self._listen(reader, self._writer))
            return self._writer

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (raw := await _read(reader)) is not None:
                reply = _read_reply(raw)
                waiting = self._waiting.get(reply.number)
                if waiting is None or waiting.done():
                    continue
                if reply.fault is None:
                    waiting.set_result(reply.answer)
                else:
                    waiting.set_exception(_rebuild(reply.fault))
        finally:
            # Whether what was asked last was done nobody knows here: whoever asks again finds out.
            self._writer = None
            writer.close()
            for each in self._waiting.values():
                if not each.done():
                    each.set_exception(_away())


def _is_ours(writer: asyncio.StreamWriter) -> bool:
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    uid: int = struct.unpack("3i", peer)[1]
    return uid == os.getuid()


async def _read(reader: asyncio.StreamReader) -> bytes | None:
    try:
        length = int.from_bytes(await reader.readexactly(4))
        return await reader.readexactly(length) if length <= MAX_BYTES else None
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def _send(writer: asyncio.StreamWriter, message: Question | Reply) -> None:
    raw = _encode(message)
    writer.write(len(raw).to_bytes(4) + raw)


def _describe(error: Exception) -> Fault:
    if not isinstance(error, MunimentError):
        return Fault("", f"{type(error).__name__}: {error}")
    type_ = next((each.__name__ for each in _TYPES if isinstance(error, each)), LedgerError.__name__)
    retry_after = error.retry_after if isinstance(error, Unavailable) else None
    return Fault(type_, str(error), error.code, error.hint, dict(error.details), retry_after)


def _rebuild(fault: Fault) -> Exception:
    for type_ in _TYPES:
        if type_.__name__ == fault.type:
            error = type_(fault.message, code=fault.code, hint=fault.hint, details=fault.details)
            if isinstance(error, Unavailable):
                error.retry_after = fault.retry_after
            return error
    return InvariantError(f"the process that writes failed: {fault.message}")


def _away() -> Unavailable:
    return Unavailable(
        "the process that writes is not there for the moment",
        code="writer-away",
        retry_after=RETRY_SECONDS,
        hint="Send it again in a moment: what was recorded after all is answered with its first index.",
    )
