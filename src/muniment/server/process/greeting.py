"""What a server that starts knows of itself, for whoever started it."""

from __future__ import annotations

import msgspec

from muniment.server import hosting, location
from muniment.server.process import sockets
from muniment.server.settings import Settings


class Shown(msgspec.Struct, frozen=True, rename="camel"):
    """A ledger that is served: where, whose, and the fingerprint of its key for callers to compare."""

    url: str
    origin: str
    ledger: str
    fingerprint: str
    size: int
    home: str


class Greeting(msgspec.Struct, frozen=True, rename="camel"):
    """A server that is about to answer."""

    url: str
    ledgers: tuple[Shown, ...]
    public: bool
    workers: int
    exposed: bool
    """Whether other machines may reach it, and what they send can be read on the way."""


def look(settings: Settings) -> Greeting:
    """Open every ledger once, so that what is wrong is said now, and close it again. Raises what opening a ledger raises."""
    url = location.find_root(settings)
    opened = hosting.open_all(settings, writes=False)
    try:
        shown = []
        for each in opened:
            with each.reader.view() as view:
                size = view.size
            contact = each.reader.contact
            fingerprint = contact.fingerprint if contact is not None else ""
            shown.append(Shown(url + each.base, each.origin, each.reader.id, fingerprint, size, str(each.home.folder)))
    finally:
        opened.close()
    exposed = not sockets.is_loopback(settings.host) and not location.is_secure(settings)
    return Greeting(url, tuple(shown), settings.public, settings.workers, exposed)
