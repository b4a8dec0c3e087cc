"""Models: all of them, and one with its versions, what was decided about each, and where each of them ran."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromQuery

from muniment.core.rules.events import IncidentRecorded, OwnershipOffered
from muniment.core.rules.records import Model, Version
from muniment.errors import NotFound
from muniment.index import DeploymentRow, EventRow, ModelRow, VersionRow
from muniment.index.changes import Served
from muniment.server.explorer.decisions import MAX_DECISIONS
from muniment.server.explorer.drawing import timeline
from muniment.server.explorer.drawing.timeline import Mark
from muniment.server.explorer.measurements import tell_plan
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.explorer.source import Source, known, open_source, parse_time
from muniment.server.explorer.stints import MAX_STINTS, Stint, draw_lanes, read_ran
from muniment.server.hosting import Hosted

PAGE = 100
VERSIONS = 30
MAX_HISTORY = 20
_HANDING = ("ownership.offered", "ownership.accepted")


class ModelLine(msgspec.Struct, frozen=True, kw_only=True):
    """A model in the list, and where it runs now."""

    row: ModelRow
    running: tuple[DeploymentRow, ...]


class ModelsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Models by name; `next_` is the number of the page that goes on."""

    count: int
    models: tuple[ModelLine, ...]
    next_: int | None


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about a version for one environment, in short."""

    environment: str
    approved: tuple[str, ...]
    rejected: tuple[str, ...]


class VersionLine(msgspec.Struct, frozen=True, kw_only=True):
    """A version in the list. `before` is the digest of the one before it, to compare with."""

    row: VersionRow
    holds: int
    rulings: tuple[Ruling, ...]
    running: tuple[DeploymentRow, ...]
    before: str | None


class PlanLine(msgspec.Struct, frozen=True, kw_only=True):
    """What the model must reach."""

    index: int
    time: str
    actor: str
    words: str


class HandOver(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a change of owners; `to` is whom the model was offered to."""

    row: EventRow
    to: str


class ModelPage(msgspec.Struct, frozen=True, kw_only=True):
    """A model. `older` is the ordinal below which the list goes on.

    ran: what the timeline shows, as a list; ran_before: whether it ran before that as well
    """

    name: str
    owner: str
    offered_to: str
    count: int
    running: tuple[DeploymentRow, ...]
    versions: tuple[VersionLine, ...]
    older: int | None
    timeline: str
    ran: tuple[Stint, ...]
    ran_before: bool
    plans: tuple[PlanLine, ...]
    handed: tuple[HandOver, ...]
    history: tuple[EventRow, ...]


def read_models(source: Source, number: int) -> ModelsPage:
    """One page of the list; numbers begin at 1."""
    rows = source.index.models()
    shown = rows[(number - 1) * PAGE : number * PAGE]
    running: dict[str, list[DeploymentRow]] = {row.name: [] for row in shown}
    for each in source.index.deployments():
        if each.status == "running" and each.model in running:
            running[each.model].append(each)
    lines = tuple(ModelLine(row=row, running=tuple(running[row.name])) for row in shown)
    return ModelsPage(count=len(rows), models=lines, next_=number + 1 if number * PAGE < len(rows) else None)


def read_model(source: Source, name: str, before: int | None = None) -> ModelPage:
    """A model with its versions below an ordinal, the newest first. Raises NotFound."""
    state = source.state(f"model/{name}", Model)
    if state is None:
        source.hosted.reader.resolve(name, ["model"])
        raise NotFound(f"there is no model {name[:80]!r}", code="no-such-thing", hint="See all models at /models.")
    rows = source.index.versions(name)
    upto = [row for row in rows if before is None or row.ordinal < before]
    shown = list(reversed(upto[-VERSIONS:]))
    running = tuple(each for each in source.index.deployments() if each.model == name and each.status == "running")
    ordinals = {row.ordinal: row.digest for row in rows}
    every = read_ran(source.index, Served(model=name), lambda stint: stint.model == name)
    ran = every[:MAX_STINTS]
    incidents = _mark_holds(source, shown, ran)
    lanes = draw_lanes(ran, source.now, source.base, by_version=False, marks=incidents)
    named = ("ran", f"Where {name} ran", f"A lane for each deployment of {name}; the table below says the same.")
    return ModelPage(
        name=name,
        owner=known(state.owner),
        offered_to=known(state.offered_to),
        count=state.count,
        running=running,
        versions=tuple(_read_line(source, row, running, ordinals.get(row.ordinal - 1)) for row in shown),
        older=shown[-1].ordinal if shown and shown[-1].ordinal > 1 else None,
        timeline=timeline.draw(lanes, named),
        ran=ran,
        ran_before=len(every) > len(ran),
        plans=tuple(
            PlanLine(
                index=row.index,
                time=row.time,
                actor=row.actor,
                words=tell_plan(row.metric, row.comparator, row.threshold, row.dataset_role),
            )
            for row in reversed(source.index.plans(name))
        ),
        handed=tuple(_read_handing(source, row) for row in source.list_rows(f"model/{name}", _HANDING)),
        history=tuple(source.list_rows(f"model/{name}", limit=MAX_HISTORY)),
    )


def _mark_holds(source: Source, rows: list[VersionRow], ran: tuple[Stint, ...]) -> tuple[Mark, ...]:
    """Incidents that held a version, where it ran as it was held."""
    shown = {row.digest for row in rows}
    marks = []
    for version in dict.fromkeys(each.version for each in ran if each.version in shown):
        for row, event in source.list_events(f"version/{version}", IncidentRecorded, MAX_HISTORY):
            stint = next((each for each in ran if each.version == version and each.since < row.index), None)
            if event.hold and stint is not None:
                told = f"{stint.title} was put on hold, {row.time[:16].replace('T', ' ')} UTC"
                marks.append(Mark(lane=stint.place, sign="hold", at=parse_time(row.time), told=told))
    return tuple(marks)


def _read_line(source: Source, row: VersionRow, running: tuple[DeploymentRow, ...], before: str | None) -> VersionLine:
    state = source.state(f"version/{row.digest}", Version)
    rulings: dict[str, tuple[list[str], list[str]]] = {}
    for each in source.index.approvals(row.digest, MAX_DECISIONS):
        if each.revoked is None and each.decision in ("approve", "reject"):
            said = rulings.setdefault(each.environment, ([], []))[each.decision == "reject"]
            if each.actor not in said:
                said.append(each.actor)
    return VersionLine(
        row=row,
        holds=0 if state is None else state.holds,
        rulings=tuple(
            Ruling(environment=environment, approved=tuple(approved), rejected=tuple(rejected))
            for environment, (approved, rejected) in sorted(rulings.items())
        ),
        running=tuple(each for each in running if each.version == row.digest),
        before=before,
    )


def _read_handing(source: Source, row: EventRow) -> HandOver:
    offered = source.find(row.index, OwnershipOffered)
    return HandOver(row=row, to="" if offered is None else offered.to)


@page("/models")
def show_models(request: Request[Any, Any, Any], hosted: NamedDependency[Hosted], number: FromQuery[int] = 1) -> Response[bytes]:
    """All models."""
    with open_source(hosted) as source:
        found = read_models(source, max(number, 1))
    return render(request, hosted, "models.html", "Models", found, section="models")


ROUTES = (show_models,)
