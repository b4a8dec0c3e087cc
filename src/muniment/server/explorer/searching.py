"""The search: one text, whatever it is, and the page of the thing that it stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from types import MappingProxyType
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromQuery

from muniment.core.rules.records import Key
from muniment.errors import InvalidInput, NotFound
from muniment.index import Thing
from muniment.server.explorer import links
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page, redirect
from muniment.server.explorer.source import Source, open_source
from muniment.server.hosting import Hosted

MAX_CHARACTERS = 400
MAX_NEAR = 10
KINDS = MappingProxyType(
    {"data": "data set version", "dataset": "data set", "event": "entry", "header": "header of a block", "version": "model version"}
)
_FAMILIES = MappingProxyType({"data": "dataset", "version": "model"})
# What has a page of its own, and the id of the event that began it.
_BEGUN = ("incident", "run")
_OF_PAGES = frozenset({"actor", "data", "dataset", "deployment", "incident", "model", "run", "version"})
_commit = re.compile(r"[0-9a-f]{7,64}")


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that was found."""

    kind: str
    title: str
    href: str
    digest: str
    index: int


class SearchPage(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found. `asked` is the text; `hint` says what was perhaps meant where there is nothing."""

    asked: str
    hits: tuple[Hit, ...] = ()
    hint: str = ""
    near: tuple[str, ...] = ()


def search(source: Source, text: str) -> SearchPage:
    """Everything that a text may stand for."""
    try:
        return SearchPage(asked=text, hits=(_show_named(source, source.hosted.reader.resolve(text), text),))
    except InvalidInput as error:
        if error.code != "ambiguous":
            return SearchPage(asked=text, hint=error.hint)
        return SearchPage(asked=text, hits=tuple(_show_all(source, error)))
    except NotFound as error:
        hits = tuple(_find_commit(source, text.lower()))
        candidates = error.details.get("candidates")
        near = tuple(str(each) for each in candidates) if isinstance(candidates, list) else ()
        near = tuple(dict.fromkeys((*_list_like(source, text.lower()), *near)))[:MAX_NEAR]
        # A hint that only repeats the candidates is told by the list of them.
        return SearchPage(asked=text, hits=hits, hint="" if near else error.hint, near=near)


def _list_like(source: Source, text: str) -> Iterator[str]:
    """Names that hold a text."""
    index = source.index
    names = chain(
        (row.name for row in index.models()),
        (row.name for row in index.datasets()),
        (f"{row.environment}/{row.name}" for row in index.deployments()),
        (row.id for row in index.actors()),
    )
    return (name for name in names if text in name.lower())


def _show_all(source: Source, error: InvalidInput) -> Iterator[Hit]:
    candidates = error.details.get("candidates")
    for each in candidates if isinstance(candidates, list) else ():
        if isinstance(each, dict):
            yield _show(source, source.hosted.reader.resolve(each["text"]))


def _show_named(source: Source, thing: Thing, text: str) -> Hit:
    """A bare name means the newest version where one is asked about, and an id its entry; here both mean the thing itself."""
    begun = next((f"{kind}/{text}" for kind in _BEGUN if thing.kind == "event" and source.view.record(f"{kind}/{text}")), None)
    if begun is not None:
        kind = begun.partition("/")[0]
        return Hit(kind=kind, title=begun, href=links.link(source.base, begun), digest="", index=thing.index)
    family = _FAMILIES.get(thing.kind)
    if family is None or thing.name != text:
        return _show(source, thing)
    href = links.link(source.base, f"{family}/{thing.name}")
    return Hit(kind=KINDS.get(family, family), title=thing.name, href=href, digest="", index=thing.index)


def _show(source: Source, thing: Thing) -> Hit:
    digest = thing.digest or ""
    if thing.kind == "version" and thing.ordinal is not None:
        href = links.version(source.base, thing.name, thing.ordinal)
    elif thing.kind == "key" and thing.stream is not None:
        href = _place_key(source, thing)
    elif thing.kind in _OF_PAGES and thing.stream is not None:
        href = links.link(source.base, thing.stream)
    elif thing.kind == "policy":
        href = links.link(source.base, "policy")
    else:
        href = links.entry(source.base, thing.index)
    title = f"entry {thing.index}: {thing.name}" if thing.kind == "event" else thing.title()
    return Hit(kind=KINDS.get(thing.kind, thing.kind), title=title, href=href, digest=digest, index=thing.index)


def _place_key(source: Source, thing: Thing) -> str:
    """A key stands on the page of the actor who holds it."""
    state = source.state(str(thing.stream), Key)
    return links.entry(source.base, thing.index) if state is None else f"{links.actor(source.base, state.actor)}#keys"


def _find_commit(source: Source, text: str) -> Iterator[Hit]:
    """The runs whose code was at a commit, given by at least seven of its digits."""
    if _commit.fullmatch(text) is None:
        return
    for row in source.index.runs_at(text):
        event = row.event
        href = links.link(source.base, f"run/{event.event_id}")
        yield Hit(kind="run", title=f"run {event.event_id} at commit {row.commit[:12]}", href=href, digest="", index=event.index)


@page("/search")
def show_search(
    request: Request[Any, Any, Any], hosted: NamedDependency[Hosted], q: FromQuery[str] = "", also: FromQuery[str] = ""
) -> Response[bytes]:
    """The thing that a text stands for; a list where it is several things, and what can be asked for where it is none.

    `also` is another text for the same: a file has a digest of its own, and one as the only file of a model or data set.
    """
    asked, other = q.strip()[:MAX_CHARACTERS], also.strip()[:MAX_CHARACTERS]
    found = SearchPage(asked=asked)
    if asked:
        with open_source(hosted) as source:
            found = search(source, asked)
            if other and not found.hits:
                found = search(source, other)
    if len(found.hits) == 1:
        return redirect(found.hits[0].href)
    title = f"Search: {asked}" if asked else "Search"
    return render(request, hosted, "search.html", title, found)


ROUTES = (show_search,)
