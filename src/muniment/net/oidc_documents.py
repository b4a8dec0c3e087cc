"""What an OIDC provider publishes and answers: small JSON documents over HTTPS.

Plain HTTP is for this machine alone. Redirects are not followed, a document has at most 256 KiB, and nobody is waited for longer
than some seconds: a provider that is away must not hold up those who do not need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import msgspec

from muniment.errors import Unavailable
from muniment.net.address import PORTS, Address
from muniment.net.reply import Lost

MAX_BYTES = 256 << 10
CONNECT_SECONDS = 3.0
READ_SECONDS = 5.0
ANSWER_SECONDS = 10.0

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def is_safe(url: str) -> bool:
    """Is an address one of HTTPS, or of this machine, with a host and without a password?"""
    return _locate(url) is not None


def load(url: str) -> dict[str, object]:
    """The JSON object at an address. Raises Unavailable (`oidc-unreachable`, `oidc-document`)."""
    return _ask("GET", url, None, {})


def post(url: str, fields: Mapping[str, str], authorization: str = "") -> dict[str, object]:
    """The JSON object that a form is answered with. Raises Unavailable (`oidc-unreachable`, `oidc-document`)."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if authorization:
        headers["Authorization"] = authorization
    return _ask("POST", url, urlencode(fields).encode(), headers)


def _locate(url: str) -> Address | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not host or "@" in parts.netloc or parts.scheme not in PORTS or port is None:
        return None
    found = Address(scheme=parts.scheme, host=host, port=port)
    return found if found.scheme == "https" or found.is_local else None


def _ask(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> dict[str, object]:
    place = _locate(url)
    if place is None:
        raise Unavailable(f"{url[:200]} is no address of HTTPS", code="oidc-document", hint="Correct the provider's address.")
    # Importing is free, and most servers have no provider.
    from muniment.net.connecting import Connections

    pool = Connections(place, None, CONNECT_SECONDS, READ_SECONDS, ANSWER_SECONDS)
    try:
        reply = pool.ask(method, url, body, {"Accept": "application/json", **headers}, MAX_BYTES)
    except Lost as lost:
        if lost.error.code == "bad-answer":
            raise Unavailable(str(lost.error), code="oidc-document", retry_after=5.0) from None
        raise Unavailable(f"the provider at {lost.error}", code="oidc-unreachable", retry_after=5.0) from None
    finally:
        pool.close()
    if reply.status != 200:
        raise _bad_document(url, f"status {reply.status}")
    try:
        return cast("dict[str, object]", _decode(reply.body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _bad_document(url, "no JSON object") from None


def _bad_document(url: str, reason: str) -> Unavailable:
    parts = urlsplit(url)
    return Unavailable(
        f"the provider's answer at {parts.netloc}{parts.path} is of no use: {reason}", code="oidc-document", retry_after=5.0
    )
