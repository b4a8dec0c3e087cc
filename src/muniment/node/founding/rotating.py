"""Another key for a member: made at home first, and put in the place of the old one once the ledger has it in force.

    made = make_next(folder, "lab", origin, ("cosigner", "validator"))      # public keys, for `member.changed`
    settle(folder)                                                          # at every start of the node

The engine learns of a new validator key two blocks after the one that holds the event; until then only the old key counts there,
and where all members are needed the chain would stand still without it. So the old key stays until the block after is there too.
A key that ended is kept beside its successor. What the validator signed last stays where it is, whichever key it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from muniment import disk
from muniment.client import home as homes
from muniment.client.world import World
from muniment.core.format import keys
from muniment.core.rules.records import Consortium, Membership
from muniment.errors import InvalidInput
from muniment.ledger import signers
from muniment.ledger.store.file import Store
from muniment.node import settings as node_settings
from muniment.node.founding import engine_keys
from muniment.node.places import NodePlaces

Rotated = Literal["cosigner", "publisher", "validator"]
UNSET = msgspec.UNSET

USES: tuple[Rotated, ...] = ("cosigner", "publisher", "validator")


def make_next(folder: Path, organisation: str, origin: str, uses: Iterable[Rotated]) -> dict[Rotated, str]:
    """The public keys (64 hex) that are to take the place of a member's: those that an earlier call made, else new ones.

    Raises InvalidInput (`other-home`) where the home is another member's, NotFound (`no-node`).
    """
    places = NodePlaces(folder)
    owner = node_settings.load(places.settings).organisation
    if owner != organisation:
        raise InvalidInput(
            f"{folder} is the home of {owner}",
            code="other-home",
            hint=f"A member makes its own keys: run this in the home of {organisation}, or give the keys that it made.",
        )
    made: dict[Rotated, str] = {}
    for use in uses:
        path = _next(places, use)
        signer: keys.Signer
        if use == "validator":
            signer = engine_keys.load(path) if path.exists() else engine_keys.create_validator(path)
        else:
            signer = signers.load_file(path) if path.exists() else signers.create_file(path, homes.purpose(f"the {use}", origin))
        made[use] = signer.public_key.hex()
    return made


def settle(folder: Path) -> tuple[Rotated, ...]:
    """Put the next keys that are in force in the place of the old ones, and say which. For a node that does not run.

    A crash between leaves both keys where a start finds them, and the next call goes on.
    """
    places = NodePlaces(folder)
    waiting = [use for use in USES if _next(places, use).exists()]
    if not waiting or not places.ledger.exists():
        return ()
    in_force = _read_in_force(places)
    settled = tuple(use for use in waiting if _load_next(places, use) == in_force.get(use))
    for use in settled:
        _replace(_next(places, use), _place(places, use))
    return settled


def _read_in_force(places: NodePlaces) -> dict[Rotated, str]:
    """The public keys that the ledger has for this member; that of the validator once the engine has it too."""
    organisation = node_settings.load(places.settings).organisation
    store = Store.open(places.ledger)
    try:
        with store.view() as view:
            world = World(view)
            member, consortium = world.read(f"member/{organisation}", Membership), world.read("members", Consortium)
        found: dict[Rotated, str] = {}
        if consortium is not None and consortium.publisher is not UNSET:
            found["publisher"] = consortium.publisher.key
        if member is not None:
            found["cosigner"] = member.cosigner
            if _is_voting(store, member.index):
                found["validator"] = member.key
    finally:
        store.close()
    return found


def _is_voting(store: Store, index: int) -> bool:
    """Did the engine commit a block after the one whose event at `index` changed the validators?

    Its updates act two heights later, and the height between is signed by the set before.
    """
    newest = store.mark()
    if newest is None:
        return True
    return any(mark.size > index for mark in store.marks(newest.height - 1, newest.height))


def _load_next(places: NodePlaces, use: Rotated) -> str:
    path = _next(places, use)
    signer: keys.Signer = engine_keys.load(path) if use == "validator" else signers.load_file(path)
    return signer.public_key.hex()


def _replace(path: Path, target: Path) -> None:
    # The old key gets its second name before it loses the first one, so that a crash between leaves a key in each place.
    if target.exists():
        with suppress(FileExistsError):
            os.link(target, _ended(target))
    os.replace(path, target)
    for each in (path.parent, target.parent):
        disk.sync(each)


def _ended(target: Path) -> Path:
    """Where a key that ended is kept, by its file's first free number."""
    number = 1
    while target.with_name(f"{target.name}-ended-{number}").exists():
        number += 1
    return target.with_name(f"{target.name}-ended-{number}")


def _next(places: NodePlaces, use: Rotated) -> Path:
    if use == "cosigner":
        return places.next_cosigner_key
    return places.next_publisher_key if use == "publisher" else places.next_validator_key


def _place(places: NodePlaces, use: Rotated) -> Path:
    if use == "cosigner":
        return places.cosigner_key
    return places.publisher_key if use == "publisher" else places.validator_key
