"""Environments: what each asks of a version, what runs there, and what ran there when."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from muniment.core.rules.policy_text.sentence import describe_environment
from muniment.errors import NotFound
from muniment.index import DeploymentRow
from muniment.index.changes import Served
from muniment.index.rows import ChangeRow
from muniment.server.explorer.days import Asked, Then, ask, find_day, tell_day
from muniment.server.explorer.drawing import timeline
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.explorer.source import Source, open_source
from muniment.server.explorer.stints import MAX_STINTS, draw_lanes, read_place
from muniment.server.hosting import Hosted

CHANGES = 40
MAX_PLACES = 24
MAX_DAY_PLACES = 40


class EnvironmentLine(msgspec.Struct, frozen=True, kw_only=True):
    """An environment in the list; `listed` says whether the policy knows it."""

    name: str
    listed: bool
    sentences: tuple[str, ...]
    running: tuple[DeploymentRow, ...]
    stopped: int


class EnvironmentsPage(msgspec.Struct, frozen=True, kw_only=True):
    """All environments by name."""

    environments: tuple[EnvironmentLine, ...]


class EnvironmentPage(msgspec.Struct, frozen=True, kw_only=True):
    """One environment. `then` is what ran on the day that a visitor asked about; `older` where changes go on."""

    line: EnvironmentLine
    deployments: tuple[DeploymentRow, ...]
    timeline: str
    changes: tuple[ChangeRow, ...]
    older: int | None
    then: Then


def read_environments(source: Source) -> EnvironmentsPage:
    """The environments that the policy lists, and those where something was ever deployed."""
    rows = source.index.deployments()
    named = {each.name for each in source.policy.environments} | {each.environment for each in rows}
    return EnvironmentsPage(environments=tuple(_read_line(source, each, rows) for each in sorted(named)))


def read_environment(source: Source, name: str, asked: Asked, before: int | None = None) -> EnvironmentPage:
    """One environment, with the changes before an entry. Raises NotFound."""
    rows = source.index.deployments(name)
    line = _read_line(source, name, rows)
    if not line.listed and not rows:
        raise NotFound(f"there is no environment {name[:80]!r}", code="no-such-thing", hint="See all of them at /environments.")
    newest = sorted(rows, key=lambda each: each.index, reverse=True)
    stints = [stint for each in newest[:MAX_PLACES] for stint in read_place(source.index, name, each.name)]
    stints = sorted(stints, key=lambda each: each.since, reverse=True)[:MAX_STINTS]
    lanes = draw_lanes(stints, source.now, source.base, by_version=False)
    named = ("ran", f"What ran in {name}", "A lane for each deployment; the table of changes below says the same.")
    changes = source.index.changes(Served(environment=name), before=before, limit=CHANGES + 1)
    return EnvironmentPage(
        line=line,
        deployments=tuple(rows),
        timeline=timeline.draw(lanes, named),
        changes=tuple(changes[:CHANGES]),
        older=changes[CHANGES - 1].index if len(changes) > CHANGES else None,
        then=_read_then(source, asked, name, rows),
    )


def _read_then(source: Source, asked: Asked, environment: str, rows: list[DeploymentRow]) -> Then:
    """What ran in an environment in the span asked about; of very many deployments those that changed last."""
    newest = sorted(rows, key=lambda each: each.index, reverse=True)[:MAX_DAY_PLACES] if asked.day else []
    stints = [stint for each in newest for stint in find_day(source, asked, environment, each.name)]
    told = tell_day(source, asked, sorted(stints, key=lambda each: (each.name, each.since)))
    return msgspec.structs.replace(told, places=max(0, len(rows) - MAX_DAY_PLACES))


def _read_line(source: Source, name: str, rows: list[DeploymentRow]) -> EnvironmentLine:
    listed = source.policy.environment(name)
    here = [each for each in rows if each.environment == name]
    return EnvironmentLine(
        name=name,
        listed=listed is not None or not source.policy.environments,
        sentences=() if listed is None else tuple(describe_environment(listed)),
        running=tuple(each for each in here if each.status == "running"),
        stopped=sum(each.status != "running" for each in here),
    )


@page("/environments")
def show_environments(request: Request[Any, Any, Any], hosted: NamedDependency[Hosted]) -> Response[bytes]:
    """All environments."""
    with open_source(hosted) as source:
        found = read_environments(source)
    return render(request, hosted, "environments.html", "Environments", found, section="environments")


@page("/environments/{environment:str}")
def show_environment(
    request: Request[Any, Any, Any],
    hosted: NamedDependency[Hosted],
    environment: FromPath[str],
    day: FromQuery[str] = "",
    clock: FromQuery[str] = "",
    before: FromQuery[int | None] = None,
) -> Response[bytes]:
    """What runs in an environment, and what ran there on a day."""
    with open_source(hosted) as source:
        found = read_environment(source, environment, ask(source, day, clock), before)
    return render(request, hosted, "environment.html", environment, found, section="environments")


ROUTES = (show_environments, show_environment)
