"""What an OIDC provider says about itself: its addresses and its public keys, kept for a while.

    issuer = Issuer("https://id.example.com", load)
    issuer.key("kid-7")                  # a public key, fetched where it is new

Fetched when first needed, again after ten minutes, and when a token names a key that is not among them, but never more often than
every ten seconds: a stranger's token cannot make us ask the provider again and again. While the provider is away, the keys that
are known still hold, for a day.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from muniment.errors import Unavailable
from muniment.net import oidc_documents

FRESH_SECONDS = 600.0
FLOOR_SECONDS = 10.0
STALE_SECONDS = 86_400.0
MAX_KEYS = 64

Load = Callable[[str], dict[str, object]]
Seconds = Callable[[], float]


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider published. `keys` are public keys as JSON, by their name; "" for one without a name."""

    authorization: str
    token: str
    keys: Mapping[str, Mapping[str, Any]]


class Issuer:
    """One provider. Any number of threads ask; one of them fetches."""

    def __init__(self, issuer: str, load: Load = oidc_documents.load, seconds: Seconds = time.monotonic) -> None:
        self._issuer = issuer
        self._load = load
        self._seconds = seconds
        self._lock = threading.Lock()
        self._published: Published | None = None
        self._fetched = float("-inf")
        self._tried = float("-inf")
        self._trouble: Unavailable | None = None

    def published(self) -> Published:
        """The addresses and keys. Raises Unavailable (`oidc-unreachable`, `oidc-document`)."""
        with self._lock:
            age = self._seconds() - self._fetched
            if age > FRESH_SECONDS:
                self._refresh()
            if self._published is None or self._seconds() - self._fetched > STALE_SECONDS:
                raise self._trouble or Unavailable("the provider was not asked yet", code="oidc-unreachable", retry_after=5.0)
            return self._published

    def key(self, name: str) -> Mapping[str, Any] | None:
        """The public key of a name; None where the provider has none of it. Raises Unavailable."""
        found = _pick(self.published(), name)
        if found is None:
            # Keys change: the provider may have this one since.
            with self._lock:
                self._refresh()
            found = _pick(self.published(), name)
        return found

    def _refresh(self) -> None:
        """Ask the provider, unless that was done a moment ago. What is known stays where it does not answer."""
        now = self._seconds()
        if now - self._tried < FLOOR_SECONDS:
            return
        self._tried = now
        try:
            self._published = self._fetch()
            self._fetched = self._seconds()
        except Unavailable as error:
            self._trouble = error

    def _fetch(self) -> Published:
        about = self._load(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        if about.get("issuer") != self._issuer:
            raise _bad_document(self._issuer, "it names another issuer")
        addresses = [str(about.get(name, "")) for name in ("jwks_uri", "authorization_endpoint", "token_endpoint")]
        if not oidc_documents.is_safe(addresses[0]):
            raise _bad_document(self._issuer, "the address of its keys is not safe")
        listed = self._load(addresses[0]).get("keys")
        if not isinstance(listed, list):
            raise _bad_document(self._issuer, "it lists no keys")
        keys = {str(each.get("kid", "")): each for each in listed[:MAX_KEYS] if isinstance(each, dict) and _is_public(each)}
        return Published(authorization=addresses[1], token=addresses[2], keys=keys)


def _is_public(key: Mapping[str, Any]) -> bool:
    """A key that checks signatures. A symmetric one is none: who can check with it could sign as well."""
    return key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"


def _pick(published: Published, name: str) -> Mapping[str, Any] | None:
    if not name and len(published.keys) == 1:
        return next(iter(published.keys.values()))
    return published.keys.get(name)


def _bad_document(issuer: str, reason: str) -> Unavailable:
    return Unavailable(f"what {issuer} publishes is of no use: {reason}", code="oidc-document", retry_after=60.0)
