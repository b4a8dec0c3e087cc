"""The pages below `/models/`: a model by its name, or one of its versions by its ordinal. Names may hold slashes."""

from __future__ import annotations

import re
from typing import Any

from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from msgspec.structs import replace

from muniment.core.rules.records import Model
from muniment.server import badges
from muniment.server.explorer import links
from muniment.server.explorer.models import read_model
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page, redirect
from muniment.server.explorer.source import Source, open_source
from muniment.server.explorer.versions import VersionPage, find_version, read_version
from muniment.server.hosting import Hosted
from muniment.server.settings import Settings

_ordinal = re.compile(r"[1-9][0-9]{0,14}\Z", re.ASCII)


def split(source: Source, path: str) -> tuple[str, int | None]:
    """The model, and the ordinal of a version, that a path means.

    Where `a/3` is the name of a model as well, the path is that model's: version 3 of `a` is then reached by its digest.
    """
    name, _, last = path.rpartition("/")
    if name and _ordinal.match(last) and source.state(f"model/{path}", Model) is None:
        return name, int(last)
    return path, None


@page("/models/{path:path}")
def show_model(
    request: Request[Any, Any, Any],
    hosted: NamedDependency[Hosted],
    settings: NamedDependency[Settings],
    path: FromPath[str],
    before: FromQuery[int | None] = None,
) -> Response[bytes]:
    """A model, or one of its versions."""
    with open_source(hosted) as source:
        name, ordinal = split(source, path.strip("/"))
        if ordinal is None:
            model = read_model(source, name, before)
            return render(request, hosted, "model.html", name, model, section="models")
        version = read_version(source, name, ordinal)
    return _show(request, hosted, settings, version)


@page("/versions/{digest:str}")
def show_version(
    request: Request[Any, Any, Any], hosted: NamedDependency[Hosted], settings: NamedDependency[Settings], digest: FromPath[str]
) -> Response[bytes]:
    """A version by its digest: leads to its page by name, unless another model has taken that address."""
    with open_source(hosted) as source:
        name, ordinal = find_version(source, digest)
        if split(source, f"{name}/{ordinal}")[1] is not None:
            return redirect(links.version(hosted.base, name, ordinal))
        version = read_version(source, name, ordinal)
    return _show(request, hosted, settings, version)


def _show(request: Request[Any, Any, Any], hosted: Hosted, settings: Settings, version: VersionPage) -> Response[bytes]:
    """The page of a version, with what shows its badge elsewhere."""
    badge = badges.snippet(settings, hosted, f"version/{version.digest}")
    return render(request, hosted, "version.html", version.title, replace(version, badge=badge), section="models")


ROUTES = (show_model, show_version)
