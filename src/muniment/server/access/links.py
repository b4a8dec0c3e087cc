"""A link that signs in whoever opens it first: for the person who has just started a server on his own machine.

    print(links.make_link(settings))         # http://127.0.0.1:8760/sign-in?code=…

It works once, within ten minutes. The session that it opens may read and write, and administer nothing.
"""

from __future__ import annotations

from contextlib import closing

import msgspec

from muniment.server.access import cookies, store
from muniment.server.access.sessions import Once
from muniment.server.caller import Caller
from muniment.server.settings import Settings

PURPOSE = "link"
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})


def make_link(settings: Settings, address: str = "") -> str:
    """Make such a link. `address` is the server's, such as `http://127.0.0.1:40123`, where the settings do not say it."""
    caller = Caller(kind="session", id="sign-in-link", scopes=frozenset({"read", "write"}))
    with closing(store.open(settings.state)) as file:
        code = Once(file).keep(PURPOSE, msgspec.json.encode(caller))
    return f"{(address or _address(settings)).rstrip('/')}/sign-in?code={code}"


def _address(settings: Settings) -> str:
    if settings.url:
        return settings.url
    host = "localhost" if settings.host in _EVERYWHERE else settings.host
    scheme = "https" if cookies.is_secure(settings) else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"
