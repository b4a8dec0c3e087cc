"""The trust path that a ledger's file gives: every header that names members, with what the members before them signed.

    steps = prove_path(view)            # empty where the ledger has no members

A step whose checkpoint has not been cosigned by a quorum yet ends the path: nobody could walk over it.
"""

from __future__ import annotations

from typing import Protocol

from muniment.core.format import note
from muniment.core.format.entry import Header
from muniment.core.format.keys import SIGNATURE_BYTES
from muniment.core.proof import consortium
from muniment.core.proof.path import Step
from muniment.core.rules.chain import Position
from muniment.core.rules.members import Validators


class Trail(Protocol):
    """What is read of a view (ledger.store.snapshot.Snapshot)."""

    @property
    def position(self) -> Position:
        """Where the ledger stands."""

    @property
    def size(self) -> int:
        """How many entries there are."""

    def membership_heights(self) -> list[int]:
        """The heights whose headers name a set of members, ascending; 0 where the genesis does."""

    def validators_before(self, height: int) -> Validators | None:
        """The members who judge the checkpoint of a height; None in a solo time."""

    def header(self, height: int) -> Header:
        """The header of a height."""

    def entry(self, index: int) -> bytes:
        """The exact bytes of an entry."""

    def checkpoint_at(self, height: int) -> bytes:
        """The signed checkpoint of a height."""

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """The proof of an entry."""

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """The proof between two sizes."""


def prove_path(view: Trail, *, named: bool = False) -> tuple[Step, ...]:
    """The path from the genesis to the set that judges this view's checkpoint.

    A ledger that moved in and in which nothing came since has none: its first members stand behind that checkpoint themselves.
    With `named` the path leads to them over it, for who meets them first there.
    """
    heights = view.membership_heights()
    new = bool(heights) and 1 < view.header(heights[0]).size + 1 == view.size
    if new and not named:
        return ()
    steps, before = [Step(header=view.entry(0))], 1
    for height in heights:
        size = view.header(height).size + 1
        shown = _trim(view, height) if 1 < size < view.size + new else None
        if shown is not None:
            proved = {"consistency": view.consistency(before, size), "proof": view.inclusion(size - 1, size)}
            steps.append(Step(header=view.entry(size - 1), note=shown, **proved))
            before = size
        elif height > 0:
            break
    return tuple(steps) if heights else ()


def find_change(view: Trail) -> int:
    """The size of the newest checkpoint before the view's that changed the members; 0 where none did."""
    sizes = (view.header(height).size + 1 for height in reversed(view.membership_heights()) if height > 0)
    return next((size for size in sizes if size < view.size), 0)


def _trim(view: Trail, height: int) -> str | None:
    """The checkpoint of a height with the lines that a step takes and no others; None where they are not there yet."""
    parsed, origin = note.parse(view.checkpoint_at(height)), view.position.origin
    judges = view.validators_before(height)
    if judges is None:
        # Which key signed in the solo time the ledger does not say: the line in its name is by it.
        lines = [each for each in parsed.signatures if each.name == origin and len(each.blob) == SIGNATURE_BYTES]
        wanted = 1
    else:
        trust = consortium.to_trust(origin, view.position.ledger, judges)
        known = {(each.verifier.name, each.verifier.key_id) for each in trust.cosigners}
        lines = list({(each.name, each.key_id): each for each in parsed.signatures if (each.name, each.key_id) in known}.values())
        wanted = trust.quorum
    if len(lines) < wanted:
        return None
    return note.format(note.Note(parsed.text, tuple(lines[:wanted]))).decode()
