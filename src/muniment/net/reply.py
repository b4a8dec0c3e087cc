"""One answer over HTTP, and what gives answers; no HTTP client is needed to speak of them."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urljoin

import msgspec

from muniment.errors import MunimentError


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: its status, the type of its body without parameters, when to come again (seconds), and the whole body."""

    url: str
    status: int
    content_type: str
    location: str
    retry_after: float | None
    body: bytes

    def find_target(self, url: str) -> str:
        """Where a redirect leads."""
        return urljoin(url, self.location)


class Lost(Exception):
    """An answer that did not come. `passing` says whether asking again may help."""

    def __init__(self, error: MunimentError, *, passing: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.passing = passing


class Pool(Protocol):
    """Connections to one node."""

    def ask(self, method: str, url: str, body: bytes | None, headers: dict[str, str], limit: int) -> Reply:
        """One request and its whole answer, of at most `limit` bytes. Raises Lost."""

    def close(self) -> None:
        """Let go of the connections."""
