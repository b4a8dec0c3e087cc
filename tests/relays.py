"""Relays between nodes, one for each pair and direction, that can be cut: a network that falls apart on one machine."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress

READ_BYTES = 1 << 16


class Relay:
    """Passes on what comes to `port` to a place behind it, unless it is cut: then connections end and new ones are refused."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._listening = self._listen(0)
        self.port: int = self._listening.getsockname()[1]
        self._cut = False

    @property
    def place(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Let nothing through any more."""
        with self._lock:
            self._cut = True
            for sock in (self._listening, *[each for pair in self._pairs for each in pair]):
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()
            self._pairs.clear()

    def mend(self) -> None:
        """Let everything through again."""
        with self._lock:
            if self._cut:
                self._cut = False
                self._listening = self._listen(self.port)

    def _listen(self, port: int) -> socket.socket:
        listening = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()
        return listening

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                ours, _ = listening.accept()
            except OSError:
                return
            try:
                theirs = socket.create_connection(self._target, timeout=60)
            except OSError:
                ours.close()
                continue
            # Who takes nothing for a while is not gone.
            theirs.settimeout(None)
            with self._lock:
                if self._cut:
                    ours.close()
                    theirs.close()
                    continue
                self._pairs.add((ours, theirs))
            threading.Thread(target=self._pass, args=(ours, theirs), daemon=True).start()

    def _pass(self, ours: socket.socket, theirs: socket.socket) -> None:
        with selectors.DefaultSelector() as selector, suppress(OSError, ValueError):
            selector.register(ours, selectors.EVENT_READ, theirs)
            selector.register(theirs, selectors.EVENT_READ, ours)
            while True:
                for key, _ in selector.select():
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    raw = source.recv(READ_BYTES)
                    if not raw:
                        raise OSError("ended")
                    key.data.sendall(raw)
        with self._lock:
            self._pairs.discard((ours, theirs))
        for sock in (ours, theirs):
            sock.close()
