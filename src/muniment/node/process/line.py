"""The supervisor's end of the line to the application: JSON objects, one a line, both ways, over a pair of sockets.

    to the application      {"ask": 7}     {"alarms": [{"code", "text", "since"}]}
    to the supervisor       {"answer": 7}  {"ready": {...}}
                            {"failed": {"code", "message", "hint", "exit"}}     {"halted": {"code", "text"}}

The end of the line is the end of whoever held it. The other end is `supervised`.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any

from muniment.node.process.log_file import LineReader

VARIABLE = "MUNIMENT_SUPERVISOR_FD"
MAX_WAITING_BYTES = 256 << 10


class Line:
    """One application's line; it ends with it. Nothing here waits."""

    def __init__(self, ours: socket.socket) -> None:
        self.socket = ours
        self._waiting = b""
        self._reader = LineReader()

    def send(self, message: Mapping[str, object]) -> bool:
        """Send a message, at once or as soon as it can be. False where the other side took nothing for too long."""
        raw = json.dumps(message).encode() + b"\n"
        if len(self._waiting) + len(raw) > MAX_WAITING_BYTES:
            return False
        self._waiting += raw
        self.flush()
        return True

    def flush(self) -> None:
        """Send what waits, as far as the other side takes it."""
        try:
            while self._waiting:
                self._waiting = self._waiting[self.socket.send(self._waiting, socket.MSG_DONTWAIT) :]
        except BlockingIOError:
            pass
        except OSError:
            # It is gone, which its own end will tell.
            self._waiting = b""

    def receive(self) -> Iterator[dict[str, Any]] | None:
        """What came; None at the end of the line."""
        try:
            raw = self.socket.recv(1 << 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return iter(())
        except OSError:
            return None
        return self._decode(raw) if raw else None

    def close(self) -> None:
        """Let go."""
        self.socket.close()

    def _decode(self, raw: bytes) -> Iterator[dict[str, Any]]:
        for line in self._reader.read(raw):
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict):
                yield message


def connect() -> tuple[Line, socket.socket]:
    """A new line, and the application's end of it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.setblocking(False)
    return Line(ours), theirs
