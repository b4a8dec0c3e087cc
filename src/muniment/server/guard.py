"""The one guard: every route says which scope it needs, and one that says nothing is for administrators.

A caller's right lets a request reach the ledger. What becomes an entry is decided by the signature and the rules alone.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, cast
from urllib.parse import quote

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from muniment.errors import NotFound
from muniment.server.caller import ANONYMOUS, Caller
from muniment.server.hosting import Hosted
from muniment.server.problems import Forbidden, Unauthenticated

# What a route may ask for in `opt["scope"]` besides read, write and admin: nothing, and nothing where the server is public.
OPEN = "open"
TILES = "tiles"

MEMBERS = "/v1/cosignatures"
"""Where the nodes of a consortium speak to each other, several times a block: each line there is its own ticket."""

Raw = MutableMapping[str, Any]
"""A connection's ASGI scope; two entries of it are ours."""
_CALLER = "muniment.caller"
_HOSTED = "muniment.hosted"
_NOWHERE = "/"
"""No ledger is served under this name."""


def caller_of(scope: Raw) -> Caller:
    """Who asks."""
    return cast(Caller, scope.get(_CALLER, ANONYMOUS))


def ledger_of(scope: Raw) -> Hosted | None:
    """The ledger that the path is about; None where there is none of that name."""
    return cast("Hosted | None", scope.get(_HOSTED))


def require_ledger(scope: Raw) -> Hosted:
    """The ledger that the path is about. Raises NotFound (`no-such-ledger`), which only those are told who may read all."""
    found = ledger_of(scope)
    if found is None:
        if not may_read_any(caller_of(scope)):
            raise refuse(caller_of(scope), "read")
        raise NotFound("no ledger is served here", code="no-such-ledger", hint="Compare the address with the one you were given.")
    return found


def base_of(scope: Raw) -> str:
    """What goes before every path of the request's ledger; the same where there is none, so that its absence is no news."""
    hosted = ledger_of(scope)
    return quote(str(scope.get("root_path", ""))) if hosted is None else hosted.base


def may_read_any(caller: Caller) -> bool:
    """Whether somebody may know which ledgers there are."""
    return caller.may("read", _NOWHERE)


def note_caller(scope: Raw, caller: Caller) -> None:
    """Say who asks; access.authentication does so before any route runs."""
    scope[_CALLER] = caller


def note_ledger(scope: Raw, hosted: Hosted | None) -> None:
    """Say which ledger the path is about."""
    scope[_HOSTED] = hosted


async def check(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Let a caller through who has the scope of the route for this ledger. Raises Unauthenticated, Forbidden.

    Async, because the framework runs what is not in a thread, which costs more than the whole check.
    """
    scope = str(handler.opt.get("scope", "admin"))
    if scope == OPEN or (scope == TILES and connection.app.state.settings.public):
        return
    raw = cast(Raw, connection.scope)
    caller, hosted = caller_of(raw), ledger_of(raw)
    needed = "read" if scope == TILES else scope
    # Whoever may read some ledgers only is not told which others there are.
    if caller.may(needed, _NOWHERE if hosted is None else hosted.name):
        return
    raise refuse(caller, needed)


def refuse(caller: Caller, needed: str) -> Unauthenticated | Forbidden:
    """Why somebody may not do what needs a scope."""
    if caller.kind == "anonymous":
        return Unauthenticated("this needs a token")
    if needed in caller.scopes or "admin" in caller.scopes:
        return Forbidden(
            "this token is for other ledgers", hint="Use the address of a ledger that it is for, or ask for another token."
        )
    return Forbidden(
        f"this needs the scope {needed}", hint=f"Ask an administrator for a token with --scope {needed}.", details={"scope": needed}
    )
