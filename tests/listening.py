"""A real server in a thread of this process, over real ledgers, for tests of single parts of it.

with serving({"": folder}, tiles.ROUTES, state=tmp_path / "state") as server:
    server.get("/checkpoint")
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import urllib3
import uvicorn
from litestar.types import ASGIApp, Receive, Scope, Send

import makers
from muniment.core.proof import trust
from muniment.core.proof.trust import Trust
from muniment.server import application, guard, hosting
from muniment.server.caller import Caller
from muniment.server.hosting import Hosting
from muniment.server.settings import Served, Settings

SECONDS = 20.0


class Introducing:
    """Says of every request that `caller` made it, unless it says `X-Stranger`."""

    def __init__(self, app: ASGIApp, caller: Caller) -> None:
        self._app = app
        self._caller = caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = cast(guard.Raw, scope)
        if raw["type"] == "http" and b"x-stranger" not in dict(raw["headers"]):
            guard.note_caller(raw, self._caller)
        await self._app(scope, receive, send)


class Listening:
    """A running server: its URL, its ledgers, and requests to it that follow nothing and decode nothing."""

    def __init__(self, url: str, found: Hosting, settings: Settings, app: Any) -> None:
        self.url = url
        self.hosting = found
        self.settings = settings
        self.app = app
        self._pool = urllib3.PoolManager(retries=False, timeout=SECONDS)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> urllib3.BaseHTTPResponse:
        """Ask for a path; `accept_encoding="gzip"` is a header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._pool.request(method, self.url + path, body=body, headers=named, redirect=False, decode_content=False)

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        """GET a path."""
        return self.ask("GET", path, **headers)

    def close(self) -> None:
        """Let go of connections."""
        self._pool.clear()


def trust_file(life: makers.Life) -> str:
    """The trust file of a small ledger."""
    return trust.format(Trust(makers.ORIGIN, life.ledger, (makers.VERIFIER,)))


def found(folder: Path) -> makers.Life:
    """Found a small ledger in a folder that a server can serve."""
    folder.mkdir(parents=True, exist_ok=True)
    life = makers.found(folder / "ledger.db")
    (folder / "trust.toml").write_text(trust_file(life))
    return life


@contextmanager
def serving(
    homes: Mapping[str, Path],
    routes: Sequence[Any],
    *,
    state: Path,
    scopes: Sequence[str] = ("admin",),
    prepare: Callable[[Any], None] = lambda app: None,
    lifespan: Sequence[Any] = (),
    **settings: Any,
) -> Iterator[Listening]:
    """Serve ledgers on a free port until the context ends; the caller of every request has `scopes`."""
    state.mkdir(parents=True, exist_ok=True)
    told = Settings(ledgers=tuple(Served(name=name, home=home) for name, home in homes.items()), state=state, **settings)
    opened = hosting.open_all(told, writes=False)
    app = application.build(told, opened, routes, lifespan=list(lifespan), openapi_config=None)
    app.state.role = "all"
    prepare(app)
    caller = Caller(kind="key", id="test", scopes=frozenset(scopes))
    outer = Introducing(cast(ASGIApp, application.Dispatch(app, opened)), caller)
    listener = socket.create_server(("127.0.0.1", 0))
    # As the real one (server.process.sockets): else every answer waits 40 ms for the peer's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(outer, log_level="warning", log_config=None, lifespan="on", timeout_graceful_shutdown=2, loop="asyncio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    client = Listening(f"http://127.0.0.1:{listener.getsockname()[1]}", opened, told, app)
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            thread.join(0.01)
        yield client
    finally:
        client.close()
        server.should_exit = True
        thread.join(SECONDS)
        listener.close()
        opened.close()
        assert not thread.is_alive()
