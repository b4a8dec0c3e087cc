"""Whether a process still answers: one that is halted or stuck keeps its sockets open and says nothing, for ever."""

from __future__ import annotations

import errno
import os
import socket

APPLICATION_SECONDS = 20.0
ENGINE_SECONDS = 30.0
START_SECONDS = 180.0
"""Until the first answer: a ledger may have much to read at its start."""
EVERY_SECONDS = 2.0


class Watchdog:
    """Asks now and then, and counts how long an answer has been missing. Times are of the monotonic clock."""

    def __init__(self, now: float, patience: float, *, start_patience: float = START_SECONDS, every: float = EVERY_SECONDS) -> None:
        self._patience = patience
        self._every = every
        self._asked = now
        self._deadline = now + max(start_patience, patience)
        self._waits = False

    def is_due(self, now: float) -> bool:
        """Is it time to ask?"""
        return not self._waits and now >= self._asked + self._every

    def ask(self, now: float) -> None:
        """A question goes out."""
        self._asked, self._waits = now, True

    def answer(self, now: float) -> None:
        """An answer came."""
        self._waits = False
        self._deadline = now + self._patience + self._every

    def forgive(self, seconds: float) -> None:
        """The supervisor itself did not run for so long: nobody could answer to it."""
        self._asked += seconds
        self._deadline += seconds

    def is_hung(self, now: float) -> bool:
        """Has it been silent for too long?"""
        return now > self._deadline


class Probe:
    """One question to the engine over its RPC: any byte of an answer shows that it runs. Nothing here waits."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._asked = False
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.socket.setblocking(False)

    def begin(self) -> bool:
        """Connect. False where nobody listens there, or a name leads nowhere: it does not hang then, it starts or ends."""
        try:
            code = self.socket.connect_ex(self._address)
        except (OSError, UnicodeError):
            return False
        return code in (0, errno.EINPROGRESS)

    def advance(self) -> bool | None:
        """Go on once the socket is ready for it. True: it answered; False: nobody listens; None: not yet."""
        try:
            if not self._asked:
                code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code:
                    raise OSError(code, os.strerror(code))
                self.socket.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                self._asked = True
                return None
            return bool(self.socket.recv(1))
        except BlockingIOError:
            return None
        except OSError:
            return False

    @property
    def writes(self) -> bool:
        """Does it wait to write, and not to read?"""
        return not self._asked

    def close(self) -> None:
        """Give up, or be done."""
        self.socket.close()
