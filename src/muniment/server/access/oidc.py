"""Tokens of OIDC providers (OpenID Connect Core, RFC 7519, RFC 8725): who a person or a workload is, as a provider signed it.

    claimed = Providers(settings.providers).verify(text)         # -> Claimed, or Unauthenticated

Only algorithms with two keys are taken, named here and not by the token; the key is one that the provider publishes for signing,
found by its name; issuer, audience, times and the claims that the settings ask for are compared exactly. What cannot be checked
now, because the provider is away, is Unavailable and never believed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
from joserfc import jwk, jws
from joserfc.errors import JoseError

from muniment.ledger.embedded import Clock, system_clock
from muniment.net import oidc_documents
from muniment.server.access.credentials import MAX_TOKEN_CHARACTERS
from muniment.server.access.issuers import Issuer, Load
from muniment.server.caller import Caller
from muniment.server.problems import Unauthenticated
from muniment.server.settings import Provider

LEEWAY_SECONDS = 30
# At some providers everybody may write whose address he likes; then only this says that he reads what is sent there.
_EMAIL, _VERIFIED = "email", "email_verified"
# By the type of the key, so that no key is used in a way that it was not made for.
ALGORITHMS = MappingProxyType(
    {
        "RSA": frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        "EC": frozenset({"ES256", "ES384", "ES512"}),
        "OKP": frozenset({"EdDSA", "Ed25519"}),
    }
)
MIN_RSA_BITS = 2_048
_ALL = sorted(frozenset().union(*ALGORITHMS.values()))
_TYPES = frozenset({"", "jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_subject = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,254}")
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says of a caller, checked. `digest`: SHA-256 of the claims as they were signed (64 hex).

    `actor`: who it is in a ledger, by the settings or the claim that they name; empty where that claim is not there.
    `token`: SHA-256 of what was signed, head and claims. `expires_us`: microseconds since 1970.
    """

    provider: Provider
    caller: Caller
    actor: str
    digest: str
    token: bytes
    expires_us: int


class Providers:
    """The providers of one server."""

    def __init__(self, providers: Sequence[Provider], load: Load = oidc_documents.load, clock: Clock = system_clock) -> None:
        self._providers = tuple(providers)
        self._issuers = {each.issuer: Issuer(each.issuer, load) for each in providers}
        self._clock = clock

    def named(self, name: str) -> Provider | None:
        """The provider of this name at which people may sign in."""
        return next((each for each in self._providers if each.name == name and each.client_id), None)

    def for_people(self) -> tuple[str, ...]:
        """The names of the providers at which people may sign in."""
        return tuple([each.name for each in self._providers if each.client_id])

    def issuer(self, provider: Provider) -> Issuer:
        """What a provider publishes."""
        return self._issuers[provider.issuer]

    def verify(self, text: str) -> Claimed:
        """Who presents this token. Raises Unauthenticated (`oidc-...`), Unavailable where a provider cannot be asked.

        Several providers may be one issuer with other audiences and claims: the first one that fits counts.
        """
        issuer, _ = self._open(text)
        refused: Unauthenticated | None = None
        for provider in self._providers:
            if provider.issuer == issuer:
                try:
                    return self.check(text, provider, provider.audience)
                except Unauthenticated as error:
                    refused = error
        raise refused or _refuse("no provider of this server issued the token", "oidc-issuer")

    def check(self, text: str, provider: Provider, audience: str, nonce: str | None = None) -> Claimed:
        """Check a token against one provider: signature, issuer, audience, times, claims; `nonce` where one was sent along."""
        issuer, header = self._open(text)
        if issuer != provider.issuer:
            raise _refuse("another provider issued the token", "oidc-issuer")
        payload = self._verify(text, header, provider)
        claims = _decode(payload)
        if claims.get("iss") != provider.issuer:
            raise _refuse("another provider issued the token", "oidc-issuer")
        _check_audience(claims, audience)
        expires = _check_times(claims, self._clock() // 1_000_000)
        subject = claims.get("sub")
        if not isinstance(subject, str) or _subject.fullmatch(subject) is None:
            raise _refuse("the token does not say who it is for", "oidc-subject")
        if nonce is not None and claims.get("nonce") != nonce:
            raise _refuse("the token was made for another sign-in", "oidc-nonce")
        if _EMAIL in (provider.actor_claim, *provider.claims) and claims.get(_VERIFIED) is not True:
            raise _refuse("the provider does not say that the address of mail is its holder's", "oidc-claim")
        for name, wanted in provider.claims.items():
            if not _holds(claims.get(name), wanted):
                raise _refuse(f"the token's claim {name} is not what this server asks for", "oidc-claim")
        actor = provider.actor or claims.get(provider.actor_claim)
        caller = Caller(
            kind="oidc",
            id=f"{provider.issuer}#{subject}",
            scopes=frozenset(provider.scopes),
            ledgers=frozenset(provider.ledgers),
            environments=frozenset(provider.environments),
        )
        return Claimed(
            provider=provider,
            caller=caller,
            actor=actor if isinstance(actor, str) else "",
            digest=hashlib.sha256(payload).hexdigest(),
            # Without the signature, of which whoever holds a token can make another one that holds as well (ECDSA).
            token=hashlib.sha256(text.rpartition(".")[0].encode()).digest(),
            expires_us=(expires + LEEWAY_SECONDS) * 1_000_000,
        )

    def _open(self, text: str) -> tuple[str, dict[str, Any]]:
        """The issuer that a token claims, and its head: nothing of it is believed yet."""
        parts = text.split(".")
        if len(text) > MAX_TOKEN_CHARACTERS or len(parts) != 3:
            raise _refuse("this is no token", "token-malformed")
        try:
            header, claims = (_decode(base64.urlsafe_b64decode(each + "=" * (-len(each) % 4))) for each in parts[:2])
        except (binascii.Error, ValueError, RecursionError, msgspec.DecodeError):
            raise _refuse("this is no token", "token-malformed") from None
        return str(claims.get("iss", "")), header

    def _verify(self, text: str, header: Mapping[str, Any], provider: Provider) -> bytes:
        """The claims, once the signature holds."""
        name, algorithm, kind = header.get("kid", ""), header.get("alg"), header.get("typ", "")
        if "crit" in header or not isinstance(name, str) or not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise _refuse("the token's head asks for what this server does not do", "oidc-header")
        # Before the provider is asked for anything.
        if algorithm not in _ALL:
            raise _refuse("the token is signed in a way that is not taken here", "oidc-algorithm")
        key = self.issuer(provider).key(name)
        if key is None:
            raise _refuse("the provider has no such key", "oidc-key")
        if algorithm not in ALGORITHMS[str(key.get("kty"))] or key.get("alg", algorithm) != algorithm:
            raise _refuse("the provider's key is not for this way of signing", "oidc-algorithm")
        try:
            public = jwk.import_key(dict(key))
            if isinstance(public, jwk.RSAKey) and public.public_key.key_size < MIN_RSA_BITS:
                raise _refuse("the provider's key is too short", "oidc-key")
            registry = jws.JWSRegistry(algorithms=[str(algorithm)], strict_check_header=False)
            return jws.deserialize_compact(text, public, registry=registry).payload
        # The library raises what the bytes of a damaged key or signature make its parts raise.
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            raise _refuse("the token's signature does not hold", "oidc-signature") from None


def _check_audience(claims: Mapping[str, Any], audience: str) -> None:
    said = claims.get("aud")
    named = said if isinstance(said, list) else [said]
    if not audience or audience not in named:
        raise _refuse("the token is for somebody else", "oidc-audience")


def _check_times(claims: Mapping[str, Any], now: int) -> int:
    """When the token ends, in seconds since 1970."""
    times: dict[str, int] = {}
    for name in ("exp", "nbf", "iat"):
        said = claims.get(name)
        if said is None and name == "nbf":
            continue
        if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said < 1 << 40:
            raise _refuse(f"the token's {name} is not a time", "oidc-time")
        times[name] = int(said)
    if times["exp"] + LEEWAY_SECONDS <= now:
        raise _refuse("the token has expired", "oidc-expired")
    if max(times["iat"], times.get("nbf", 0)) - LEEWAY_SECONDS > now:
        raise _refuse("the token is not valid yet", "oidc-early")
    return times["exp"]


def _holds(said: object, wanted: str) -> bool:
    """A claim is the wanted text, or a list (such as groups) that has it; nothing is converted."""
    return wanted in said if isinstance(said, list) else said == wanted


def _refuse(message: str, code: str) -> Unauthenticated:
    return Unauthenticated(message, code=code, hint="Ask the provider for a new token, with this server's audience.")
