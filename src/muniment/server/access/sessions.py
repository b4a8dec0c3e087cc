"""Browsers that are signed in, and what may be used once: sign-in links and sign-ins under way at a provider.

A session is named by 32 random bytes in a cookie, of which only the SHA-256 is kept. It ends after 12 hours, after 2 hours in
which nobody used it, at sign-out, and with the API token by which it was made. Signing in always makes a new one.
"""

from __future__ import annotations

import secrets

import msgspec

from muniment.ledger.embedded import Clock, system_clock
from muniment.server.access.store import hash_secret
from muniment.server.access.tokens import Tokens
from muniment.server.caller import Caller
from muniment.server.problems import Gone, Unauthenticated
from muniment.server.state_file import StateFile

LIFE_US = 12 * 3_600 * 1_000_000
IDLE_US = 2 * 3_600 * 1_000_000
SEEN_EVERY_US = 60 * 1_000_000
ONCE_US = 10 * 60 * 1_000_000
MAX_ONCE = 10_000
MAX_OF_ONE = 100
SECRET_CHARACTERS = 43

_decode = msgspec.json.Decoder(Caller).decode
_encode = msgspec.json.Encoder(order="deterministic").encode


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is signed in, until when at most (microseconds since 1970)."""

    caller: Caller
    expires_us: int


class Sessions:
    """The sessions of one server."""

    def __init__(self, file: StateFile, clock: Clock = system_clock) -> None:
        self._file = file
        self._tokens = Tokens(file, clock)
        self._clock = clock

    def begin(self, caller: Caller, *, token: str | None = None, until_us: int | None = None) -> str:
        """Sign somebody in; the cookie's value. `token` is the id of the API token that ends the session with it."""
        now, cookie = self._clock(), secrets.token_urlsafe(32)
        expires = min(now + LIFE_US, until_us or now + LIFE_US)
        signed_in = msgspec.structs.replace(caller, kind="session")
        with self._file.writing() as sql:
            sql.execute("DELETE FROM session WHERE expires <= ? OR seen <= ?", (now, now - IDLE_US))
            who = _encode(signed_in).decode()
            sql.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?)", (hash_secret(cookie), who, token, expires, now))
            # Nobody fills the disk by signing in: the sessions that were not used for longest end first.
            sql.execute(
                "DELETE FROM session WHERE caller = ?1 AND id NOT IN "
                "(SELECT id FROM session WHERE caller = ?1 ORDER BY seen DESC LIMIT ?2)",
                (who, MAX_OF_ONE),
            )
        return cookie

    def verify(self, cookie: str) -> Session:
        """The session of a cookie, which is used by this. Raises Unauthenticated (`session-ended`, `token-...`)."""
        now, id_ = self._clock(), hash_secret(cookie)
        with self._file.reading() as sql:
            row = sql.execute("SELECT caller, token, expires, seen FROM session WHERE id = ?", (id_,)).fetchone()
        if row is None or row[2] <= now or row[3] <= now - IDLE_US:
            raise Unauthenticated("you are signed out", code="session-ended", hint="Sign in again.")
        caller, token, expires, seen = row
        if token is not None:
            self._tokens.check(self._tokens.load(token))
        if now - seen >= SEEN_EVERY_US:
            with self._file.writing() as sql:
                sql.execute("UPDATE session SET seen = ? WHERE id = ?", (now, id_))
        return Session(caller=_decode(caller), expires_us=min(expires, now + IDLE_US))

    def end(self, cookie: str) -> None:
        """Sign out; a session that has ended stays so."""
        with self._file.writing() as sql:
            sql.execute("DELETE FROM session WHERE id = ?", (hash_secret(cookie),))


class Once:
    """Secrets that open something a single time, within ten minutes."""

    def __init__(self, file: StateFile, clock: Clock = system_clock) -> None:
        self._file = file
        self._clock = clock

    def keep(self, purpose: str, body: bytes) -> str:
        """Keep something under a new secret. Where too much of a kind is kept, the oldest goes."""
        now, secret = self._clock(), secrets.token_urlsafe(32)
        with self._file.writing() as sql:
            sql.execute("DELETE FROM once WHERE expires <= ?", (now,))
            # Anybody may begin to sign in, so that refusing would let a stranger lock everybody out.
            sql.execute(
                "DELETE FROM once WHERE purpose = ?1 AND id NOT IN "
                "(SELECT id FROM once WHERE purpose = ?1 ORDER BY expires DESC LIMIT ?2)",
                (purpose, MAX_ONCE - 1),
            )
            sql.execute("INSERT INTO once VALUES (?, ?, ?, ?)", (hash_secret(secret), purpose, body.decode(), now + ONCE_US))
        return secret

    def take(self, purpose: str, secret: str) -> bytes:
        """What was kept under a secret, which is used up by this. Raises Gone (`code-used`)."""
        with self._file.writing() as sql:
            row = sql.execute(
                "DELETE FROM once WHERE id = ? AND purpose = ? AND expires > ? RETURNING body",
                (hash_secret(secret), purpose, self._clock()),
            ).fetchone()
        if row is None:
            raise Gone("this sign-in was used before, or is too old", code="code-used", hint="Begin again.")
        return str(row[0]).encode()
