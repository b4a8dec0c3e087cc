"""Nodes for tests of their clients: a real server over a ledger whose engine (and clock) the test brings, or any other ASGI app.

node = nodes.host(tmp_path, makers.found(...).engine)
remote = nodes.connect(node.url)
node.close()
"""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path
from typing import Any, cast

import uvicorn

import makers
import serving
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.reach import Here
from muniment.client.writing import Writer
from muniment.core.proof import trust as trusts
from muniment.core.proof.trust import Trust
from muniment.ledger.embedded import Embedded
from muniment.ledger.pins import Pins
from muniment.ledger.store.file import Store
from muniment.net import address
from muniment.net.remote import Remote
from muniment.net.transport import Patience, Transport
from muniment.server.hosting import Hosted, Hosting

QUICK = Patience(connect=2.0, read=5.0, answer=10.0, retries=1.0)


class Node:
    """A server in a thread of this process. It may be stopped and started again on the same port."""

    def __init__(self, app: Any, *, port: int = 0, lifespan: str = "on") -> None:
        self._app = app
        self._lifespan = lifespan
        self._port = port
        self.start()

    def start(self) -> None:
        """Listen."""
        self._listening = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listening.getsockname()[1]
        config = uvicorn.Config(
            self._app, log_level="critical", lifespan=cast(Any, self._lifespan), access_log=False, timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve(sockets=[self._listening])), daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            threading.Event().wait(0.005)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def stop(self) -> None:
        """Answer what was asked, then be away."""
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()

    def close(self) -> None:
        """The end."""
        self.stop()


class Host(Node):
    """A node over one ledger."""

    def __init__(self, folder: Path, engine: Embedded, trust: Trust) -> None:
        (folder / "trust.toml").write_text(trusts.format(trust))
        settings = serving.settle(folder / "server", folder)
        self.trust = trust
        home, pins = Home(folder), Pins(settings.state / "pins")
        # The reader judges dry runs, so it has the same clock, an hour on, as whatever opens this ledger again.
        reader = Embedded(Store.open(home.store), None, clock=makers.StepClock(makers.NOON + 7_200_000_000))
        writer = Writer(home, Here(home, reader), trust, pins, None)
        hosted = Hosted(settings.ledgers[0], home, Ledger(writer, None), writer, engine)
        self.hosting = Hosting((hosted,))
        app, _ = serving.stack(settings, self.hosting)
        super().__init__(app)

    def close(self) -> None:
        self.stop()
        self.hosting.close()


def host(folder: Path, engine: Embedded) -> Host:
    """A node over the ledger of `engine`, whose file is `folder/ledger.db`."""
    return Host(folder, engine, trust_of(engine))


def trust_of(engine: Embedded) -> Trust:
    """Whom a client of a small ledger believes."""
    return Trust(makers.ORIGIN, engine.ledger, (makers.VERIFIER,))


def transport(url: str, token: str | None = serving.TOKEN, patience: Patience = QUICK) -> Transport:
    """The way to a node of a test, without much patience."""
    return Transport(address.parse(url), token, patience=patience)


def connect(url: str, trust: Trust, **named: Any) -> Remote:
    """A client that knows nothing but the trust file."""
    return Remote(transport(url), trust, **named)
