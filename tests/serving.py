"""Servers for tests, all of them what `muniment serve` assembles: in this process over a test client, or on a port of this machine.

with serving.served(home, state=folder) as client:           # an administrator
    client.get("/v1/view", headers=serving.bearer("read"))
with serving.running(home, state=folder, caller="read") as server:
    server.get("/checkpoint")
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import msgspec
import urllib3
import uvicorn
from litestar import Litestar
from litestar.testing import TestClient
from litestar.types import Receive, Scope, Send

from muniment.server import hosting
from muniment.server.access import store
from muniment.server.access.entrance import Access
from muniment.server.caller import Caller
from muniment.server.hosting import Hosting
from muniment.server.process.assembly import Assembled, assemble
from muniment.server.settings import Limits, Served, Settings

SECONDS = 60.0
# Tests of the limits set their own.
GENEROUS = Limits(requests_per_second=1_000_000, anonymous_per_second=1_000_000)
SCOPES = {name: Caller(kind="token", id=name, scopes=frozenset({name})) for name in ("read", "write", "admin")}
INSERT = "INSERT OR REPLACE INTO token VALUES (?, ?, ?, ?, ?, ?, 0, 'the test', NULL, NULL, NULL)"


def token(name: str) -> str:
    """The text of the token of a caller: `read`, `write` and `admin`, and those that a server was told of."""
    hashed = hashlib.sha256(name.encode())
    return f"mun_{hashed.hexdigest()[:12]}_{base64.urlsafe_b64encode(hashed.digest()).decode()[:43]}"


TOKEN = token("admin")


def bearer(name: str) -> dict[str, str]:
    """What a request of a caller carries."""
    return {"Authorization": f"Bearer {token(name)}"}


def plant(access: Access, callers: Mapping[str, Caller]) -> None:
    """Let each caller have the token of his name, which no administrator had to make."""
    with access.file.writing() as sql:
        for name, caller in callers.items():
            _, id_, secret = token(name).split("_", 2)
            narrow = [msgspec.json.encode(sorted(each)).decode() for each in (caller.scopes, caller.ledgers, caller.environments)]
            sql.execute(INSERT, (id_, store.hash_secret(secret), name, *narrow))


def settle(state: Path, *homes: Path | Served, **settings: Any) -> Settings:
    """Settings for these ledgers: a single folder is served at the root. `state` is the server's own folder."""
    ledgers = tuple(each if isinstance(each, Served) else Served(name="", home=each) for each in homes)
    return Settings(ledgers=ledgers, state=state, **{"limits": GENEROUS, **settings})


@contextmanager
def assembled(
    *homes: Path | Served, state: Path, callers: Mapping[str, Caller] | None = None, writes: bool = True, **settings: Any
) -> Iterator[Assembled]:
    """The application. Without `writes` it needs no log key, as for ledgers that the test itself writes."""
    told = settle(state, *homes, **settings)
    app = assemble(told, opened=hosting.open_all(told, writes=writes))
    try:
        plant(app.access, {**SCOPES, **(callers or {})})
        yield app
    finally:
        app.close()


class Client(TestClient[Any]):
    """A client, and the application that it asks: its state holds what the server's own parts share."""

    litestar: Litestar


@contextmanager
def asking(app: Assembled) -> Iterator[Client]:
    """A client that presents nothing by itself, and follows no redirect."""
    with Client(cast(Any, _Whole(app)), raise_server_exceptions=False) as client:
        client.litestar = app.litestar
        client.follow_redirects = False
        yield client


@contextmanager
def served(*homes: Path | Served, state: Path, callers: Mapping[str, Caller] | None = None, **settings: Any) -> Iterator[Client]:
    """A client of a server in this process, with the token of an administrator; pass other `headers` to be somebody else."""
    with assembled(*homes, state=state, callers=callers, **settings) as app, asking(app) as client:
        client.headers.update(bearer("admin"))
        client.follow_redirects = True
        yield client


@contextmanager
def nobody(client: Client) -> Iterator[Client]:
    """The same client, presenting nothing for a while."""
    kept = client.headers.pop("authorization")
    try:
        yield client
    finally:
        client.headers["authorization"] = kept


class Port:
    """An ASGI application on a free port, served by a thread. It may be stopped, and started again on the same port."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._number = 0
        self._held: socket.socket | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._number}"

    def start(self) -> None:
        """Listen."""
        self._listening = socket.create_server(("127.0.0.1", self._number))
        # As the real one (server.process.sockets): else every answer waits 40 ms for the peer's acknowledgement.
        self._listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._number = self._listening.getsockname()[1]
        self._release()
        config = uvicorn.Config(
            self._app, log_level="critical", log_config=None, lifespan="on", access_log=False, timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        serve = self._server.serve
        self._thread = threading.Thread(target=lambda: asyncio.run(serve(sockets=[self._listening])), daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            self._thread.join(0.005)

    def stop(self) -> None:
        """Answer what was asked, then be away. Nobody who asks for a free port is given this one meanwhile."""
        self._server.should_exit = True
        self._thread.join(SECONDS)
        self._listening.close()
        assert not self._thread.is_alive()
        self._release()
        # Bound and not listened at: who connects is refused.
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", self._number))

    def end(self) -> None:
        """Stop, and not start again."""
        self.stop()
        self._release()

    def _release(self) -> None:
        if self._held is not None:
            self._held.close()


class Server:
    """A server on a port of this machine. What it is asked has the token of its caller; nothing is followed or decoded."""

    def __init__(self, url: str, app: Assembled, settings: Settings, caller: str) -> None:
        self.url = url
        self.app = app.litestar
        self.hosting: Hosting = app.hosting
        self.settings = settings
        self.token = token(caller)
        self._pool = urllib3.PoolManager(retries=False, timeout=SECONDS)

    @property
    def headers(self) -> dict[str, str]:
        """What a request of the caller carries."""
        return {"Authorization": f"Bearer {self.token}"}

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> urllib3.BaseHTTPResponse:
        """Ask for a path; `accept_encoding="gzip"` is a header, and `authorization=""` asks as a stranger."""
        named = {"authorization": f"Bearer {self.token}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        sent = {name: value for name, value in named.items() if value}
        return self._pool.request(method, self.url + path, body=body, headers=sent, redirect=False, decode_content=False)

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        """GET a path."""
        return self.ask("GET", path, **headers)

    def close(self) -> None:
        """Let go of connections."""
        self._pool.clear()


@contextmanager
def running(
    *homes: Path | Served,
    state: Path,
    caller: str = "admin",
    prepare: Callable[[Litestar], None] = lambda app: None,
    **settings: Any,
) -> Iterator[Server]:
    """A server on a free port, in a thread of this process."""
    with assembled(*homes, state=state, **settings) as app:
        prepare(app.litestar)
        port = Port(app)
        port.start()
        server = Server(port.url, app, app.litestar.state.settings, caller)
        try:
            yield server
        finally:
            server.close()
            app.stop()
            port.end()


class _Whole:
    """The assembled application, as the test client wants to see it."""

    def __init__(self, app: Assembled) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app.litestar, name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
