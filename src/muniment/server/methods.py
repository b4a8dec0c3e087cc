"""What OPTIONS answers where a path has several methods, of which the framework would name those of one handler only."""

from __future__ import annotations

from litestar import HttpMethod, Response, route
from litestar.handlers import HTTPRouteHandler


def allow(path: str, *methods: str) -> HTTPRouteHandler:
    """A route for OPTIONS on a path that has these methods."""
    told = ", ".join(sorted({*methods, "OPTIONS"}))

    @route(path, http_method=[HttpMethod.OPTIONS], opt={"scope": "open"}, status_code=204, include_in_schema=False)
    async def tell_methods() -> Response[None]:
        """Which methods there are."""
        return Response(None, status_code=204, headers={"Allow": told})

    return tell_methods
