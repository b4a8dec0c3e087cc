"""What the engine asked on one connection, read as soon as it is there, whatever is being answered just then.

    inbox = Inbox(stream)
    inbox.open()
    while (raw := inbox.take()) is not None: ...

CometBFT's client spends a processor on waiting where it cannot write: its flush timer, meant to fire every 20 milliseconds, fires
every 20 nanoseconds (`flushThrottleMS` in abci/client/socket_client.go of v0.38 has no unit). A socket holds half a dozen
transactions; with more of them under way, half of all that an engine did was this.
"""

from __future__ import annotations

import threading
from collections import deque
from io import BufferedReader

from muniment.errors import InvalidInput

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""CometBFT's own limit is 2 GiB; a block and all that comes with it stays far below this."""
MAX_AHEAD_BYTES = 64 * 1024 * 1024
"""So much waits here at most: as much as an engine keeps of transactions that are in no block yet."""


class Inbox:
    """The messages of one connection in their order, read by a thread of its own and taken by another."""

    def __init__(self, stream: BufferedReader, *, limit: int = MAX_AHEAD_BYTES) -> None:
        self._stream = stream
        self._limit = limit
        self._news = threading.Condition(threading.Lock())
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._closed = False
        self._error: InvalidInput | OSError | None = None
        self._thread = threading.Thread(target=self._fill, name="muniment-abci-reader", daemon=True)

    def open(self) -> None:
        """Begin to read."""
        self._thread.start()

    def join(self) -> None:
        """Keep nothing any more, and wait for the end of reading: the connection was shut down."""
        with self._news:
            self._closed = True
            self._news.notify()
        self._thread.join()

    def take(self) -> bytes | None:
        """The next message, once it is there; None at the end. Raises what ended the reading, after all that was read before."""
        with self._news:
            while not self._waiting and not self._ended:
                self._news.wait()
            if not self._waiting:
                if self._error is not None:
                    raise self._error
                return None
            raw = self._waiting.popleft()
            self._bytes -= len(raw)
            self._news.notify()
            return raw

    def _fill(self) -> None:
        try:
            while (raw := read_message(self._stream)) is not None:
                self._put(raw)
        except (InvalidInput, OSError) as error:
            self._error = error
        finally:
            with self._news:
                self._ended = True
                self._news.notify()

    def _put(self, raw: bytes) -> None:
        with self._news:
            # A single one is taken, however large, or it never could be.
            while self._waiting and self._bytes + len(raw) > self._limit and not self._closed:
                self._news.wait()
            if self._closed:
                return
            self._waiting.append(raw)
            self._bytes += len(raw)
            self._news.notify()


def read_message(stream: BufferedReader) -> bytes | None:
    """The bytes of the next message, or None at the end. Raises InvalidInput (`bad-abci`) for a length or an end that cannot be."""
    length = shift = 0
    while True:
        byte = stream.read(1)
        if not byte:
            if shift:
                raise InvalidInput("the connection ended within a length", code="bad-abci")
            return None
        length |= (byte[0] & 0x7F) << shift
        if length > MAX_MESSAGE_BYTES or shift > 28:
            raise InvalidInput(f"a message says that it is longer than {MAX_MESSAGE_BYTES} bytes", code="bad-abci")
        if byte[0] < 0x80:
            break
        shift += 7
    raw = stream.read(length)
    if len(raw) != length:
        raise InvalidInput(f"the connection ended after {len(raw)} of {length} bytes", code="bad-abci")
    return raw
