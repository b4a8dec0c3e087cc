"""Answers that are given before a route runs: problems for programs, the sign-in page for somebody with a browser."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from litestar.types import Send

from muniment.errors import MunimentError
from muniment.server import problems

Headers = list[tuple[bytes, bytes]]


def takes_page(scope: Any) -> bool:
    """Does the asker name HTML among what he takes, as browsers do?"""
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


async def tell(scope: Any, send: Send, error: MunimentError, more: Iterable[tuple[str, str]] = ()) -> None:
    """Answer with a problem (RFC 9457). `more` are headers besides its own."""
    problem = problems.describe(error)
    said = [*problems.headers(error).items(), ("Cache-Control", "no-store"), *more]
    await answer(scope, send, problem.status, problems.MEDIA_TYPE, msgspec.json.encode(problem), said)


async def answer(scope: Any, send: Send, status: int, media_type: str, body: bytes, more: Iterable[tuple[str, str]]) -> None:
    """Send a whole answer."""
    said = [("Content-Type", media_type), ("Content-Length", str(len(body))), *more]
    headers: Headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in said]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body, "more_body": False})
