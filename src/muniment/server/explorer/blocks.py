"""The page of a block: its header, and the events that it sealed."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from muniment.core.rules import members
from muniment.core.rules.members import Fault, Validators
from muniment.errors import NotFound
from muniment.index import EventRow
from muniment.ledger.store import memberships
from muniment.server.explorer import links
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.explorer.source import Source, open_source
from muniment.server.hosting import Hosted

LIMIT = 100


class BlockPage(msgspec.Struct, frozen=True, kw_only=True):
    """A block: entries `first` to `header`, the last of which is its header. `rows` are its newest events before `before`.

    validators: the members after it, where it changed them; faults: what it proves of validators

    root, state, previous: hex; the root of all entries before the header, of the state map, and the leaf of the header before
    """

    height: int
    newest: int
    time: str
    first: int
    header: int
    events: int
    root: str
    state: str
    previous: str
    rows: tuple[EventRow, ...]
    older: str | None
    answer: str
    validators: Validators | None
    faults: tuple[Fault, ...]


def read_block(source: Source, height: int, before: int | None = None) -> BlockPage:
    """Read a block. Raises NotFound."""
    view = source.view
    if not 0 <= height <= view.height:
        raise NotFound(f"there is no block {height}", code="no-such-block", hint=f"The newest block is {view.height}.")
    header = view.header(height)
    first = 0 if height == 0 else view.header(height - 1).size + 1
    rows = tuple(row for row in _list_events(source, header.size, before) if row.index >= first)
    older = rows[-1].index if rows and rows[-1].index > first else None
    return BlockPage(
        height=height,
        newest=view.height,
        time=header.time,
        first=first,
        header=header.size,
        events=header.size - first,
        root=header.root,
        state=header.state,
        previous=header.previous,
        rows=rows,
        older=None if older is None else f"{links.block(source.base, height)}?before={older}",
        answer=links.answer(source.base, "prove", thing=f"entry/{header.size}"),
        validators=memberships.read(header),
        faults=() if header.evidence is msgspec.UNSET else members.decode_faults(bytes(header.evidence)),
    )


def _list_events(source: Source, header: int, before: int | None) -> list[EventRow]:
    return source.index.events(before=header if before is None else min(header, before), limit=LIMIT)


@page("/blocks/{height:int}")
def show_block(
    request: Request[Any, Any, Any], hosted: NamedDependency[Hosted], height: FromPath[int], before: FromQuery[int | None] = None
) -> Response[bytes]:
    """The page of a block."""
    with open_source(hosted) as source:
        read = read_block(source, height, before)
    return render(request, hosted, "block.html", f"Block {height}", read)


ROUTES = (show_block,)
