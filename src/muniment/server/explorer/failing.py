"""What went wrong, on the pages: as a page for somebody with a browser, with the same status, code and hint as for a program."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, cast

from litestar import Request, Response
from litestar.exceptions import HTTPException

from muniment.errors import MunimentError
from muniment.server import application, guard, problems
from muniment.server.explorer import rendering
from muniment.server.problems import Problem

_log = logging.getLogger("muniment.server")


def wants_page(request: Request[Any, Any, Any]) -> bool:
    """Does the asker name HTML among what he takes, as browsers do?"""
    return "text/html" in request.headers.get("Accept", "")


def tell(request: Request[Any, Any, Any], error: MunimentError) -> Response[bytes]:
    """The answer of a page's route to a request that an error ended."""
    if not wants_page(request):
        return application.tell(request, error)
    return show(request, problems.describe(error), problems.headers(error))


def show(request: Request[Any, Any, Any], problem: Problem, sent: dict[str, str] | None = None) -> Response[bytes]:
    """A problem as a page. Where nobody has signed in, access.authentication puts the way to do so in its place."""
    hosted = guard.ledger_of(cast(guard.Raw, request.scope))
    return rendering.render(request, hosted, "failure.html", problem.title, problem, status=problem.status, sent=sent)


def tell_missing(request: Request[Any, Any, Any]) -> Response[bytes]:
    """There is no such page: a wrong address, or a word where a number belongs."""
    hint = "Compare the address, or search for what you are looking for."
    missing = problems.build(404, "no-such-page", "No such page", "there is no page at this address", hint)
    return show(request, missing) if wants_page(request) else application.answer(missing)


def tell_elsewhere(request: Request[Any, Any, Any], status: int) -> Response[bytes] | None:
    """A page for an address that no route has, where a browser asks for one; None where a program asks."""
    path = str(request.scope["path"])
    if status != 404 or path.startswith("/v1/") or not wants_page(request):
        return None
    return tell_missing(request)


def _tell_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    return tell_missing(request)


def _tell_bug(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    if not wants_page(request):
        return application.tell_bug(request, error)
    _log.exception("a page failed", exc_info=error)
    return show(request, application.BUG)


def handlers() -> dict[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[Any]]]:
    """What the route of a page does with each kind of error."""
    return {MunimentError: tell, HTTPException: _tell_http, Exception: _tell_bug}
