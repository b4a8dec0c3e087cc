"""Who asks: pure ASGI middleware that finds it out before any route runs (server.guard says what they may do).

    Authorization: Bearer mun_…       an API token          Cookie: …     a browser that signed in
    Authorization: Bearer eyJ…        a provider's token    nothing       nobody: reads only what is open to everybody

What is presented and wrong is answered with 401 and a code, never taken for nobody. Only a session's cookie, which browsers send by
themselves, is passed over on the pages that need no name, or nobody whose session has ended could sign in again.
"""

from __future__ import annotations

from typing import Any, cast

from litestar.types import ASGIApp, Receive, Send

from muniment.errors import MunimentError
from muniment.server import guard
from muniment.server.access import cookies, credentials, entrance, origins, replies, sign_in_page
from muniment.server.access.credentials import Bearer, Cookie
from muniment.server.access.entrance import Access
from muniment.server.access.log import AccessLog
from muniment.server.access.rate import Rate, address_of
from muniment.server.access.turns import Turns
from muniment.server.access.verified import Identity
from muniment.server.problems import Unauthenticated

# Where a browser's ended session must not stand in the way.
_NAMELESS = ("/sign-in", "/sign-out", "/static/", "/healthz", "/readyz")
# What changes who is signed in asks for a page of ours even where nobody is.
_DOORS = ("/sign-in", "/sign-out")


class Authentication:
    """Notes the caller of each request, or answers it."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sending = _Signing(scope, send, self._access) if replies.takes_page(scope) else send
        try:
            identity = await self._identify(scope)
        except MunimentError as error:
            if isinstance(error, Unauthenticated):
                self._access.rates.note_failure(address_of(scope))
            await replies.tell(scope, cast(Send, sending), error, self._forget_cookie(scope, error))
            return
        scope[entrance.ACCESS] = self._access
        if identity is not None:
            scope[entrance.IDENTITY] = identity
            guard.note_caller(scope, identity.caller)
        await self._app(scope, receive, cast(Send, sending))

    async def _identify(self, scope: Any) -> Identity | None:
        """Who asks; None for nobody. Raises Unauthenticated, Forbidden (`cross-site`), TooOften, Unavailable."""
        path, unsafe = scope["path"], scope["method"] not in origins.SAFE
        if unsafe and path.startswith(_DOORS):
            origins.check(scope, self._access.settings)
        try:
            presented = credentials.read(scope, cookies.session_name(self._access.settings))
        except Unauthenticated as error:
            if error.code == "session-malformed" and path.startswith(_NAMELESS):
                return None
            raise
        if presented is None:
            return None
        if isinstance(presented, Cookie):
            if unsafe:
                origins.check(scope, self._access.settings)
            try:
                return await self._find(presented, scope)
            except Unauthenticated:
                if path.startswith(_NAMELESS):
                    return None
                raise
        return await self._find(presented, scope)

    async def _find(self, presented: Bearer | Cookie, scope: Any) -> Identity:
        known = self._access.verified.recall(presented)
        if known is not None:
            return known
        if not self._access.verified.knows(presented):
            self._access.rates.check_failures(address_of(scope))
        return await self._access.verified.find(presented)

    def _forget_cookie(self, scope: Any, error: MunimentError) -> tuple[tuple[str, str], ...]:
        """A session that has ended: let the browser stop sending it."""
        if isinstance(error, Unauthenticated) and error.code.startswith("session-"):
            return (("Set-Cookie", cookies.format_session(self._access.settings, "")),)
        return ()


class _Signing:
    """Puts the sign-in page in the place of the body of a 401, whoever answered so."""

    def __init__(self, scope: Any, send: Send, access: Access) -> None:
        self._scope = scope
        self._send = send
        self._access = access
        self._replaced = False

    async def __call__(self, message: Any) -> None:
        asks = message["type"] == "http.response.start" and message["status"] == 401
        if asks and not sign_in_page.is_drawn(self._scope):
            self._replaced = True
            kept = [(name.decode(), value.decode("latin-1")) for name, value in message["headers"] if name == b"set-cookie"]
            await sign_in_page.ask(self._scope, self._send, self._access, kept)
        elif not self._replaced:
            await self._send(message)


def protect(app: ASGIApp, access: Access) -> ASGIApp:
    """The application behind the door: who asks, how often and how much at once, and a note of what was answered."""
    noting = cast(ASGIApp, AccessLog(app, access.log))
    counted = cast(ASGIApp, Rate(cast(ASGIApp, Turns(noting)), access.rates))
    return cast(ASGIApp, Authentication(counted, access))


async def is_still(scope: Any) -> bool:
    """Does the caller of a long answer still have the right that it began with? For streams, every now and then."""
    access = entrance.access_of(scope)
    presented = credentials.read(scope, cookies.session_name(access.settings))
    if presented is None:
        return True
    try:
        await access.verified.find(presented)
    except MunimentError:
        return False
    return True
