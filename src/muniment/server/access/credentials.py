"""What a request presents to say who asks: a bearer token or a session's cookie, read strictly.

    presented = read(scope, cookie_name)     # Bearer(text) | Cookie(text) | None

A request with two tokens is refused, because two programs could read it in two ways. So is a token in the address: addresses are
logged, kept in histories and handed on. A token counts before a cookie, which browsers send by themselves.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from muniment.server.access.sessions import SECRET_CHARACTERS
from muniment.server.problems import Unauthenticated

MAX_TOKEN_CHARACTERS = 8_192
"""Longer than the tokens of the providers in use, and short enough to be looked at."""

_bearer = re.compile(rb"(?i:bearer) +([\x21-\x7e]+)")
_cookie = re.compile(rf"[A-Za-z0-9_-]{{{SECRET_CHARACTERS}}}")
_secret = re.compile(r"mun_[0-9a-f]{12}_[A-Za-z0-9_-]+|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+")
_in_address = re.compile(rb"(?:^|[?&;])(?:access_token|token|id_token)=|mun_[0-9a-f]{12}_[A-Za-z0-9_-]{20,}")


class Bearer(msgspec.Struct, frozen=True):
    """A token in the header `Authorization`."""

    text: str


class Cookie(msgspec.Struct, frozen=True):
    """A session's cookie."""

    text: str


def read(scope: Any, cookie: str) -> Bearer | Cookie | None:
    """What a request presents; `cookie` is the name of the session's cookie. Raises Unauthenticated (`token-malformed`, ...)."""
    authorizations: list[bytes] = []
    cookies: list[bytes] = []
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorizations.append(value)
        elif name == b"cookie":
            cookies.append(value)
    if _in_address.search(scope.get("query_string", b"")):
        raise _malformed("a token does not belong in an address", "token-in-url", "Send it in the header; make another one now.")
    if authorizations:
        return _read_bearer(authorizations)
    return _read_cookie(cookies, cookie) if cookies else None


def redact(text: str) -> str:
    """A text without what looks like a token."""
    return _secret.sub("[token]", text)


def _read_bearer(values: list[bytes]) -> Bearer:
    if len(values) > 1:
        raise _malformed("the header Authorization stands there twice")
    # Before anything looks at it: a pattern over a huge text takes its time.
    if len(values[0]) > MAX_TOKEN_CHARACTERS:
        raise _malformed("the token is too long")
    found = _bearer.fullmatch(values[0])
    if found is None:
        raise _malformed("the header Authorization is not `Bearer <token>`")
    return Bearer(found[1].decode("ascii"))


def _read_cookie(values: list[bytes], name: str) -> Cookie | None:
    found = []
    for value in values:
        for pair in value.decode("latin-1").split(";"):
            key, _, text = pair.strip().partition("=")
            if key == name:
                found.append(text)
    if not found:
        return None
    # Two cookies of one name come from two places, one of which may be an attacker's.
    if len(found) > 1 or _cookie.fullmatch(found[0]) is None:
        raise _malformed("the session's cookie is not ours", "session-malformed", "Sign in again.")
    return Cookie(found[0])


def _malformed(message: str, code: str = "token-malformed", hint: str | None = None) -> Unauthenticated:
    return Unauthenticated(message, code=code, hint=hint)
