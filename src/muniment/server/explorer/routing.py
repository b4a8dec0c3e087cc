"""The routes of pages: for readers, in HTML, with errors as pages.

@page("/entries/{index:int}")
def show_entry(request: Asked, hosted: NamedDependency[Hosted], index: FromPath[int]) -> Response[bytes]:
    with open_source(hosted) as source:
        return render(request, hosted, "entry.html", f"Entry {index}", read_entry(source, index))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from muniment.server.explorer.failing import handlers
from muniment.server.explorer.rendering import MEDIA_TYPE


def page(path: str | list[str], *, scope: str = "read") -> Callable[[Callable[..., Any]], HTTPRouteHandler]:
    """Make a function the route of a page. It runs in a thread."""
    return get(
        path,
        opt={"scope": scope},
        media_type=MEDIA_TYPE,
        include_in_schema=False,
        exception_handlers=handlers(),
        sync_to_thread=True,
    )


def redirect(path: str, *, permanent: bool = False) -> Response[bytes]:
    """To another page of ours; `path` is within this server and begins with the ledger's base."""
    return Response(content=b"", status_code=308 if permanent else 303, headers={"Location": path})
