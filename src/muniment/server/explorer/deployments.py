"""One deployment: what runs under its name now, who approved that, and what ran there on any day."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from msgspec.structs import replace

from muniment.core.rules.events import DeploymentObserved, IncidentRecorded, ParameterChanged
from muniment.core.rules.records import Deployment
from muniment.errors import NotFound
from muniment.index import EventRow
from muniment.server import badges
from muniment.server.explorer.days import Asked, Put, Then, ask, find_day, read_put, tell_day
from muniment.server.explorer.drawing import timeline
from muniment.server.explorer.drawing.timeline import Mark
from muniment.server.explorer.measurements import tell_value
from muniment.server.explorer.notes import Note, read_notes
from muniment.server.explorer.origins import Ingredient, read_data
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.explorer.source import Source, open_source, parse_time
from muniment.server.explorer.stints import Stint, draw_lanes, read_place
from muniment.server.hosting import Hosted
from muniment.server.settings import Settings

MAX_HISTORY = 40
MAX_SEEN = 10
MAX_SETTINGS = 100


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody looked at what really serves."""

    row: EventRow
    digest: str
    name: str
    means: str
    matches: bool


class DeploymentPage(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment. `stint` is what runs now, None where nothing does; `put` how it came there; `ran` everything before it.

    `data` is what the version that runs now learned from by its own registration and run.
    """

    environment: str
    name: str
    status: str
    stint: Stint | None
    put: Put | None
    holds: int
    data: tuple[Ingredient, ...]
    then: Then
    timeline: str
    ran: tuple[Stint, ...]
    settings: tuple[tuple[str, str, int], ...]
    seen: tuple[Seen, ...]
    notes: tuple[Note, ...]
    now: str
    history: tuple[EventRow, ...]
    badge: str = ""

    @property
    def place(self) -> str:
        """`production/credit-risk`"""
        return f"{self.environment}/{self.name}"


def read_deployment(source: Source, environment: str, name: str, asked: Asked) -> DeploymentPage:
    """A deployment by its environment and name. Raises NotFound."""
    stream = f"deployment/{environment}/{name}"
    state = source.state(stream, Deployment)
    if state is None:
        source.hosted.reader.resolve(f"{environment}/{name}", ["deployment"])
        raise NotFound(f"there is no deployment {environment}/{name}"[:200], code="no-such-thing", hint="See all at /environments.")
    ran = read_place(source.index, environment, name)
    stint = ran[0] if ran and ran[0].until is None else None
    marks = _read_holds(source, ran)
    named = ("ran", f"What ran in {environment}/{name}", "A lane for each version; the table below says the same.")
    return DeploymentPage(
        environment=environment,
        name=name,
        status=state.status,
        stint=stint,
        put=None if stint is None else read_put(source, stint.version, stint.since),
        holds=len([each for each in marks if stint is not None and each.lane == stint.title]),
        data=() if stint is None else read_data(source, stint.version),
        then=tell_day(source, asked, find_day(source, asked, environment, name)),
        timeline=timeline.draw(draw_lanes(ran, source.now, source.base, by_version=True, marks=marks), named),
        ran=ran,
        settings=_read_settings(source, stream),
        seen=tuple(_see(source, *each) for each in source.list_events(stream, DeploymentObserved, MAX_SEEN)),
        notes=read_notes(source, stream),
        now=source.now,
        history=tuple(source.list_rows(stream, limit=MAX_HISTORY)),
    )


def _read_holds(source: Source, ran: tuple[Stint, ...]) -> tuple[Mark, ...]:
    """When versions that ran here were put on hold."""
    marks = []
    for version in list(dict.fromkeys(each.version for each in ran))[: timeline.MAX_LANES]:
        title = next(each.title for each in ran if each.version == version)
        for row, event in source.list_events(f"version/{version}", IncidentRecorded, MAX_SEEN):
            if event.hold:
                told = f"{title} was put on hold, {row.time[:16].replace('T', ' ')} UTC"
                marks.append(Mark(lane=title, sign="hold", at=parse_time(row.time), told=told))
    return tuple(marks)


def _read_settings(source: Source, stream: str) -> tuple[tuple[str, str, int], ...]:
    """The settings of this deployment as they stand: what each is called, its value, the entry that set it."""
    found: dict[str, tuple[str, str, int]] = {}
    for row, event in reversed(source.list_events(stream, ParameterChanged, MAX_SETTINGS)):
        value = "not set" if event.new is msgspec.UNSET else tell_value(event.new)
        found[f"{event.target} {event.path}"] = (f"{event.target} {event.path}", value, row.index)
    return tuple(found[each] for each in sorted(found))


def _see(source: Source, row: EventRow, event: DeploymentObserved) -> Seen:
    name = source.name(event.seen) or "something that is not recorded"
    return Seen(row=row, digest=event.seen, name=name, means=event.means, matches=event.matches)


@page("/environments/{environment:str}/{name:path}")
def show_deployment(
    request: Request[Any, Any, Any],
    hosted: NamedDependency[Hosted],
    settings: NamedDependency[Settings],
    environment: FromPath[str],
    name: FromPath[str],
    day: FromQuery[str] = "",
    clock: FromQuery[str] = "",
) -> Response[bytes]:
    """What runs under a name, and what ran there on a day."""
    with open_source(hosted) as source:
        found = read_deployment(source, environment, name.strip("/"), ask(source, day, clock))
    badge = badges.snippet(settings, hosted, f"deployment/{found.place}")
    return render(request, hosted, "deployment.html", found.place, replace(found, badge=badge), section="environments")


ROUTES = (show_deployment,)
