"""Whether a browser's request came from a page of ours: what stands between a session and every other site."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from muniment.server.problems import Forbidden
from muniment.server.settings import Settings

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_PATH = 2_048


def check(scope: Any, settings: Settings) -> None:
    """Check that a request comes from a page of this server. Raises Forbidden (`cross-site`).

    Browsers say so in `Sec-Fetch-Site`, which decides where it is there, and in `Origin`, the only one over plain HTTP; no page of
    another site can write either. A page that hides where it leads from has the origin `null`, which says nothing. A request that
    says nothing at all was not made by a page.
    """
    site, origin, host = (_all(scope, name) for name in (b"sec-fetch-site", b"origin", b"host"))
    mine = [own(scope, settings)]
    fits = site == ["same-origin"] and origin in ([], ["null"], mine) if site else origin == mine
    if not fits or len(host) > 1:
        raise Forbidden(
            "this request does not come from a page of this server",
            code="cross-site",
            hint="Use the page itself, or send a token in the header Authorization.",
        )


def own(scope: Any, settings: Settings) -> str:
    """The origin of this server as a browser sees it: by the settings, else by the request's own host."""
    if settings.url:
        parts = urlsplit(settings.url)
        return f"{parts.scheme}://{parts.netloc}"
    host = _all(scope, b"host")
    return f"{scope.get('scheme', 'http')}://{host[0] if host else ''}"


def local_path(text: str) -> str:
    """A path on this server, or `/` for anything else: nobody is sent to another site from here.

    Browsers read `//host` and `/\\host` as other hosts, and drop control characters before they look.
    """
    good = text.startswith("/") and not text.startswith(("//", "/\\")) and len(text) <= MAX_PATH
    if not good or "\\" in text or any(each <= " " or each == "\x7f" for each in text):
        return "/"
    # Whatever a program makes of it, it must stay a path.
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc else text


def _all(scope: Any, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
