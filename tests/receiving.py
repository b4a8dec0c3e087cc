"""A real receiver of webhooks."""

from __future__ import annotations

import json
import threading
import time as clocks
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Received(NamedTuple):
    """A request that arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def index(self) -> int:
        """The entry that it is about."""
        return int(json.loads(self.body)["data"]["event"]["index"])


class Receiver:
    """A real HTTP server that keeps what it is sent; `answer` says with which status and headers it answers."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: Callable[[Received], tuple[int, dict[str, str]]] = lambda _: (204, {})
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                found = Received(
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(int(self.headers["content-length"])),
                )
                outer.received.append(found)
                status, headers = outer.answer(found)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?x=1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait(self, count: int) -> list[Received]:
        """What arrived, once it is so many."""
        until = clocks.monotonic() + 60
        while len(self.received) < count:
            assert clocks.monotonic() < until, len(self.received)
            clocks.sleep(0.01)
        return self.received

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
