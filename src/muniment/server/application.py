"""The ASGI application: which ledger a path means, who asks, and the routes of every part.

A path `/l/NAME/...` belongs to the ledger NAME, every other one to the ledger that is served at the root. Each part names its
routes in a tuple `ROUTES`; a route says the scope that it needs in `opt={"scope": ...}` (server.guard).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import msgspec
from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, ControllerRouterHandler, Receive, Scope, Send

from muniment.errors import MunimentError
from muniment.server import guard, problems
from muniment.server.caller import Caller
from muniment.server.hosting import Hosted, Hosting
from muniment.server.problems import Problem
from muniment.server.settings import Settings

_log = logging.getLogger("muniment.server")
LEDGER_PREFIX = "/l/"
ROOT = ""
BUG = problems.build(
    500,
    "bug",
    "Our mistake",
    "something went wrong here that is no fault of yours",
    "Tell whoever runs this server; its log says more.",
)


class Dispatch:
    """Finds the ledger that a path is about, and hands the rest of the path on."""

    def __init__(self, app: ASGIApp, hosting: Hosting) -> None:
        self._app = app
        self._hosting = hosting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = cast(guard.Raw, scope)
        if raw["type"] == "http":
            name, path = ROOT, str(raw["path"])
            if path.startswith(LEDGER_PREFIX):
                name, _, rest = path.removeprefix(LEDGER_PREFIX).partition("/")
                raw = {**raw, "path": f"/{rest}", "raw_path": f"/{rest}".encode(), "root_path": f"{LEDGER_PREFIX}{name}"}
            guard.note_ledger(raw, self._hosting.by_name.get(name))
        await self._app(cast(Scope, raw), receive, send)


Pages = Callable[[Request[Any, Any, Any], int], "Response[bytes] | None"]
"""What draws a page for an address that no route has, given the status; None where a program asks."""


def build(
    settings: Settings, hosting: Hosting, routes: Sequence[ControllerRouterHandler], *, pages: Pages | None = None, **options: Any
) -> Litestar:
    """The application over these ledgers. `options` are Litestar's own, such as hooks at start and end, and middleware."""
    return Litestar(
        list(routes),
        guards=[guard.check],
        dependencies={
            "hosted": Provide(_hosted),
            "caller": Provide(_caller),
            "settings": Provide(_settings),
        },
        exception_handlers={MunimentError: tell, HTTPException: partial(_tell_http, pages), Exception: tell_bug},
        state=State({"settings": settings, "hosting": hosting}),
        **options,
    )


def tell(request: Request[Any, Any, Any], error: MunimentError) -> Response[bytes]:
    """The answer to a request that an error ended."""
    return answer(problems.describe(error), problems.headers(error))


def answer(problem: Problem, headers: dict[str, str] | None = None) -> Response[bytes]:
    """A problem as it is sent."""
    return Response(
        content=msgspec.json.encode(problem), status_code=problem.status, media_type=problems.MEDIA_TYPE, headers=headers or {}
    )


def _tell_http(pages: Pages | None, request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the framework itself found wrong: no such path, method, parameter."""
    drawn = None if pages is None else pages(request, error.status_code)
    if drawn is not None:
        return drawn
    code = {400: "bad-request", 404: "no-such-page", 405: "bad-method", 413: "too-much"}.get(error.status_code, "http")
    extra = error.extra if isinstance(error.extra, list) else []
    said = "; ".join(f"{each.get('key')}: {each.get('message')}" for each in extra if isinstance(each, dict))
    title = error.detail.split(" for ")[0] or "Failed"
    hint = "The interface is described at /v1/openapi.json."
    return answer(problems.build(error.status_code, code, title, said or error.detail, hint), dict(error.headers or {}))


def tell_bug(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Our own mistake: told as such, without what it was about, and written to the log."""
    _log.exception("a request failed", exc_info=error)
    return answer(BUG)


async def _hosted(request: Request[Any, Any, Any]) -> Hosted:
    return guard.require_ledger(cast(guard.Raw, request.scope))


async def _caller(request: Request[Any, Any, Any]) -> Caller:
    return guard.caller_of(cast(guard.Raw, request.scope))


async def _settings(request: Request[Any, Any, Any]) -> Settings:
    found: Settings = request.app.state.settings
    return found
