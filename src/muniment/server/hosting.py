"""The ledgers that one process serves, each with an engine that reads and one that writes.

Readers never wait for the writer: they have a connection of their own to the ledger's file. Ledgers share nothing but the
process: each has its folder, its keys, its index and its vault.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from muniment.client.following import Follower
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.standpoint import Standpoint
from muniment.client.writing import Writer
from muniment.errors import InvalidInput
from muniment.ledger.embedded import Embedded
from muniment.ledger.pins import Pins
from muniment.server.settings import Served, Settings
from muniment.vault import Vault

_log = logging.getLogger("muniment.server")

# How much of each ledger's file a process keeps in memory: a server has several connections, and a machine several servers.
CACHE_KIB = 8_192


class Hosted:
    """One served ledger. `base` goes before every path of it: "" or "/l/NAME".

    `reader` answers every question and holds no key; `writer` is what it stands on: blobs, lists of files, whom it
    believes. `vault` is where what opens sealed fields is kept. `engine` writes; None in a process that only reads.
    """

    def __init__(self, served: Served, home: Home, reader: Ledger, writer: Writer, engine: Embedded | None) -> None:
        self.name = served.name
        self.base = f"/l/{served.name}" if served.name else ""
        self.home = home
        self.reader = reader
        self.writer = writer
        self.vault = Vault(home.vault)
        self.engine = engine

    @property
    def origin(self) -> str:
        """The ledger's origin."""
        return self.reader.origin

    def close(self) -> None:
        """Let go of files."""
        if self.engine is not None:
            self.engine.close()
        self.reader.close()


class Hosting:
    """All ledgers of one process, by name."""

    def __init__(self, hosted: tuple[Hosted, ...]) -> None:
        self.by_name = {each.name: each for each in hosted}

    def __iter__(self) -> Iterator[Hosted]:
        return iter(self.by_name.values())

    def close(self) -> None:
        """Let go of files."""
        for each in self:
            each.close()


def open_all(settings: Settings, *, writes: bool = True) -> Hosting:
    """Open every ledger of the settings. Raises InvalidInput (`bad-name`, `twice`) and what opening a ledger raises."""
    names = [each.name for each in settings.ledgers]
    if len(set(names)) != len(names):
        raise InvalidInput("two ledgers have one name", code="twice", hint="Name each ledger once with --ledger NAME=FOLDER.")
    opened: list[Hosted] = []
    try:
        for served in settings.ledgers:
            opened.append(_open(served, settings.state, writes=writes))
    except BaseException:
        for each in opened:
            each.close()
        raise
    return Hosting(tuple(opened))


def _open(served: Served, state: Path, *, writes: bool) -> Hosted:
    home = Home(served.home)
    engine: Embedded | None = home.open(cache_kib=CACHE_KIB) if writes else None
    try:
        stand = Standpoint(
            trust=home.load_trust(), pins=Pins(state / "pins"), home=home, follower=Follower(home.trust, _log.warning)
        )
        writer = stand.open(home, cache_kib=CACHE_KIB)
        with writer.contact() as (_, contact):
            pass
    except BaseException:
        if engine is not None:
            engine.close()
        raise
    return Hosted(served, home, Ledger(writer, contact), writer, engine)
