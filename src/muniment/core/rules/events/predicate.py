"""What every event says: the common part of all predicates (docs/spec, section 12).

A predicate is flat: the fields below and the event's own stand side by side.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from muniment.core.format.encoding import EventId, HexDigest, Identifier, Segment, Time
from muniment.core.format.statement import Sealed
from muniment.core.rules.events.value import UNSET, Absent, Control, Element, Fields
from muniment.errors import InvalidInput

Relation = Literal["used", "wasAssociatedWith", "wasDerivedFrom", "wasGeneratedBy", "wasInvalidatedBy", "wasRevisionOf"]
Grade = Literal["attested", "countersigned", "declared", "imported", "observed", "reproduced"]


class Citation(Element, frozen=True, kw_only=True):
    """A relation to something else, for readers; rules read the event's own fields. Exactly one thing is cited.

    relation: how this event relates to the thing, in the terms of W3C PROV
    event: a recorded event
    data: a data set version, by its manifest root
    version: a model version, by its manifest root
    blob: any other bytes, by their SHA-256
    """

    relation: Relation
    event: EventId | Absent = UNSET
    data: HexDigest | Absent = UNSET
    version: HexDigest | Absent = UNSET
    blob: HexDigest | Absent = UNSET

    def order(self) -> tuple[str, ...]:
        return (self.relation, *self.thing())

    def thing(self) -> tuple[str, str]:
        """What kind of thing is cited, and which one. Raises InvalidInput unless it is exactly one."""
        return exactly_one("a citation", self, ("blob", "data", "event", "version"))


class Source(Fields, frozen=True, kw_only=True):
    """Where an imported record came from.

    system: the system that held it
    recordId: its id there
    digest: SHA-256 of its bytes as they were read
    """

    system: Segment
    record_id: Identifier
    digest: HexDigest | Absent = UNSET


class Event(Fields, frozen=True, kw_only=True):
    """Something that happened, as its actor signs it.

    ledger: id of the ledger that the event was signed for
    eventId: its own id, a UUIDv7, unique in the ledger
    occurredAt: when it happened, as the signer claims
    actor: who says so, and whose key signs
    onBehalfOf: persons for whom the actor acts, besides those who always answer for it
    reason: why, in words
    cites: what the event relates to, for readers
    grade: what stands behind the claim
    controls: clauses of regulations and standards that the event answers
    retentionClass: how long the organisation keeps what belongs to it
    source: where an imported record came from
    """

    NAME: ClassVar[str]
    # The kinds of streams that touches() names, the first one first; "about" stands for any.
    STREAMS: ClassVar[tuple[str, ...]]

    ledger: HexDigest
    event_id: EventId
    occurred_at: Time
    actor: Segment
    on_behalf_of: tuple[Segment, ...] = ()
    reason: Sealed | Absent = UNSET
    cites: tuple[Citation, ...] = ()
    grade: Grade | Absent = UNSET
    controls: tuple[Control, ...] = ()
    retention_class: Segment | Absent = UNSET
    source: Source | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        """The streams that the event is part of, the thing that it is mainly about first; `acts/<actor>` comes on top."""
        return ()

    def things(self) -> tuple[tuple[str, str], ...]:
        """The things by digest that the event is about: what people call each one, and its digest."""
        return ()

    def check(self) -> None:
        """Check what the types of single fields cannot say, apart from order. Raises InvalidInput."""
        for citation in self.cites:
            citation.thing()


def exactly_one(what: str, value: msgspec.Struct, fields: tuple[str, ...]) -> tuple[str, str]:
    """The one of these optional fields that is there, with its text. Raises InvalidInput (`one-form`) for none or several."""
    present = [(field, getattr(value, field)) for field in fields if getattr(value, field) is not UNSET]
    if len(present) != 1:
        raise InvalidInput(f"{what} has exactly one of {', '.join(fields)}", code="one-form")
    return present[0]


def require(condition: bool, sentence: str, code: str = "form") -> None:
    """Say why an event has no valid form. Raises InvalidInput."""
    if not condition:
        raise InvalidInput(sentence, code=code, hint="Correct the event's fields; docs/events.md describes each one.")
