"""What a version or data set was made of, and what was made of it, as far up and down as the visitor asks."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from muniment.errors import NotFound
from muniment.server.explorer.drawing import graph
from muniment.server.explorer.kinship import Kin, draw_kin, read_kin
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.explorer.source import Source, open_source
from muniment.server.hosting import Hosted

MAX_STEPS = 12


class LineagePage(msgspec.Struct, frozen=True, kw_only=True):
    """The things around one, so many steps `up` and `down`."""

    kind: str
    digest: str
    title: str
    up: int
    down: int
    kin: Kin
    drawing: str


def read_lineage(source: Source, kind: str, digest: str, up: int, down: int) -> LineagePage:
    """The things around a version or data set. Raises NotFound, InvalidInput for what is no digest."""
    if kind not in ("data", "version"):
        raise NotFound(f"{kind[:40]} has no lineage", code="no-such-thing", hint="Name a version or a data set.")
    found = source.hosted.reader.resolve(f"{kind}/{digest}", ["data" if kind == "data" else "version"])
    stream = f"{kind}/{found.digest}"
    up, down = min(max(up, 0), MAX_STEPS), min(max(down, 0), MAX_STEPS)
    kin = read_kin(source, stream, up=up, down=down)
    title = found.title()
    named = ("kin", f"Where {title} comes from, and what came of it", f"{len(kin.things)} things; the table below says the same.")
    return LineagePage(
        kind=kind,
        digest=found.digest or digest,
        title=title,
        up=up,
        down=down,
        kin=kin,
        drawing=graph.draw(draw_kin(kin, source.base), named),
    )


@page("/lineage/{kind:str}/{digest:str}")
def show_lineage(
    request: Request[Any, Any, Any],
    hosted: NamedDependency[Hosted],
    kind: FromPath[str],
    digest: FromPath[str],
    up: FromQuery[int] = 1,
    down: FromQuery[int] = 1,
) -> Response[bytes]:
    """The lineage of a version or data set."""
    with open_source(hosted) as source:
        found = read_lineage(source, kind, digest, up, down)
    section = "datasets" if kind == "data" else "models"
    return render(request, hosted, "lineage.html", f"Lineage of {found.title}", found, section=section)


ROUTES = (show_lineage,)
