"""One server from its start to its end: the claim on its ledgers, the socket, and one process or several."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import msgspec

from muniment.client.home import Home
from muniment.errors import NotFound
from muniment.server import state_file
from muniment.server.process import claim, greeting, notify, running, sockets
from muniment.server.process.assembly import assemble
from muniment.server.process.connection import Door
from muniment.server.process.greeting import Greeting
from muniment.server.process.supervisor import Supervisor
from muniment.server.settings import Settings
from muniment.server.telemetry import logs
from muniment.server.telemetry.health import Telemetry

Announce = Callable[[Greeting], None]


def serve(settings: Settings, announce: Announce) -> int:
    """Serve until a signal says to stop; `announce` tells whoever started it, once it answers. Returns the exit code.

    Raises what opening the ledgers, the socket and the certificate raises, Conflict (`already-served`) among them.
    """
    require_ledgers(settings)
    make_state(settings)
    held = claim.take([settings.state, *(each.home for each in settings.ledgers)])
    try:
        with sockets.bind(settings.host, settings.port) as listening:
            # From here on everybody knows the port that the system chose.
            return _serve(msgspec.structs.replace(settings, port=listening.getsockname()[1]), listening, announce)
    finally:
        notify.tell("STOPPING=1")
        held.release()


def _serve(settings: Settings, listening: socket.socket, announce: Announce) -> int:
    if settings.certificate is not None:
        # Now, and not in a worker where nobody would read why.
        sockets.load_tls(settings.certificate, settings.certificate_key)
    greeted = greeting.look(settings)
    if settings.workers > 1:
        return Supervisor(settings, listening, lambda: _ready(greeted, announce)).run()
    logs.begin(settings.log_format)
    door = Door(settings.limits)
    assembled = assemble(settings, telemetry=Telemetry(), door=door)
    running.run(settings, assembled, listening, door, lambda: _ready(greeted, announce))
    return 0


def require_ledgers(settings: Settings) -> None:
    """Check that there is a ledger in every folder, before anything is made there. Raises NotFound (`no-ledger`)."""
    for each in settings.ledgers:
        if not Home(each.home).store.exists():
            raise NotFound(f"there is no ledger in {each.home}", code="no-ledger", hint="Make one with `muniment init`.")


def make_state(settings: Settings) -> None:
    """Make the state's folder, for this user only. Raises Unavailable (`state-unwritable`)."""
    try:
        settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(settings.state, 0o700)
    except OSError as error:
        raise state_file.unwritable(settings.state, error) from None


def _ready(greeted: Greeting, announce: Announce) -> None:
    announce(greeted)
    notify.tell("READY=1")
