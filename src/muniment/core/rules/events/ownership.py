"""Events of ownership: offered by the owner, accepted by the receiver."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from muniment.core.format.encoding import EventId, HexDigest, Identifier, Segment
from muniment.core.rules.events.predicate import Event, require
from muniment.core.rules.events.value import UNSET, Absent


class OwnershipOffered(Event, frozen=True, kw_only=True):
    """The owner of a model offers to hand it over.

    model: the name of the model
    from: the actor who owns it
    to: the actor who is to own it
    packageDigest: digest of the package that is handed over with it
    """

    NAME: ClassVar[str] = "ownership.offered"
    STREAMS: ClassVar[tuple[str, ...]] = ("model",)

    model: Identifier
    from_: Segment = msgspec.field(name="from")
    to: Segment
    package_digest: HexDigest | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        return (f"model/{self.model}",)

    def things(self) -> tuple[tuple[str, str], ...]:
        return () if self.package_digest is UNSET else ((self.model, self.package_digest),)

    def check(self) -> None:
        super().check()
        require(self.from_ != self.to, "a model is handed over to somebody else")


class OwnershipAccepted(Event, frozen=True, kw_only=True):
    """The receiver accepts, and owns the model from now on.

    model: the name of the model
    offer: the offer that is accepted, by its eventId
    """

    NAME: ClassVar[str] = "ownership.accepted"
    STREAMS: ClassVar[tuple[str, ...]] = ("model",)

    model: Identifier
    offer: EventId

    def touches(self) -> tuple[str, ...]:
        return (f"model/{self.model}",)
