"""Incidents: what went wrong with a version, whether it is held because of it, and what became of it."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from muniment.core.rules.events import IncidentClosed, IncidentRecorded
from muniment.core.rules.records import Incident
from muniment.index import EventRow
from muniment.index.changes import Served
from muniment.server.explorer.notes import Note, read_notes
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.explorer.source import Prose, Source, known, open_source
from muniment.server.explorer.stints import Stint, fold
from muniment.server.hosting import Hosted

MAX_INCIDENTS = 30
MAX_HISTORY = 50


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """An incident in a list; `status` is `open` or `closed`, `hold` whether its version may not be deployed while it is open."""

    row: EventRow
    severity: str
    hold: bool
    status: str
    impact: Prose | None


class IncidentPage(msgspec.Struct, frozen=True, kw_only=True):
    """One incident. `ran` is where its version served when it was recorded, `history` every event of it."""

    id: str
    row: EventRow
    severity: str
    aware: str
    status: str
    hold: bool
    grade: str
    version: str
    version_name: str
    impact: Prose | None
    reason: Prose | None
    closed: EventRow | None
    outcome: Prose | None
    closing_reason: Prose | None
    notes: tuple[Note, ...]
    ran: tuple[Stint, ...]
    history: tuple[EventRow, ...]


def read_incidents(source: Source, version: str) -> tuple[Reported, ...]:
    """The newest incidents of a version, the newest first."""
    return tuple(_report(source, *each) for each in source.list_events(f"version/{version}", IncidentRecorded, MAX_INCIDENTS))


def read_incident(source: Source, id_: str) -> IncidentPage:
    """An incident by the event id of its record. Raises NotFound."""
    row, event = source.find_id(id_, IncidentRecorded)
    stream = f"incident/{row.event_id}"
    state = source.state(stream, Incident)
    closing = source.list_events(stream, IncidentClosed, 1)
    closed, ending = closing[0] if closing else (None, None)
    changes = source.index.changes(Served(version=event.version), limit=MAX_HISTORY)
    places = dict.fromkeys((each.environment, each.name) for each in changes)
    stints = [
        stint
        for environment, name in places
        for stint in fold(source.index.changes(Served(environment=environment, name=name), limit=MAX_HISTORY))
    ]
    return IncidentPage(
        id=row.event_id,
        row=row,
        severity=event.severity,
        aware=event.aware_at,
        status="open" if state is None else state.status,
        hold=event.hold,
        grade=known(event.grade) or "declared",
        version=event.version,
        version_name=source.name(event.version) or "",
        impact=source.open_prose(event.impact),
        reason=source.open_prose(event.reason),
        closed=closed,
        outcome=None if ending is None else source.open_prose(ending.outcome),
        closing_reason=None if ending is None else source.open_prose(ending.reason),
        notes=read_notes(source, stream),
        ran=tuple(
            each
            for each in stints
            if each.version == event.version and each.since < row.index and (each.until is None or each.until > row.index)
        ),
        history=tuple(source.list_rows(stream, limit=MAX_HISTORY)),
    )


def _report(source: Source, row: EventRow, event: IncidentRecorded) -> Reported:
    state = source.state(f"incident/{row.event_id}", Incident)
    return Reported(
        row=row,
        severity=event.severity,
        hold=event.hold,
        status="open" if state is None else state.status,
        impact=source.open_prose(event.impact),
    )


@page("/incidents/{id_:str}")
def show_incident(request: Request[Any, Any, Any], hosted: NamedDependency[Hosted], id_: FromPath[str]) -> Response[bytes]:
    """What went wrong, with which version, and what became of it."""
    with open_source(hosted) as source:
        found = read_incident(source, id_)
    return render(request, hosted, "incident.html", f"Incident with {found.version_name or 'a version'}", found, section="models")


ROUTES = (show_incident,)
