"""Nodes for tests of their clients: a real server over a ledger whose engine (and clock) the test brings, or any other ASGI app.

node = hosts.host(tmp_path, makers.found(...).engine)
remote = hosts.connect(node.url, node.trust)
node.close()
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import makers
import serving
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.reach import Here
from muniment.client.writing import Writer
from muniment.core.proof.trust import Trust
from muniment.ledger.embedded import Clock, Embedded, system_clock
from muniment.ledger.pins import Pins
from muniment.ledger.store.file import Store
from muniment.net import address
from muniment.net.reader import Reader
from muniment.net.remote import Remote
from muniment.net.transport import Patience, Transport
from muniment.server.hosting import Hosted, Hosting
from muniment.server.process.assembly import Lifespan, assemble

TOKEN = serving.TOKEN
QUICK = Patience(connect=30.0, read=60.0, answer=60.0, retries=60.0, attempts=3)
"""A node that is away is left after two more tries, within half a second; one that is there is waited for."""


class Host(serving.Port):
    """A server in a thread of this process, over one ledger. It may be stopped and started again on the same port.

    engine: what writes; None where `lifespan` brings what takes events
    reader: what is read from; else the ledger's file
    front: what stands before its application, if the test puts something there
    """

    def __init__(
        self,
        folder: Path,
        engine: Embedded | None,
        trust: Trust,
        clock: Clock,
        wrap: Callable[[Any], Any] = lambda app: app,
        *,
        reader: Embedded | None = None,
        lifespan: tuple[Lifespan, ...] = (),
    ) -> None:
        self.trust = trust
        settings = serving.settle(folder / "server", folder)
        home, pins = Home(folder), Pins(settings.state / "pins")
        # The reader judges dry runs, so it needs a clock.
        reader = reader or Embedded(Store.open(home.store), None, clock=clock)
        writer = Writer(home, Here(home, reader), self.trust, pins, None)
        hosted = Hosted(settings.ledgers[0], home, Ledger(writer, None), writer, engine)
        self.app = assemble(settings, opened=Hosting((hosted,)), lifespan=lifespan)
        serving.plant(self.app.access, serving.SCOPES)
        self.front = wrap(self.app)
        super().__init__(self.front)
        self.start()

    @property
    def hosting(self) -> Hosting:
        """Its ledger."""
        return self.app.hosting

    def close(self) -> None:
        """The end; the ledger's engine is closed as well."""
        self.end()
        self.app.close()


def host(folder: Path, engine: Embedded, wrap: Callable[[Any], Any] = lambda app: app) -> Host:
    """A node over the small ledger of `engine`, whose file is `folder/ledger.db`. `wrap` stands before its application."""
    trust = makers.hand_out_trust(folder, engine.ledger)
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
    return Remote(transport(url), trust, Reader(**named))
