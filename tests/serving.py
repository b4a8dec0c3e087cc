"""A server for tests: in this process over a test client, or for real on a free port.

with serving.served(home) as client:                    # client.get("/v1/view")
with serving.running(home) as server:                   # server.url, server.token
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import uvicorn
from litestar import Litestar
from litestar.testing import TestClient
from litestar.types import ASGIApp, Receive, Scope, Send

from muniment.server import application, guard, hosting, submitting
from muniment.server.application import Dispatch
from muniment.server.caller import ANONYMOUS, Caller
from muniment.server.explorer import failing
from muniment.server.hosting import Hosting
from muniment.server.routes import ROUTES
from muniment.server.settings import Served, Settings

TOKEN = "mun_test_test"
"""Of ADMIN; `read`, `write` and `admin` are tokens as well, each with that scope alone."""
ADMIN = Caller(kind="key", id="test", scopes=frozenset({"admin"}))
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


class Server(NamedTuple):
    """A server on a port of this machine, and a token that may do everything."""

    url: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What a request of an administrator carries."""
        return {"Authorization": f"Bearer {self.token}"}


class Client(TestClient[Any]):
    """A client, and the application that it asks: its state holds what the server's own parts share."""

    litestar: Litestar


class Tokens:
    """Takes tokens from a table in the place of the real authentication."""

    def __init__(self, app: ASGIApp, callers: dict[str, Caller]) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            said = dict(scope["headers"]).get(b"authorization", b"").decode()
            guard.note_caller(cast(guard.Raw, scope), self._callers.get(said.removeprefix("Bearer "), ANONYMOUS))
        await self._app(scope, receive, send)


def settle(folder: Path, *homes: Path | Served, **settings: Any) -> Settings:
    """Settings for these ledgers: a single folder is served at the root. `folder` is the server's own."""
    ledgers = tuple(each if isinstance(each, Served) else Served(name="", home=each) for each in homes)
    return Settings(ledgers=ledgers, state=folder, **settings)


def stack(settings: Settings, opened: Hosting, callers: dict[str, Caller] | None = None) -> tuple[ASGIApp, Litestar]:
    """The application over these ledgers, with tokens of a table: scopes by their names, and those of `callers`."""
    scopes = {name: Caller(kind="key", id=name, scopes=frozenset({name})) for name in ("read", "write", "admin")}
    app = application.build(
        settings,
        opened,
        ROUTES,
        pages=failing.tell_elsewhere,
        lifespan=list(submitting.LIFESPAN),
        openapi_config=None,
        logging_config=None,
    )
    return Tokens(Dispatch(cast(ASGIApp, app), opened), {**scopes, TOKEN: ADMIN, **(callers or {})}), app


@contextmanager
def served(*homes: Path | Served, state: Path, callers: dict[str, Caller] | None = None, **settings: Any) -> Iterator[Client]:
    """A client of a server in this process, with the token of an administrator; pass other `headers` to be somebody else."""
    told = settle(state, *homes, **settings)
    opened = hosting.open_all(told)
    try:
        app, inner = stack(told, opened, callers)
        outer = _Outer(app, inner)
        with Client(cast(Any, outer), raise_server_exceptions=False) as client:
            client.litestar = inner
            client.headers.update(HEADERS)
            yield client
    finally:
        opened.close()


@contextmanager
def running(*homes: Path | Served, state: Path, callers: dict[str, Caller] | None = None, **settings: Any) -> Iterator[Server]:
    """A server on a free port, in a thread of this process."""
    told = settle(state, *homes, **settings)
    opened = hosting.open_all(told)
    listening = socket.create_server(("127.0.0.1", 0))
    try:
        app, _ = stack(told, opened, callers)
        config = uvicorn.Config(cast(Any, app), log_level="warning", lifespan="on", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
        thread.start()
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
            threading.Event().wait(0.01)
        try:
            yield Server(f"http://127.0.0.1:{listening.getsockname()[1]}", TOKEN)
        finally:
            server.should_exit = True
            thread.join()
    finally:
        listening.close()
        opened.close()


class _Outer:
    """An application within others, as the test client wants to see it."""

    def __init__(self, app: ASGIApp, inner: Litestar) -> None:
        self._app = app
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
