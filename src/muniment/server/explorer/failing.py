"""What went wrong, on the pages: as a page for somebody with a browser, with the same status, code and hint as for a program."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, cast

from litestar import Request, Response
from litestar.exceptions import HTTPException

from muniment.errors import MunimentError
from muniment.server import application, guard, problems
from muniment.server.explorer import rendering
from muniment.server.problems import Problem


def wants_page(request: Request[Any, Any, Any]) -> bool:
    """Does the asker name HTML among what he takes, as browsers do?"""
    return "text/html" in request.headers.get("Accept", "")


def tell(request: Request[Any, Any, Any], error: MunimentError) -> Response[bytes]:
    """The answer of a page's route to a request that an error ended."""
    if not wants_page(request):
        return application.tell(request, error)
    return show(request, problems.describe(error), problems.headers(error))


def show(request: Request[Any, Any, Any], problem: Problem, sent: dict[str, str] | None = None) -> Response[bytes]:
    """A problem as a page; one that nobody has signed in for has the way to do so."""
    hosted = guard.ledger_of(cast(guard.Raw, request.scope))
    template = "sign_in.html" if problem.status == 401 else "failure.html"
    return rendering.render(request, hosted, template, problem.title, problem, status=problem.status, sent=sent)


def _tell_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    # A path with a word where a number belongs, for example: there is no such page.
    missing = Problem(
        type=f"{problems.TYPE}no-such-page",
        title="No such page",
        status=404,
        detail="there is no page at this address",
        code="no-such-page",
        hint="Compare the address, or search for what you are looking for.",
    )
    return show(request, missing) if wants_page(request) else application.answer(missing)


HANDLERS = MappingProxyType({MunimentError: tell, HTTPException: _tell_http})
