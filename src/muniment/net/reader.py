"""Who reads a ledger at a node: what he brings along, and whom he believes about it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from muniment.core.format.statement import Disclosure, Sealed
from muniment.core.proof.evidence import Evidence, Pin
from muniment.core.proof.path import Step
from muniment.core.proof.trust import Trust

Follow = Callable[[Trust, tuple[Step, ...]], Trust]
"""Whom to believe once a path was walked; raises VerificationError where it cannot be walked."""


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever reads a ledger at a node brings along.

    recall: what was seen of the ledger before, in whatever process
    keep: writes evidence of two histories, and returns its path
    disclose: opens sealed fields, so that what an event means is at the node before the event is
    prepare: brings whatever else must be there first
    follow: leads the trust on where the members of a consortium have changed; without it a reader stays with those he knows
    """

    recall: Callable[[], Pin | None] = lambda: None
    keep: Callable[[Evidence], str] = lambda _: ""
    disclose: Callable[[Sealed], Disclosure | None] = lambda _: None
    prepare: Callable[[], None] = lambda: None
    follow: Follow | None = None


STRANGER = Reader()
"""Who saw nothing before, and keeps nothing."""


class Named:
    """A ledger as a trust file names it."""

    def __init__(self, trust: Trust) -> None:
        self.trust = trust

    @property
    def origin(self) -> str:
        """The ledger's origin."""
        return self.trust.origin

    @property
    def ledger(self) -> str:
        """The ledger's id."""
        return self.trust.ledger
