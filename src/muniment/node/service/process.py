"""The process of a node's application: ledger, HTTP and explorer, the engine's questions, the exchange of cosignatures.

    python -m muniment.node.service.process HOME --socket PATH --options JSON

Its supervisor (node.process) starts it, and starts the engine once this one says that it is ready.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from litestar import Litestar

from muniment import exits
from muniment.client.home import Home
from muniment.errors import MunimentError
from muniment.ledger import pins
from muniment.node.alarms import Alarms
from muniment.node.homes import NodeHome
from muniment.node.process.supervised import Supervised
from muniment.node.service.assembly import Node
from muniment.node.service.ending import tell_and_end
from muniment.node.settings import split_place
from muniment.server import location
from muniment.server.process import options, running, service, sockets
from muniment.server.process.assembly import assemble
from muniment.server.process.connection import Door
from muniment.server.settings import Settings
from muniment.server.standing import Alarm
from muniment.server.telemetry import logs
from muniment.server.telemetry.consortium import Consortium
from muniment.server.telemetry.health import Telemetry

HEARTBEAT_SECONDS = 2.0
HUNG_SECONDS = 10.0
OWN = frozenset({"diverged", "double-sign"})
"""What the supervisor says of this organisation, not only of its node."""

_log = logging.getLogger("muniment.node")


class Heart:
    """Whether the event loop still turns."""

    def __init__(self) -> None:
        self._beat: float | None = None

    def is_alive(self) -> bool:
        """Before it turned for the first time nobody can say that it stands."""
        return self._beat is None or time.monotonic() - self._beat < HUNG_SECONDS

    @asynccontextmanager
    async def beating(self, app: Litestar) -> AsyncIterator[None]:
        """Beat while the application runs."""

        async def beat() -> None:
            while True:
                self._beat = time.monotonic()
                await asyncio.sleep(HEARTBEAT_SECONDS)

        task = asyncio.create_task(beat())
        try:
            yield
        finally:
            task.cancel()
            self._beat = None


class Told:
    """The alarms that the supervisor told: sounded here too, and ended once it tells them no more."""

    def __init__(self, alarms: Alarms, organisation: str) -> None:
        self._alarms = alarms
        self._organisation = organisation
        self._standing: set[str] = set()

    def take(self, told: Sequence[Alarm]) -> None:
        """Take all that it tells now."""
        for each in told:
            self._alarms.sound(each.code, self._about(each.code), each.text)
        for code in self._standing - {each.code for each in told}:
            self._alarms.quiet(code, self._about(code))
        self._standing = {each.code for each in told}

    def _about(self, code: str) -> str:
        return self._organisation if code in OWN else ""


def main(arguments: Sequence[str]) -> int:
    """Run the application until it is told to stop, and return the exit code."""
    parser = argparse.ArgumentParser(prog="muniment.node.service.process")
    parser.add_argument("home", type=Path)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--options", default="{}")
    told = parser.parse_args(arguments)
    supervised = Supervised.from_environment(os.environ)
    try:
        settings = resolve(NodeHome(told.home), msgspec.json.decode(told.options, type=dict[str, object]))
        _run(NodeHome(told.home), told.socket, settings, supervised)
    except MunimentError as error:
        if supervised is not None:
            supervised.tell_failed(error.code, str(error), error.hint, exits.code_of(error))
        else:
            print(f"{error.code}: {error}. {error.hint}", file=sys.stderr)
        return exits.code_of(error)
    return 0


def resolve(home: NodeHome, typed: dict[str, object]) -> Settings:
    """The settings of the server: what was typed, else node.toml's address, else the file that node.toml names."""
    node = home.load_settings()
    host, port = split_place(node.listen)
    said: dict[str, object] = {"host": host, "port": port, "url": node.url or None, **typed}
    file = home.folder / node.server if node.server else None
    return options.resolve(said, home.home, file)


def _run(home: NodeHome, socket: Path, settings: Settings, supervised: Supervised | None) -> None:
    logs.begin(settings.log_format)
    service.make_state(settings)
    heart = Heart()
    node = Node(home, socket, settings, _log_halt if supervised is None else supervised.tell_halted, tell_and_end(supervised))
    if supervised is not None:
        supervised.start(
            heart.is_alive,
            on_alarms=Told(node.alarms, home.load_settings().organisation).take,
            on_end=lambda: os.kill(os.getpid(), signal.SIGTERM),
        )
    with sockets.bind(settings.host, settings.port) as listening:
        settings = msgspec.structs.replace(settings, port=listening.getsockname()[1])
        try:
            node.open()
            telemetry, door = Telemetry(), Door(settings.limits)
            assembled = assemble(
                settings,
                telemetry=telemetry,
                door=door,
                lifespan=(node.running, heart.beating),
                opened=node.hosting,
                more=node.routes,
            )
            telemetry.metrics.registry.register(Consortium(node.observer.stand))
            greeting = _greet(node, settings)

            def ready() -> None:
                if supervised is not None:
                    supervised.tell_ready(greeting)

            running.run(settings, assembled, listening, door, ready)
        finally:
            node.close()


def _greet(node: Node, settings: Settings) -> dict[str, object]:
    url, consortium = location.find_root(settings), node.home.load_consortium()
    organisation = node.home.load_settings().organisation
    return {
        "url": url,
        "organisation": organisation,
        "origin": consortium.origin,
        "ledger": consortium.ledger,
        "fingerprint": consortium.fingerprint,
        "lines": [
            f"The node of {organisation} in the consortium of {consortium.origin} serves at {url}",
            f"  fingerprint  {consortium.fingerprint}",
            f"  clients see  {pins.fingerprint(Home(node.home.home).load_trust())}",
            f"  folder       {node.home.home}",
            "",
            f"A token for a program: muniment tokens create --name CI --scope write --state {settings.state}",
            f"How it stands: muniment node status --home {node.home.home}",
        ],
    }


def _log_halt(code: str, text: str) -> None:
    """Without a supervisor there is no engine to stop."""
    _log.error("%s", text, extra={"fields": {"code": code}})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
