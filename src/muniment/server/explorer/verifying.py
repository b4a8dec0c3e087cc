"""The page where a visitor verifies a file that somebody gave him: an answer, a receipt, a bundle. Nothing is sent anywhere."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency

from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.hosting import Hosted


class VerifyPage(msgspec.Struct, frozen=True, kw_only=True):
    """The page has nothing of its own: all is done in the browser."""


@page("/verify")
def show_verify(request: Request[Any, Any, Any], hosted: NamedDependency[Hosted]) -> Response[bytes]:
    """The page where a file is verified."""
    return render(request, hosted, "verify.html", "Verify a file", VerifyPage(), section="verify")


ROUTES = (show_verify,)
