"""A server at whose door a test stands as a stranger: tokens, sessions, providers, limits and the access log.

with entering.entered(home, state=tmp_path / "server") as entered:
    token = entered.token("read", "write")
    entered.client.get("/v1/view", headers=entering.bearer(token))
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import serving
from muniment.server.access.entrance import Access
from muniment.server.access.tokens import Wish
from muniment.server.process.assembly import Assembled, assemble
from muniment.server.settings import Limits, Served

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
OURS = {"Sec-Fetch-Site": "same-origin"}


class Entered(NamedTuple):
    """A server in this process, a client that presents nothing by itself, and what the door knows."""

    client: serving.Client
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
    """Serve these ledgers under the usual limits, and nobody has a token yet; a single folder is served at the root."""
    app = assemble(serving.settle(state, *homes, **{"limits": Limits(), **settings}))
    try:
        with serving.asking(app) as client:
            yield Entered(client, app.access, app)
    finally:
        app.close()
