"""Opening a ledger: by settings, by path, or wherever the nearest `.muniment` lies."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import msgspec

from muniment import config
from muniment.client import home as homes
from muniment.client import policy_file, standpoint
from muniment.client.following import Follower
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.reach import Here, Reach
from muniment.client.training import RecordingWarning
from muniment.client.writing import Writer
from muniment.config import Config
from muniment.core.proof.trust import Trust
from muniment.errors import InvalidInput, Unavailable
from muniment.ledger.pins import Contact, Pins


def open(target: str | os.PathLike[str] | None = None, *, actor: str | None = None, on_behalf_of: Sequence[str] = ()) -> Ledger:
    """Open a ledger: `target` is its folder, or the address of a node (https://...).

    Without one, what MUNIMENT_URL or MUNIMENT_HOME says, or the nearest `.muniment` above this folder. A node that is away can be
    opened once this client knows it: what is recorded then waits, signed, and is sent later.
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
    pins = Pins(settings.state / "pins")
    home = Home(settings.home)
    reach, trust = _reach_node(settings, pins) if settings.url else _reach_folder(home, settings, accept_clock)
    try:
        writer = Writer(home, reach, trust, pins, settings.actor, on_behalf_of=tuple(on_behalf_of))
        contact = _contact(writer)
    except BaseException:
        reach.engine.close()
        raise
    return Ledger(writer, contact)


def meet(settings: Config) -> Trust:
    """Whom to believe about the ledger that the settings name: its trust file; at a node that was never met, on first use.

    Raises NotFound (`no-trust`), InvalidInput, Unavailable.
    """
    if settings.url is None:
        return standpoint.load_trust(settings)
    # Here, because who works beside a ledger's folder needs no network.
    from muniment.client.remote import first_contact

    return first_contact.meet(settings)


def require_folder(settings: Config, what: str) -> Home:
    """The ledger's own folder, for what can be done only where it lies. Raises InvalidInput (`not-at-a-node`)."""
    if settings.url is not None:
        raise InvalidInput(
            f"{what} needs the ledger's own folder, and this one is at {settings.url}",
            code="not-at-a-node",
            hint="Run it on the machine where the ledger lies, or name its folder with --home.",
        )
    return Home(settings.home)


def _reach_folder(home: Home, settings: Config, accept_clock: bool) -> tuple[Reach, Trust]:
    engine = home.open(accept_clock=accept_clock)
    try:
        follower = Follower(home.trust if settings.trust is None else None)
        return Here(home, engine, follower), home.load_trust(settings.trust)
    except BaseException:
        engine.close()
        raise


def _reach_node(settings: Config, pins: Pins) -> tuple[Reach, Trust]:
    from muniment.client.remote import node

    trust = meet(settings)
    return node.open(settings, trust, pins), trust


def _contact(writer: Writer) -> Contact | None:
    """How the ledger stands to what was seen of it before; None where its node is away, which stops nobody from recording."""
    try:
        with writer.contact() as (_, contact):
            return contact
    except Unavailable:
        if writer.reach.url is None:
            raise
        writer.lose_patience()
        return None


def _resolve(target: str | os.PathLike[str] | None, actor: str | None) -> Config:
    place = None if target is None else os.fspath(target)
    at_node = place is not None and place.startswith(("http://", "https://"))
    flags = {"home": None if at_node else place, "url": place if at_node else None, "actor": actor}
    return config.resolve(os.environ, Path.cwd(), flags)
