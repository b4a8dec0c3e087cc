"""The first page: what this ledger is, how far it can be trusted, what runs where, what waits for somebody, what happened last."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency

from muniment.core.rules.records import Key, Version
from muniment.index import DeploymentRow, EventRow, IncidentRow, ModelRow
from muniment.server import guard
from muniment.server.access import entrance
from muniment.server.access.pending import Pending
from muniment.server.explorer import standing
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.explorer.source import Source, open_source
from muniment.server.explorer.standing import Weight
from muniment.server.hosting import Hosted

MAX_BLOCKS = 8
MAX_EVENTS = 4
MAX_MODELS = 12
MAX_PLACES = 12
MAX_INCIDENTS = 9
MAX_REQUESTS = 9


class Recent(msgspec.Struct, frozen=True, kw_only=True):
    """A block with its newest events; `events` is how many it has."""

    height: int
    time: str
    events: int
    rows: tuple[EventRow, ...]


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """What runs somewhere. `held` says that a hold is open for its version."""

    row: DeploymentRow
    held: bool


class Modelled(msgspec.Struct, frozen=True, kw_only=True):
    """A model, and where versions of it run: `production/loans` with its ordinal."""

    row: ModelRow
    running: tuple[DeploymentRow, ...]


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """An open incident. `title` is that of its version."""

    row: IncidentRow
    title: str


class OverviewPage(msgspec.Struct, frozen=True, kw_only=True):
    """The overview. `models` and `places` may be cut short; their counts are whole."""

    size: int
    height: int
    founded: str
    newest: str
    weight: Weight
    blocks: tuple[Recent, ...]
    places: tuple[Placed, ...]
    place_count: int
    models: tuple[Modelled, ...]
    model_count: int
    incidents: tuple[Open, ...]
    more_incidents: bool
    offers: tuple[ModelRow, ...]
    requests: tuple[Pending, ...]


def read_overview(source: Source, requests: tuple[Pending, ...] = ()) -> OverviewPage:
    """Read the overview. `requests` are the keys that wait for admission, for somebody who may see them."""
    view, index = source.view, source.index
    models, deployments = index.models(), index.deployments()
    running = [row for row in deployments if row.status == "running"]
    incidents = index.open_incidents(MAX_INCIDENTS + 1)
    return OverviewPage(
        size=view.size,
        height=view.height,
        founded=view.header(0).time,
        newest=view.header(view.height).time,
        weight=standing.weigh(view.checkpoint, source.hosted.writer.believe(view)),
        blocks=tuple(_read_block(source, height) for height in range(view.height, max(view.height - MAX_BLOCKS, -1), -1)),
        places=tuple(Placed(row=row, held=_is_held(source, row.version)) for row in running[:MAX_PLACES]),
        place_count=len(running),
        models=tuple(
            Modelled(row=row, running=tuple(each for each in running if each.model == row.name)) for row in models[:MAX_MODELS]
        ),
        model_count=len(models),
        incidents=tuple(_name_incident(source, each) for each in incidents[:MAX_INCIDENTS]),
        more_incidents=len(incidents) > MAX_INCIDENTS,
        offers=tuple(row for row in models if row.offered_to is not None),
        # What was admitted meanwhile waits no more.
        requests=tuple(each for each in requests if source.state(f"key/{each.key}", Key) is None),
    )


def _read_block(source: Source, height: int) -> Recent:
    header = source.view.header(height)
    first = 0 if height == 0 else source.view.header(height - 1).size + 1
    rows = source.index.events(before=header.size, limit=min(MAX_EVENTS, header.size - first))
    return Recent(height=height, time=header.time, events=header.size - first, rows=tuple(rows))


def _is_held(source: Source, version: str) -> bool:
    state = source.state(f"version/{version}", Version)
    return state is not None and state.holds > 0


def _name_incident(source: Source, row: IncidentRow) -> Open:
    return Open(row=row, title=row.event.thing if row.event.digest is None else source.name(row.event.digest) or row.event.thing)


def _list_requests(request: Request[Any, Any, Any], hosted: Hosted) -> tuple[Pending, ...]:
    """The keys that wait for somebody who may admit them; nothing for anybody else."""
    raw = cast(guard.Raw, request.scope)
    if entrance.ACCESS not in raw or not guard.caller_of(raw).may("admin", hosted.name):
        return ()
    return entrance.access_of(raw).requests.list(hosted.name, None)[:MAX_REQUESTS]


@page("/")
def show_overview(request: Request[Any, Any, Any], hosted: NamedDependency[Hosted]) -> Response[bytes]:
    """The first page of a ledger."""
    with open_source(hosted) as source:
        read = read_overview(source, _list_requests(request, hosted))
    return render(request, hosted, "overview.html", hosted.origin, read, section="overview")


ROUTES = (show_overview,)
