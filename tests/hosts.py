"""Nodes for tests of their clients: a real server over a ledger whose engine (and clock) the test brings, or any other ASGI app.

node = hosts.host(tmp_path, makers.found(...).engine)
remote = hosts.connect(node.url, node.trust)
node.close()
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
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
from muniment.ledger.embedded import Clock, Embedded, system_clock
from muniment.ledger.pins import Pins
from muniment.ledger.store.file import Store
from muniment.net import address
from muniment.net.remote import Remote
from muniment.net.transport import Patience, Transport
from muniment.server.hosting import Hosted, Hosting

TOKEN = serving.TOKEN
QUICK = Patience(connect=2.0, read=5.0, answer=10.0, retries=1.0)


class Host:
    """A server in a thread of this process, over one ledger. It may be stopped and started again on the same port."""

    def __init__(self, folder: Path, engine: Embedded, trust: Trust, clock: Clock, wrap: Callable[[Any], Any]) -> None:
        self.trust = trust
        settings = serving.settle(folder / "server", folder)
        home, pins = Home(folder), Pins(settings.state / "pins")
        # The reader judges dry runs, so it needs a clock.
        reader = Embedded(Store.open(home.store), None, clock=clock)
        writer = Writer(home, Here(home, reader), self.trust, pins, None)
        hosted = Hosted(settings.ledgers[0], home, Ledger(writer, None), writer, engine)
        self.hosting = Hosting((hosted,))
        app, _ = serving.stack(settings, self.hosting)
        self._app = wrap(app)
        self._port = 0
        self.start()

    def start(self) -> None:
        """Listen."""
        self._listening = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listening.getsockname()[1]
        config = uvicorn.Config(
            cast(Any, self._app), log_level="critical", lifespan="on", access_log=False, timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        serve = self._server.serve
        self._thread = threading.Thread(target=lambda: asyncio.run(serve(sockets=[self._listening])), daemon=True)
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
        """The end; the ledger's engine is closed as well."""
        self.stop()
        self.hosting.close()


def host(folder: Path, engine: Embedded, wrap: Callable[[Any], Any] = lambda app: app) -> Host:
    """A node over the small ledger of `engine`, whose file is `folder/ledger.db`. `wrap` stands before its application."""
    trust = Trust(makers.ORIGIN, engine.ledger, (makers.VERIFIER,))
    (folder / "trust.toml").write_text(trusts.format(trust))
    # An hour on from the clock of whatever opens such a ledger again.
    return Host(folder, engine, trust, makers.StepClock(makers.NOON + 7_200_000_000), wrap)


def house(folder: Path, wrap: Callable[[Any], Any] = lambda app: app) -> Host:
    """A node over a ledger that `muniment init` founded in a folder."""
    home = Home(folder)
    return Host(folder, home.open(), home.load_trust(), system_clock, wrap)


def transport(url: str, token: str | None = TOKEN, patience: Patience = QUICK) -> Transport:
    """The way to a node of a test, without much patience."""
    return Transport(address.parse(url), token, patience=patience)


def connect(url: str, trust: Trust, **named: Any) -> Remote:
    """A client that knows nothing but the trust file."""
    return Remote(transport(url), trust, **named)
