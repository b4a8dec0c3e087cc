"""API tokens: `mun_<id>_<secret>`, shown once when they are made, kept as a digest, ended by a time or by a person.

    made = Tokens(file).create(Wish(name="CI", scopes=("read", "write")), by="alice")
    made.token                                     # the only time that anybody sees it
    Tokens(file).verify(made.token)                # -> Token, or Unauthenticated

A token lets a request reach a ledger. What becomes an entry is decided by signatures and rules.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Sequence
from typing import Literal

import msgspec

from muniment.core.format import time
from muniment.errors import InvalidInput, NotFound
from muniment.ledger.embedded import Clock, system_clock
from muniment.server.access.store import hash_secret
from muniment.server.caller import Caller, Scope
from muniment.server.problems import Unauthenticated
from muniment.server.state_file import StateFile

PREFIX = "mun_"
ID_BYTES = 6
SECRET_BYTES = 32
MAX_TOKENS = 10_000
USED_EVERY_US = 5 * 60 * 1_000_000
"""`lastUsedAt` is as coarse as this, so that a request seldom writes."""

_form = re.compile(r"mun_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
MAX_NAME = 64
_NOBODY = bytes(32)
_COLUMNS = "id, name, scopes, ledgers, environments, created, creator, expires, revoked, used"

Standing = Literal["valid", "expired", "revoked"]


class Wish(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A token that somebody wants.

    name: what it is for
    scopes: what it may do: read, write, admin (which includes both)
    ledgers: the served names of the ledgers that it is for; none: all
    environments: those that its events may name; none: all
    expiresAt: until when it is valid; without one, until it is revoked
    """

    name: str
    scopes: tuple[Scope, ...] = ("read",)
    ledgers: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    expires_at: str | None = None


class Token(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A token as it may be shown: everything but its secret. Times are UTC; `lastUsedAt` is coarse."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    ledgers: tuple[str, ...]
    environments: tuple[str, ...]
    created_at: str
    created_by: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None

    def standing(self, now_us: int) -> Standing:
        """Whether it can be used at a time (microseconds since 1970)."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and time.parse(self.expires_at) <= now_us else "valid"

    def caller(self) -> Caller:
        """Who calls with it."""
        return Caller(
            kind="token",
            id=self.id,
            scopes=frozenset(self.scopes),
            ledgers=frozenset(self.ledgers),
            environments=frozenset(self.environments),
        )


class Made(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A new token; `token` is its text, which nobody can see again."""

    token: str
    made: Token


class Tokens:
    """The tokens of one server."""

    def __init__(self, file: StateFile, clock: Clock = system_clock) -> None:
        self._file = file
        self._clock = clock

    def create(self, wish: Wish, by: str) -> Made:
        """Make a token. Raises InvalidInput (`bad-token-name`, `no-scope`, `bad-time`, `past`, `too-many-tokens`)."""
        now = self._clock()
        _check(wish, now)
        id_, secret = os.urandom(ID_BYTES).hex(), secrets.token_urlsafe(SECRET_BYTES)
        expires = None if wish.expires_at is None else time.parse(wish.expires_at)
        narrow = [_encode(sorted(set(each))) for each in (wish.scopes, wish.ledgers, wish.environments)]
        with self._file.writing() as sql:
            if sql.execute("SELECT count(*) FROM token").get >= MAX_TOKENS:
                raise InvalidInput("there are too many tokens", code="too-many-tokens", hint="Revoke those that nobody uses.")
            # Durable before anybody sees the secret: a crash here leaves a token that nobody holds.
            sql.execute(
                "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
                (id_, hash_secret(secret), wish.name, *narrow, now, by, expires),
            )
        return Made(token=f"{PREFIX}{id_}_{secret}", made=self.load(id_))

    def load(self, id_: str) -> Token:
        """The token of an id. Raises NotFound (`no-such-token`)."""
        with self._file.reading() as sql:
            row = sql.execute(f"SELECT {_COLUMNS} FROM token WHERE id = ?", (id_,)).fetchone()
        if row is None:
            raise NotFound(f"there is no token {id_[:32]!r}", code="no-such-token", hint="`muniment tokens list` shows them.")
        return _read(row)

    def list(self) -> Sequence[Token]:
        """Every token, the newest first, also those that have ended."""
        with self._file.reading() as sql:
            return [_read(row) for row in sql.execute(f"SELECT {_COLUMNS} FROM token ORDER BY created DESC, id")]

    def revoke(self, id_: str) -> Token:
        """End a token now; one that has ended stays as it is. Raises NotFound."""
        with self._file.writing() as sql:
            sql.execute("UPDATE token SET revoked = ? WHERE id = ? AND revoked IS NULL", (self._clock(), id_))
        return self.load(id_)

    def verify(self, text: str) -> Token:
        """The token whose text this is. Raises Unauthenticated (`token-malformed`, `-unknown`, `-revoked`, `-expired`)."""
        parts = _form.fullmatch(text)
        if parts is None:
            raise Unauthenticated("this is no token", code="token-malformed", hint="Copy the whole token; it begins with mun_.")
        id_, secret = parts.groups()
        with self._file.reading() as sql:
            row = sql.execute(f"SELECT secret, {_COLUMNS} FROM token WHERE id = ?", (id_,)).fetchone()
        # As long for an id that nobody has; and only who knows the secret learns what became of the token.
        if not hmac.compare_digest(_NOBODY if row is None else row[0], hash_secret(secret)) or row is None:
            raise Unauthenticated("nobody here made this token", code="token-unknown")
        token = _read(row[1:])
        self.check(token)
        return token

    def check(self, token: Token) -> None:
        """Check that a token has not ended. Raises Unauthenticated (`token-revoked`, `token-expired`)."""
        standing = token.standing(self._clock())
        if standing != "valid":
            raise Unauthenticated(
                f"this token is {standing}", code=f"token-{standing}", hint="Ask an administrator for another one."
            )

    def note_use(self, token: Token) -> None:
        """Remember that a token was used, where the last note is old."""
        now = self._clock()
        if token.last_used_at is None or now - time.parse(token.last_used_at) >= USED_EVERY_US:
            with self._file.writing() as sql:
                sql.execute("UPDATE token SET used = ? WHERE id = ?", (now, token.id))


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[str, ...]).decode
_decode_scopes = msgspec.json.Decoder(tuple[Scope, ...]).decode


def _check(wish: Wish, now: int) -> None:
    if not 0 < len(wish.name) <= MAX_NAME or not wish.name.isprintable() or not wish.name.strip():
        raise InvalidInput(
            f"a token has a name of 1 to {MAX_NAME} printable characters", code="bad-token-name", hint="Say what the token is for."
        )
    if not wish.scopes:
        raise InvalidInput("a token has a scope", code="no-scope", hint="Choose of read, write and admin.")
    if wish.expires_at is not None and time.parse(wish.expires_at) <= now:
        raise InvalidInput("a token cannot end before it begins", code="past", hint="Choose a later time.")


def _read(row: Sequence[object]) -> Token:
    id_, name, scopes, ledgers, environments, created, creator, expires, revoked, used = row
    return Token(
        id=str(id_),
        name=str(name),
        scopes=_decode_scopes(_bytes(scopes)),
        ledgers=_decode(_bytes(ledgers)),
        environments=_decode(_bytes(environments)),
        created_at=time.format(_int(created)),
        created_by=str(creator),
        expires_at=None if expires is None else time.format(_int(expires)),
        revoked_at=None if revoked is None else time.format(_int(revoked)),
        last_used_at=None if used is None else time.format(_int(used)),
    )


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _int(value: object) -> int:
    return value if isinstance(value, int) else int(str(value))
