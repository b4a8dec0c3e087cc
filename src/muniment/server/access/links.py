"""A link that signs in whoever opens it first: for the person who has just started a server on his own machine.

    print(links.make_link(settings, "http://127.0.0.1:8760"))         # http://127.0.0.1:8760/sign-in?code=…

It works once, within ten minutes. The session that it opens may read and write, and administer nothing.
"""

from __future__ import annotations

from contextlib import closing

import msgspec

from muniment.server.access import store
from muniment.server.access.sessions import Once
from muniment.server.caller import Caller
from muniment.server.settings import Settings

PURPOSE = "link"


def make_link(settings: Settings, address: str) -> str:
    """Make such a link. `address` is the server's, without a slash at its end."""
    caller = Caller(kind="session", id="sign-in-link", scopes=frozenset({"read", "write"}))
    with closing(store.open(settings.state)) as file:
        code = Once(file).keep(PURPOSE, msgspec.json.encode(caller))
    return f"{address}/sign-in?code={code}"
