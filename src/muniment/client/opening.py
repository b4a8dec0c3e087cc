"""Opening a ledger: by settings, by path, or wherever the nearest `.muniment` lies."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import msgspec

from muniment import config
from muniment.client import home as homes
from muniment.client import policy_file
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.training import RecordingWarning
from muniment.client.writing import Writer
from muniment.config import Config
from muniment.errors import InvalidInput
from muniment.ledger.pins import Pins


def open(target: str | os.PathLike[str] | None = None, *, actor: str | None = None, on_behalf_of: Sequence[str] = ()) -> Ledger:
    """Open a ledger: `target` is its folder; without one, MUNIMENT_HOME or the nearest `.muniment` above this folder.

    `on_behalf_of` names persons for whom the actor writes, besides those who answer for it anyway: every event says so.
    Warns where something recorded earlier still waits or was refused. Raises NotFound where there is no ledger, SplitView
    where it does not continue what was seen of it before.
    """
    ledger = connect(_resolve(target, actor), on_behalf_of=on_behalf_of)
    if said := ledger.describe_spool():
        warnings.warn(said, RecordingWarning, stacklevel=2)
    return ledger


def init(
    target: str | os.PathLike[str] = ".muniment",
    *,
    origin: str | None = None,
    actor: str | None = None,
    policy: str = policy_file.DEFAULT,
) -> Ledger:
    """Make a new ledger in the folder `target` and open it. `policy` is solo, team, regulated, or the path of a policy file.

    Raises InvalidInput where something is there already, and for a policy file with mistakes; NotFound where there is no such file.
    """
    return found(_resolve(target, actor), origin=origin, policy=policy)


def found(settings: Config, *, origin: str | None = None, policy: str = policy_file.DEFAULT) -> Ledger:
    """Make a new ledger in the home folder of the settings, and remember its first checkpoint. Raises as `init`."""
    file = policy_file.load(policy)
    homes.found(settings.home, origin=origin, actor=settings.actor, policy=file.policy, founder=file.founder)
    return connect(msgspec.structs.replace(settings, url=None, trust=None))


def connect(settings: Config, *, accept_clock: bool = False, on_behalf_of: Sequence[str] = ()) -> Ledger:
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
        trust, pins = home.load_trust(settings.trust), Pins(settings.state / "pins")
        writer = Writer(home, engine, trust, pins, settings.actor, on_behalf_of=tuple(on_behalf_of))
        with writer.contact() as (_, contact):
            pass
    except BaseException:
        engine.close()
        raise
    return Ledger(writer, contact)


def _resolve(target: str | os.PathLike[str] | None, actor: str | None) -> Config:
    flags = {"home": None if target is None else os.fspath(target), "actor": actor}
    return config.resolve(os.environ, Path.cwd(), flags)
