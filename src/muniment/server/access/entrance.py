"""Everything that one process needs to know who asks, opened once and closed once.

    access = entrance.open(settings)
    app = Dispatch(authentication.protect(app, access), hosting)

Routes find it with `access_of(scope)`. Several processes each open their own, over the same files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar, cast

from muniment.core.format import time
from muniment.errors import NotFound, Unavailable
from muniment.server import state_file
from muniment.server.access import store
from muniment.server.access.credentials import Bearer, Cookie
from muniment.server.access.journal import FOLDER, Journal
from muniment.server.access.oidc import Providers
from muniment.server.access.pending import Requests
from muniment.server.access.rate import Rates
from muniment.server.access.sessions import Once, Sessions
from muniment.server.access.tokens import PREFIX, Token, Tokens
from muniment.server.access.verified import Identity, Verified
from muniment.server.problems import Unauthenticated
from muniment.server.settings import Settings
from muniment.server.state_file import StateFile

T = TypeVar("T")
ACCESS = "muniment.access"
IDENTITY = "muniment.identity"
"""Entries of a connection's ASGI scope."""
THREADS = 2
PROVIDER_THREADS = 4


class Access:
    """Tokens, sessions, providers, limits and the log of one process."""

    def __init__(self, settings: Settings, file: StateFile, providers: Providers, log: Journal) -> None:
        self.settings = settings
        self.file = file
        self.providers = providers
        self.log = log
        self.tokens = Tokens(file)
        self.sessions = Sessions(file)
        self.once = Once(file)
        self.requests = Requests(file)
        self.rates = Rates(settings.limits)
        self.verified = Verified(self._look)
        # Threads of its own: a ledger that is busy keeps nobody waiting at the door, nor does a provider that does not answer.
        self._here = ThreadPoolExecutor(THREADS, thread_name_prefix="access")
        self._away = ThreadPoolExecutor(PROVIDER_THREADS, thread_name_prefix="providers")

    async def run(self, function: Callable[[], T]) -> T:
        """Do something that reads or writes the file of tokens."""
        return await asyncio.get_running_loop().run_in_executor(self._here, function)

    async def ask_provider(self, function: Callable[[], T]) -> T:
        """Do something that may ask a provider."""
        return await asyncio.get_running_loop().run_in_executor(self._away, function)

    def close(self) -> None:
        """Let go of files and threads; what waits for the log is written."""
        self._here.shutdown(wait=True)
        self._away.shutdown(wait=False, cancel_futures=True)
        self.log.close()
        self.file.close()

    async def _look(self, presented: Bearer | Cookie) -> Identity:
        """Who presents this. Raises Unauthenticated, Unavailable."""
        if isinstance(presented, Cookie):
            return await self.run(lambda: self._look_session(presented.text))
        if presented.text.startswith(PREFIX):
            return await self.run(lambda: self._look_token(presented.text))
        if not self.settings.providers:
            raise Unauthenticated("this is no token", code="token-malformed", hint="Copy the whole token; it begins with mun_.")
        claimed = await self.ask_provider(lambda: self.providers.verify(presented.text))
        return Identity(caller=claimed.caller, until_us=claimed.expires_us, claimed=claimed)

    def _look_token(self, text: str) -> Identity:
        token = self.tokens.verify(text)
        # Who may call does not depend on whether we can write when.
        with suppress(Unavailable):
            self.tokens.note_use(token)
        return Identity(caller=token.caller(), until_us=until_of(token))

    def _look_session(self, cookie: str) -> Identity:
        try:
            session = self.sessions.verify(cookie)
        except NotFound:
            raise Unauthenticated("you are signed out", code="session-ended", hint="Sign in again.") from None
        return Identity(caller=session.caller, until_us=session.expires_us)


def open(settings: Settings) -> Access:
    """Open the server's file of tokens and begin its access log. Raises Unavailable, CorruptStore."""
    file = store.open(settings.state)
    log = Journal(settings.state / FOLDER)
    try:
        log.start()
    except OSError as error:
        file.close()
        raise state_file.unwritable(settings.state, error) from None
    return Access(settings, file, Providers(settings.providers), log)


def access_of(scope: Any) -> Access:
    """What the middleware left for the routes."""
    return cast(Access, scope[ACCESS])


def identity_of(scope: Any) -> Identity | None:
    """Who asks, with what a provider said; None for nobody."""
    return cast("Identity | None", scope.get(IDENTITY))


def until_of(token: Token) -> int | None:
    """Until when a token holds, in microseconds since 1970."""
    return None if token.expires_at is None else time.parse(token.expires_at)
