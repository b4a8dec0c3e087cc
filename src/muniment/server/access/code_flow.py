"""The way of a person to an OIDC provider and back: authorization code with PKCE, state and nonce (RFC 7636, RFC 9700).

What must come back with the person is kept here under `state`, which works once, for ten minutes, and only in the browser that
left: that one holds a cookie, of which the digest is kept beside it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote, urlencode

import msgspec

from muniment.net import oidc_documents
from muniment.server.access.oidc import Claimed, Providers
from muniment.server.access.sessions import Once
from muniment.server.access.store import hash_secret
from muniment.server.problems import Unauthenticated
from muniment.server.settings import Provider

PURPOSE = "provider"
MAX_CODE = 2_048


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in under way. `browser`: SHA-256 of its cookie, 64 hex."""

    provider: str
    nonce: str
    verifier: str
    returns_to: str
    next: str
    browser: str


_decode = msgspec.json.Decoder(Journey).decode


def begin(providers: Providers, once: Once, provider: Provider, returns_to: str, path: str) -> tuple[str, str]:
    """Where to send a browser, and the cookie that it takes along. Raises Unavailable."""
    published = providers.issuer(provider).published()
    if not oidc_documents.is_safe(published.authorization):
        raise _fail("the provider has no page to sign in at", "oidc-document")
    cookie, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    journey = Journey(
        provider=provider.name,
        nonce=nonce,
        verifier=verifier,
        returns_to=returns_to,
        next=path,
        browser=hash_secret(cookie).hex(),
    )
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": returns_to,
        "scope": "openid",
        "state": once.keep(PURPOSE, msgspec.json.encode(journey)),
        "nonce": nonce,
        "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{published.authorization}{'&' if '?' in published.authorization else '?'}{urlencode(asked)}", cookie


def finish(
    providers: Providers, once: Once, provider: Provider, code: str, state: str, cookie: str, issuer: str = ""
) -> tuple[Claimed, str]:
    """Who came back from a provider, and the path to go on to. `issuer` is what the answer says of its sender (RFC 9207).

    Raises Gone (`code-used`), Unauthenticated (`oidc-...`), Unavailable.
    """
    journey = _decode(once.take(PURPOSE, state))
    same = hmac.compare_digest(journey.browser, hash_secret(cookie).hex())
    if not same or journey.provider != provider.name or issuer not in ("", provider.issuer) or not 0 < len(code) <= MAX_CODE:
        raise _fail("this sign-in was begun elsewhere", "oidc-state")
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": journey.returns_to,
        "client_id": provider.client_id,
        "code_verifier": journey.verifier,
    }
    answer = oidc_documents.post(providers.issuer(provider).published().token, fields, _authorize(provider))
    token = answer.get("id_token")
    if not isinstance(token, str):
        raise _fail("the provider did not say who you are", "oidc-token")
    return providers.check(token, provider, provider.client_id, journey.nonce), journey.next


def _authorize(provider: Provider) -> str:
    """How this server says who it is to the provider, where it has a secret for that."""
    if not provider.client_secret:
        return ""
    pair = f"{quote(provider.client_id, safe='')}:{quote(provider.client_secret, safe='')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _fail(message: str, code: str) -> Unauthenticated:
    return Unauthenticated(message, code=code, hint="Begin again on the sign-in page.")
