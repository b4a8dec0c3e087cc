"""The actors, and the page of one: who he is, with which keys he signs, what he may do, and what he did lately."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from muniment.core.format import state_map
from muniment.core.rules import policy_text
from muniment.core.rules.records import Actor
from muniment.errors import NotFound
from muniment.index import ActorRow, EventRow, KeyRow
from muniment.server.explorer import links
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.explorer.source import Source, open_source
from muniment.server.hosting import Hosted

LIMIT = 30
MAX_LISTED = 500


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """An actor in the list; `keys` are usable now."""

    row: ActorRow
    keys: int


class ActorsPage(msgspec.Struct, frozen=True, kw_only=True):
    """All actors, persons first. `more` are left out of a very long list; the search finds them."""

    listed: tuple[Listed, ...]
    more: int


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A key with how it stands: "in force", "ended", "disputed" or "expired"."""

    row: KeyRow
    standing: str
    tone: str


class ActorPage(msgspec.Struct, frozen=True, kw_only=True):
    """An actor. `may` are sentences by the policy in force; `services` are those that this person answers for."""

    row: ActorRow
    status: str
    keys: tuple[Held, ...]
    may: tuple[str, ...]
    services: tuple[str, ...]
    models: tuple[str, ...]
    rows: tuple[EventRow, ...]
    acts: int
    older: str | None
    answer: str


def read_actors(source: Source) -> ActorsPage:
    """Read the list of actors."""
    live: dict[str, int] = {}
    for key in source.index.keys_of():
        if stand(key, source.now)[0] == "in force":
            live[key.actor] = live.get(key.actor, 0) + 1
    rows = sorted(source.index.actors(), key=lambda row: (row.kind != "person", row.id))
    listed = tuple(Listed(row=row, keys=live.get(row.id, 0)) for row in rows[:MAX_LISTED])
    return ActorsPage(listed=listed, more=len(rows) - len(listed))


def read_actor(source: Source, name: str, before: int | None = None) -> ActorPage:
    """Read an actor. Raises NotFound."""
    actors = source.index.actors()
    row = next((each for each in actors if each.id == name), None)
    if row is None:
        raise NotFound(f"there is no actor {name[:80]!r}", code="no-such-actor", hint="The page Actors lists them all.")
    state = source.state(f"actor/{name}", Actor)
    rows = tuple(source.index.events(stream=f"acts/{name}", before=before, limit=LIMIT))
    older = f"{links.actor(source.base, name)}?before={rows[-1].index}" if len(rows) == LIMIT else None
    held = (
        Held(row=each, standing=said, tone=tone) for each in source.index.keys_of(name) for said, tone in [stand(each, source.now)]
    )
    return ActorPage(
        row=row,
        status="" if state is None else state.status,
        keys=tuple(held),
        may=tuple(policy_text.describe_role(role) for role in source.policy.roles if role.name in row.roles),
        services=tuple(each.id for each in actors if name in each.responsible),
        models=tuple(each.name for each in source.index.models() if each.owner == name),
        rows=rows,
        acts=_count(source, f"acts/{name}"),
        older=older,
        answer=links.answer(source.base, "prove", thing=f"actor/{name}"),
    )


def _count(source: Source, stream: str) -> int:
    raw = source.view.record(stream)
    return 0 if raw is None else state_map.decode_record(raw).count


def stand(key: KeyRow, now: str) -> tuple[str, str]:
    """How a key stands at a time, in words, and the tone in which that is shown."""
    if key.disputed_from is not None:
        return "disputed", "bad"
    if key.until is not None:
        return "ended", "plain"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired", "plain"
    return "in force", "good"


@page("/actors")
def show_actors(request: Request[Any, Any, Any], hosted: NamedDependency[Hosted]) -> Response[bytes]:
    """The list of actors."""
    with open_source(hosted) as source:
        read = read_actors(source)
    return render(request, hosted, "actors.html", "Actors", read, section="actors")


@page("/actors/{name:str}")
def show_actor(
    request: Request[Any, Any, Any], hosted: NamedDependency[Hosted], name: FromPath[str], before: FromQuery[int | None] = None
) -> Response[bytes]:
    """The page of an actor."""
    with open_source(hosted) as source:
        read = read_actor(source, name, before)
    return render(request, hosted, "actor.html", read.row.id, read, section="actors")


ROUTES = (show_actors, show_actor)
