"""The event about another event: corrected, redacted, preserved. What was recorded is never overwritten."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from muniment.core.format.encoding import EventId
from muniment.core.rules.events.predicate import Event
from muniment.core.rules.events.stream_name import Stream
from muniment.core.rules.events.value import UNSET, Absent, Control

AmendmentKind = Literal["correct", "preserve", "redact", "unpreserve"]


class RecordAmended(Event, frozen=True, kw_only=True):
    """Something is said about an earlier record: that it is wrong, that its disclosures are destroyed, or must be kept.

    target: the event that is amended, by its eventId
    about: all streams of the target
    kind: correct, redact (destroy disclosures), preserve (forbid that), unpreserve
    legalBasis: the clause that asks for it, such as gdpr:17(1)(b)
    """

    NAME: ClassVar[str] = "record.amended"
    STREAMS: ClassVar[tuple[str, ...]] = ("amendment", "about")

    target: EventId
    about: Annotated[tuple[Stream, ...], msgspec.Meta(min_length=1)]
    kind: AmendmentKind
    legal_basis: Control | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        return (f"amendment/{self.target}", *self.about)
