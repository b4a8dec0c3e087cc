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

MAX_BYTES = 256 << 10
CONNECT_SECONDS = 3.0
READ_SECONDS = 5.0
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def is_safe(url: str) -> bool:
    """Is an address one of HTTPS, or of this machine, with a host and without a password?"""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and "@" not in parts.netloc and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOCAL))


def load(url: str) -> dict[str, object]:
    """The JSON object at an address. Raises Unavailable (`oidc-unreachable`, `oidc-document`)."""
    return _ask("GET", url)


def post(url: str, fields: Mapping[str, str], authorization: str = "") -> dict[str, object]:
    """The JSON object that a form is answered with. Raises Unavailable (`oidc-unreachable`, `oidc-document`)."""
    return _ask("POST", url, fields=dict(fields), headers={"Authorization": authorization} if authorization else {})


def _ask(
    method: str, url: str, *, fields: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> dict[str, object]:
    if not is_safe(url):
        raise Unavailable(f"{url[:200]} is no address of HTTPS", code="oidc-document", hint="Correct the provider's address.")
    # Importing is free, and most servers have no provider.
    import urllib3

    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    sent = {"Accept": "application/json", **(headers or {})}
    body = None if fields is None else urlencode(fields)
    if body is not None:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        with urllib3.PoolManager(timeout=timeout, retries=False) as pool:
            answer = pool.request(method, url, body=body, headers=sent, redirect=False, preload_content=False)
            try:
                raw = answer.read(MAX_BYTES + 1)
            finally:
                answer.close()
    except urllib3.exceptions.HTTPError as error:
        raise Unavailable(
            f"the provider at {urlsplit(url).netloc} cannot be reached: {type(error).__name__}",
            code="oidc-unreachable",
            retry_after=5.0,
        ) from None
    if answer.status != 200 or len(raw) > MAX_BYTES:
        raise _bad_document(url, f"status {answer.status}" if answer.status != 200 else "too long")
    try:
        return cast("dict[str, object]", _decode(raw))
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError):
        raise _bad_document(url, "no JSON object") from None


def _bad_document(url: str, reason: str) -> Unavailable:
    parts = urlsplit(url)
    return Unavailable(
        f"the provider's answer at {parts.netloc}{parts.path} is of no use: {reason}", code="oidc-document", retry_after=5.0
    )
