"""The page on which a person says who he is. It tells nothing about any ledger, because nobody has signed in yet."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from litestar.types import Send

from muniment.server import guard
from muniment.server.access import credentials, origins, replies
from muniment.server.access.entrance import Access
from muniment.server.explorer import headers, rendering
from muniment.server.explorer.rendering import MEDIA_TYPE, Site

TITLE = "Sign in"
_DRAWN = "muniment.drawn"


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A provider by its name, and the path that leads there."""

    name: str
    path: str


class SignInPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows.

    next: the path to go on to; action: where the form goes; trouble: what was wrong with the last attempt, and its code
    """

    next: str
    action: str
    providers: tuple[Way, ...]
    trouble: str = ""
    code: str = ""


class SignedInPage(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody goes on who has just signed in."""

    next: str


def base_of(scope: Any) -> str:
    """What comes before every path of the request's ledger."""
    return guard.base_of(scope)


def draw(scope: Any, access: Access, path: str, *, trouble: str = "", code: str = "") -> bytes:
    """The page as HTML; `path` is where to go on to."""
    base, path = base_of(scope), origins.local_path(path)
    ways = [
        Way(name=name, path=f"/sign-in/{quote(name, safe='')}?{urlencode({'next': path})}")
        for name in access.providers.for_people()
    ]
    page = SignInPage(next=path, action=f"{base}/sign-in", providers=tuple(ways), trouble=trouble, code=code)
    return rendering.draw(Site(base=base), "sign_in.html", TITLE, page).encode()


def draw_signed_in(scope: Any, path: str) -> bytes:
    """The page after it, which goes on by itself.

    A redirect would not do: where the way here began at another site, the browser would follow it without the session's cookie.
    """
    return rendering.draw(Site(base=base_of(scope)), "signed_in.html", "Signed in", SignedInPage(next=path)).encode()


def sent(more: dict[str, str] | None = None) -> dict[str, str]:
    """The headers of these pages: nobody keeps them, and a form may say to us where it comes from (access.origins)."""
    return {**headers.SECURITY, "Referrer-Policy": "same-origin", "Cache-Control": "no-store", **(more or {})}


def note_drawn(scope: Any) -> None:
    """Say that the answer is this page already."""
    scope[_DRAWN] = True


def is_drawn(scope: Any) -> bool:
    """Is the answer this page already?"""
    return bool(scope.get(_DRAWN, False))


async def ask(scope: Any, send: Send, access: Access, more: list[tuple[str, str]]) -> None:
    """Answer a browser with status 401 and the page."""
    body = draw(scope, access, _asked(scope))
    said = [*sent().items(), ("WWW-Authenticate", 'Bearer realm="muniment"'), ("Vary", "Accept"), *more]
    await replies.answer(scope, send, 401, MEDIA_TYPE, body, said)


def _asked(scope: Any) -> str:
    """The page that was asked for, where one can go on to it."""
    path = base_of(scope) + str(scope["path"])
    query = scope.get("query_string", b"").decode("latin-1")
    if scope["method"] not in origins.SAFE or str(scope["path"]).startswith("/sign-"):
        return f"{base_of(scope)}/"
    whole = quote(path, safe="/:@!$&'()*+,;=~") + (f"?{query}" if query else "")
    return path if credentials.redact(whole) != whole else whole
