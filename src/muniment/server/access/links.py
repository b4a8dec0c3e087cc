"""A link that signs in whoever opens it first: for the person who has just started a server on his own machine.

    print(links.make_link(settings, "http://127.0.0.1:8760"))         # http://127.0.0.1:8760/sign-in?code=…

It works once, within ten minutes. The session that it opens may read, or read and write, and administers nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing

import msgspec

from muniment.server.access import store
from muniment.server.access.sessions import Once
from muniment.server.caller import Caller, Scope
from muniment.server.settings import Settings

PURPOSE = "link"


def make_link(
    settings: Settings, address: str, *, name: str = "sign-in-link", scopes: Collection[Scope] = ("read", "write")
) -> str:
    """Make such a link. `address` is the server's, without a slash at its end; `name` is what the access log calls the caller."""
    caller = Caller(kind="session", id=name, scopes=frozenset(scopes))
    with closing(store.open(settings.state)) as file:
        code = Once(file).keep(PURPOSE, msgspec.json.encode(caller))
    return f"{address}/sign-in?code={code}"
