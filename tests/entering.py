"""A server whose door is the real one: tokens, sessions, providers, limits and the access log.

with entering.entered(home, state=tmp_path / "server") as entered:
    token = entered.token("read", "write")
    entered.client.get("/v1/view", headers=entering.bearer(token))
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

from litestar import Litestar
from litestar.testing import TestClient

from muniment.server.access.entrance import Access
from muniment.server.access.tokens import Wish
from muniment.server.process.assembly import Assembled, assemble
from muniment.server.settings import Served, Settings

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
OURS = {"Sec-Fetch-Site": "same-origin"}


class Entered(NamedTuple):
    """A server in this process, a client that presents nothing by itself, and what the door knows."""

    client: TestClient[Any]
    access: Access
    app: Assembled

    def token(self, *scopes: str, **narrow: Any) -> str:
        """The text of a new token."""
        return self.access.tokens.create(Wish(name="test", scopes=cast(Any, scopes), **narrow), by="the test").token


def bearer(token: str) -> dict[str, str]:
    """What a request with a token carries."""
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def entered(*homes: Path | Served, state: Path, **settings: Any) -> Iterator[Entered]:
    """Serve these ledgers; a single folder is served at the root."""
    ledgers = tuple(each if isinstance(each, Served) else Served(name="", home=each) for each in homes)
    app = assemble(Settings(ledgers=ledgers, state=state, **settings))
    try:
        with TestClient(cast(Any, _Outer(app)), raise_server_exceptions=False) as client:
            client.follow_redirects = False
            yield Entered(client, app.access, app)
    finally:
        app.close()


class _Outer:
    """The assembled application, as the test client wants to see it."""

    def __init__(self, app: Assembled) -> None:
        self._app = app
        self._inner: Litestar = app.litestar

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)
