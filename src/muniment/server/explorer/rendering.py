"""Pages from templates: one environment, which escapes everything and refuses a name that a template misspells.

    render(request, hosted, "entry.html", "Entry 12", page)

A template sees `page` (a struct of values), `site` (where it stands), `base` (what comes before every path), the modules `links`
and `wording`, and `asset(name)`. It extends `layout.html` and imports the macros of `pieces.html`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import jinja2
import msgspec
from litestar import Request, Response

from muniment import __version__
from muniment.core.format import digest as digests
from muniment.server import caching, guard
from muniment.server.explorer import assets, headers, links, wording
from muniment.server.hosting import Hosted
from muniment.server.standing import Alarm

MEDIA_TYPE = "text/html; charset=utf-8"


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Where a page stands: its ledger, if there is one, and who looks at it, where a person has signed in.

    section: the part of the navigation that the page belongs to: overview, models, datasets, environments, actors, policy,
    consortium, verify, or nothing
    origin, ledger: empty for somebody who may not read it
    consortium: whether this is a node among others
    diverged: whether it knows that it has another history than the others agreed on
    """

    base: str = ""
    origin: str = ""
    ledger: str = ""
    section: str = ""
    person: str = ""
    consortium: bool = False
    diverged: bool = False
    release: str = __version__


@cache
def environment() -> jinja2.Environment:
    """The one environment of templates."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        cache_size=-1,
    )
    made.globals.update({"links": links, "wording": wording, "grades": wording.GRADES, "clocks": wording.CLOCKS})
    made.filters.update(
        {
            "called": wording.called,
            "deed": wording.deed,
            "short": digests.short,
            "number": wording.number,
            "size": wording.size,
            "moment": wording.moment,
            "day": wording.day,
            "groups": wording.groups,
            "marked": wording.marked,
        }
    )
    return made


def render(
    request: Request[Any, Any, Any],
    hosted: Hosted | None,
    template: str,
    title: str,
    page: msgspec.Struct,
    *,
    section: str = "",
    status: int = 200,
    sent: dict[str, str] | None = None,
) -> Response[bytes]:
    """A page. `title` stands in the window and, unless the template says otherwise, as the page's heading.

    One that is unchanged since the browser saw it is answered with 304. `sent` are headers besides the usual ones.
    """
    site = _stand(request, hosted, section)
    html = draw(site, template, title, page)
    raw = html.encode()
    said = {**headers.SECURITY, "Cache-Control": "private, no-cache", "Vary": "Accept", **(sent or {})}
    if status != 200:
        return Response(content=raw, status_code=status, media_type=MEDIA_TYPE, headers=said)
    said["ETag"] = caching.tag(raw)
    if caching.is_known(request.headers, said["ETag"]):
        return Response(content=b"", status_code=304, headers=said)
    return Response(content=raw, media_type=MEDIA_TYPE, headers=said)


def draw(site: Site, template: str, title: str, page: msgspec.Struct) -> str:
    """The HTML of a page."""
    return (
        environment()
        .get_template(template)
        .render(site=site, base=site.base, title=title, page=page, asset=partial(assets.link, site.base))
    )


def _stand(request: Request[Any, Any, Any], hosted: Hosted | None, section: str) -> Site:
    raw = cast(guard.Raw, request.scope)
    caller = guard.caller_of(raw)
    if hosted is None or not caller.may("read", hosted.name):
        # A ledger is private: who may not read it is not told its name either, nor whether there is one at all.
        return Site(base="" if hosted is None and guard.may_read_any(caller) else guard.base_of(raw), section=section)
    return Site(
        base=hosted.base,
        origin=hosted.origin,
        ledger=hosted.reader.id,
        section=section,
        person=caller.id if caller.kind == "session" else "",
        consortium=request.app.state.get("standing") is not None,
        diverged=_is_diverged(request),
    )


def _is_diverged(request: Request[Any, Any, Any]) -> bool:
    """Asked for every page, so nothing is read for it."""
    listed: Callable[[], Sequence[Alarm]] | None = request.app.state.get("alarms")
    return listed is not None and any(each.code == "diverged" for each in listed())
