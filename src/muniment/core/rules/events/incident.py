"""Events of incidents: recorded, closed."""

from __future__ import annotations

from typing import ClassVar, Literal

from muniment.core.format.encoding import EventId, HexDigest, Time
from muniment.core.format.statement import Sealed
from muniment.core.rules.events.predicate import Event
from muniment.core.rules.events.value import UNSET, Absent

Severity = Literal["critical", "high", "low", "medium"]


class IncidentRecorded(Event, frozen=True, kw_only=True):
    """Something went wrong with a version; `occurredAt` of the common part says when.

    severity: how bad it is
    awareAt: when the organisation became aware of it
    version: the version concerned
    impact: what it did, to whom, in words
    hold: whether the version may not be deployed while the incident is open
    """

    NAME: ClassVar[str] = "incident.recorded"
    STREAMS: ClassVar[tuple[str, ...]] = ("incident", "version")

    severity: Severity
    aware_at: Time
    version: HexDigest
    impact: Sealed | Absent = UNSET
    hold: bool

    def touches(self) -> tuple[str, ...]:
        return (f"incident/{self.event_id}", f"version/{self.version}")

    def things(self) -> tuple[tuple[str, str], ...]:
        return ((f"version/{self.version}", self.version),)


class IncidentClosed(Event, frozen=True, kw_only=True):
    """An incident is closed, and its hold released.

    incident: the incident, by the eventId of its record
    version: the version concerned
    outcome: what was found and done, in words
    """

    NAME: ClassVar[str] = "incident.closed"
    STREAMS: ClassVar[tuple[str, ...]] = ("incident", "version")

    incident: EventId
    version: HexDigest
    outcome: Sealed | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        return (f"incident/{self.incident}", f"version/{self.version}")

    def things(self) -> tuple[tuple[str, str], ...]:
        return ((f"version/{self.version}", self.version),)
