"""The socket that CometBFT asks at: length-prefixed messages, a thread for each of its four connections, and one that reads ahead.

    server = Server(path, lambda: Session(application))
    server.open()          # from here on CometBFT may be started
    ...
    server.close()

A connection asks strictly in order and is answered in that order; answers wait until it says Flush. Whatever goes wrong in
answering is a bug or a broken disk, and a guess would be another ledger: `fail` is told and ends the process.
"""

from __future__ import annotations

import logging
import os
import socket
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from google.protobuf.message import DecodeError

from muniment.errors import InvalidInput, Unavailable
from muniment.node.abci.inbox import Inbox
from muniment.node.abci.proto import types_pb2 as abci

MAX_PATH_BYTES = 100
MAX_CONNECTIONS = 16
FAILED = 70
"""What the process ends with when a question could not be answered (EX_SOFTWARE)."""

Answer = Callable[[abci.Request], abci.Response]
Connect = Callable[[], Answer]
"""Makes what answers one connection, so that nothing which one connection staged is seen by the next."""
Fail = Callable[[Exception], None]


class Halted(Exception):
    """This question is never answered, and the process lives on: the engine waits until somebody ends it."""


_log = logging.getLogger("muniment.node")


def fail(error: Exception) -> NoReturn:
    """End the process at once, after a line about why. What was committed is on the disk; what was not, CometBFT asks again."""
    _log.critical("the application cannot answer and ends: %s", error, exc_info=error)
    logging.shutdown()
    os._exit(FAILED)


class Server:
    """Answers at a Unix socket. `open` binds it, `close` ends it."""

    def __init__(self, path: Path, connect: Connect, fail: Fail = fail) -> None:
        self._path = path
        self._connect = connect
        self._fail = fail
        self._listening: socket.socket | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    @property
    def connections(self) -> int:
        """How many there are now; CometBFT has four."""
        return len(self._open)

    def open(self) -> None:
        """Bind the socket, which only this user may use, and begin to answer. Its folder is made where there is none.

        Raises InvalidInput (`socket-path`) for a path that the system cannot bind, Unavailable (`socket-unwritable`).
        """
        if len(os.fsencode(self._path)) > MAX_PATH_BYTES:
            raise InvalidInput(
                f"the path of the socket has more than {MAX_PATH_BYTES} bytes: {self._path}",
                code="socket-path",
                hint="Put the ledger's folder somewhere with a shorter path.",
            )
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Whoever was here before left it when he was killed; two at a time are kept apart by the lock on the folder.
            if self._path.exists() and stat.S_ISSOCK(self._path.stat().st_mode):
                self._path.unlink()
            listening.bind(str(self._path))
            # Nobody can connect before the next line but one.
            os.chmod(self._path, 0o600)
            listening.listen(MAX_CONNECTIONS)
        except OSError as error:
            listening.close()
            raise Unavailable(
                f"the socket {self._path} cannot be made: {error.strerror}",
                code="socket-unwritable",
                hint="Check whose folder it is and whether the disk is full.",
            ) from None
        self._listening = listening
        threading.Thread(target=self._accept, args=(listening,), name="muniment-abci", daemon=True).start()

    def close(self) -> None:
        """Take no more connections and end those that there are."""
        listening, self._listening = self._listening, None
        with self._lock:
            open_ = tuple(self._open)
        for each in (*open_, *([listening] if listening is not None else ())):
            # Whoever waits in it wakes up; a socket that is only closed would keep him waiting.
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        if listening is not None:
            listening.close()
            self._path.unlink(missing_ok=True)

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError as error:
                # Once it is closed there is nothing to accept; before, nobody could ask any more.
                if self._listening is not None:
                    self._fail(error)
                return
            with self._lock:
                refused = len(self._open) >= MAX_CONNECTIONS or self._listening is None
                if not refused:
                    self._open.add(connection)
            if refused:
                _log.warning("a connection beyond %d was refused", MAX_CONNECTIONS)
                connection.close()
                continue
            threading.Thread(target=self._serve, args=(connection,), name="muniment-abci-connection", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as stream:
                inbox = Inbox(stream)
                inbox.open()
                try:
                    self._answer(connection, inbox)
                finally:
                    # Who reads would wait in a socket that is only closed.
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)
                    inbox.join()
        except InvalidInput as error:
            _log.error("a connection was closed: %s", error)
        except OSError as error:
            _log.info("a connection ended: %s", error)
        finally:
            with self._lock:
                self._open.discard(connection)

    def _answer(self, connection: socket.socket, inbox: Inbox) -> None:
        answer = self._connect()
        waiting = bytearray()
        while (raw := inbox.take()) is not None:
            try:
                request = abci.Request.FromString(raw)
            except DecodeError as error:
                raise InvalidInput(f"{len(raw)} bytes are no request: {error}", code="bad-abci") from None
            kind = request.WhichOneof("value")
            if kind is None:
                raise InvalidInput("a request of no kind that we know", code="bad-abci")
            if kind == "flush":
                waiting += encode_message(abci.Response(flush=abci.ResponseFlush()))
                connection.sendall(waiting)
                waiting.clear()
                continue
            try:
                waiting += encode_message(answer(request))
            except Halted:
                # Until the engine is gone; its other connections are answered meanwhile.
                while inbox.take() is not None:
                    pass
                return
            except Exception as error:
                self._fail(error)
                return


def encode_message(message: abci.Request | abci.Response) -> bytes:
    """A message behind its length, as it travels."""
    raw = message.SerializeToString()
    return encode_length(len(raw)) + raw


def encode_length(number: int) -> bytes:
    """A length as an unsigned varint: seven bits a byte, the lowest first."""
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
