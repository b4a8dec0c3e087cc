"""A listener to server-sent events."""

from __future__ import annotations

import socket

SECONDS = 60.0

Event = dict[str, str]


class Ear:
    """A listener with a socket of its own; reads as an EventSource does, one event at a time."""

    def __init__(self, url: str, path: str = "/v1/stream", **headers: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=SECONDS)
        head = [f"GET {path} HTTP/1.1", f"Host: {host}", *[f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]]
        self.socket.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        self._file = self.socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.head: dict[str, str] = {}
        while line := self._file.readline().strip().decode():
            name, _, value = line.partition(": ")
            self.head[name.lower()] = value
        self._text = b""

    def read(self) -> Event:
        """The fields up to the next empty line; comments are under the name ""."""
        while b"\n\n" not in self._text:
            size = int(self._file.readline() or b"0", 16)
            if not size:
                raise EOFError
            self._text += self._file.read(size)
            self._file.readline()
        block, _, self._text = self._text.partition(b"\n\n")
        return dict(_field(line) for line in block.decode().split("\n"))

    def hear(self) -> Event:
        """The next event that is one: with data."""
        while "data" not in (found := self.read()):
            pass
        return found

    def close(self) -> None:
        self._file.close()
        self.socket.close()


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")
