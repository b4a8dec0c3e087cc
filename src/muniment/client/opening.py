"""Opening a ledger: by settings, by path, or wherever the nearest `.muniment` lies."""

from __future__ import annotations

import os
from pathlib import Path

from muniment import config
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.writing import Writer
from muniment.config import Config
from muniment.errors import InvalidInput
from muniment.ledger.pins import Pins


def open(target: str | os.PathLike[str] | None = None, *, actor: str | None = None) -> Ledger:
    """Open a ledger: `target` is its folder; without one, MUNIMENT_HOME or the nearest `.muniment` above this folder.

    Raises NotFound where there is none.
    """
    flags = {"home": None if target is None else os.fspath(target), "actor": actor}
    settings = config.resolve(os.environ, Path.cwd(), {key: value for key, value in flags.items() if value is not None})
    return connect(settings)


def connect(settings: Config, *, accept_clock: bool = False) -> Ledger:
    """The ledger that the settings name."""
    if settings.url:
        raise InvalidInput(
            f"this release reaches ledgers in folders only, not {settings.url}",
            code="no-remote",
            hint="Unset MUNIMENT_URL, or name a folder.",
        )
    home = Home(settings.home)
    engine = home.open(accept_clock=accept_clock)
    return Ledger(Writer(home, engine, home.load_trust(), Pins(settings.state / "pins"), settings.actor))
