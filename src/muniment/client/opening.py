"""Opening a ledger: by settings, by path, or wherever the nearest `.muniment` lies."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import msgspec

from muniment import config
from muniment.client import home as homes
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.training import RecordingWarning
from muniment.client.writing import Writer
from muniment.config import Config
from muniment.errors import InvalidInput
from muniment.ledger.pins import Pins


def open(target: str | os.PathLike[str] | None = None, *, actor: str | None = None) -> Ledger:
    """Open a ledger: `target` is its folder; without one, MUNIMENT_HOME or the nearest `.muniment` above this folder.

    Warns where something recorded earlier still waits or was refused. Raises NotFound where there is no ledger, SplitView
    where it does not continue what was seen of it before.
    """
    ledger = connect(_resolve(target, actor))
    if said := ledger.describe_spool():
        warnings.warn(said, RecordingWarning, stacklevel=2)
    return ledger


def init(target: str | os.PathLike[str] = ".muniment", *, origin: str | None = None, actor: str | None = None) -> Ledger:
    """Make a new ledger in the folder `target` and open it. Raises InvalidInput where something is there already."""
    return found(_resolve(target, actor), origin=origin)


def found(settings: Config, *, origin: str | None = None) -> Ledger:
    """Make a new ledger in the home folder of the settings, and remember its first checkpoint."""
    homes.found(settings.home, origin=origin, actor=settings.actor)
    return connect(msgspec.structs.replace(settings, url=None, trust=None))


def connect(settings: Config, *, accept_clock: bool = False) -> Ledger:
    """The ledger that the settings name, which must continue what this client saw of it before. Raises as `open`."""
    if settings.url:
        raise InvalidInput(
            f"this release reaches ledgers in folders only, not {settings.url}",
            code="no-remote",
            hint="Unset MUNIMENT_URL, or name a folder with --home.",
        )
    home = Home(settings.home)
    engine = home.open(accept_clock=accept_clock)
    try:
        writer = Writer(home, engine, home.load_trust(settings.trust), Pins(settings.state / "pins"), settings.actor)
        with writer.contact() as (_, contact):
            pass
    except BaseException:
        engine.close()
        raise
    return Ledger(writer, contact)


def _resolve(target: str | os.PathLike[str] | None, actor: str | None) -> Config:
    flags = {"home": None if target is None else os.fspath(target), "actor": actor}
    return config.resolve(os.environ, Path.cwd(), flags)
