"""Identity providers for tests: one whose every document and token the test writes, and the mock of PyPI over real HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from joserfc import jwk, jws

from muniment.errors import Unavailable
from muniment.ledger.embedded import system_clock

ISSUER = "https://id.example.com"
AUDIENCE = "https://ledger.example.com"


@cache
def rsa(name: str = "one") -> jwk.RSAKey:
    """A key of a provider; the same for the same name."""
    return jwk.RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


@cache
def ec(name: str = "curve") -> jwk.ECKey:
    """A key on a curve."""
    return jwk.ECKey.generate_key("P-256", {"kid": name, "use": "sig", "alg": "ES256"})


class Pretended:
    """A provider whose documents are what the test says; counts how often it was asked."""

    def __init__(self, *keys: jwk.Key, issuer: str = ISSUER) -> None:
        self.issuer = issuer
        self.published: list[dict[str, Any]] = [dict(each.as_dict(private=False)) for each in keys or (rsa(),)]
        self.asked = 0
        self.away = False
        self.about: dict[str, object] = {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/keys",
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
        }

    def load(self, url: str) -> dict[str, object]:
        """What it publishes."""
        self.asked += 1
        if self.away:
            raise Unavailable("the provider is away", code="oidc-unreachable", retry_after=5.0)
        return self.about if url.endswith("/.well-known/openid-configuration") else {"keys": self.published}


def claims(**more: object) -> dict[str, object]:
    """What a good token says; None takes a claim away."""
    now = system_clock() // 1_000_000
    said: dict[str, object] = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ci-credit", "iat": now, "nbf": now, "exp": now + 300}
    return {name: value for name, value in {**said, **more}.items() if value is not None}


def sign(said: dict[str, object], key: jwk.Key | None = None, **header: object) -> str:
    """A token."""
    head: dict[str, Any] = {"alg": "RS256", "kid": (key or rsa()).kid, **header}
    kept = {name: value for name, value in head.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=[str(head["alg"])], strict_check_header=False)
    return str(jws.serialize_compact(kept, json.dumps(said), key or rsa(), registry=registry))


def part(value: object) -> str:
    """A part of a token, as an attacker writes it."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@contextmanager
def mocked() -> Iterator[tuple[str, Callable[..., Any]]]:
    """The mock of PyPI on a free port of this machine: its issuer, and `sign_in(url, subject)`, which answers as its form does."""
    import warnings

    import urllib3

    with warnings.catch_warnings():
        # The mock's own libraries are older than itself.
        warnings.simplefilter("ignore")
        import oidc_provider_mock

        with oidc_provider_mock.run_server_in_thread() as server:
            issuer = f"http://localhost:{server.server_port}"
            with urllib3.PoolManager(retries=False) as pool:

                def sign_in(url: str, subject: str, **said: object) -> str:
                    """Fill in the form at `url` as `subject`, whose claims are `said`: where the browser is sent."""
                    pool.request("PUT", f"{issuer}/users/{subject}", json=said)
                    answer = pool.request("POST", url, fields={"sub": subject}, encode_multipart=False, redirect=False)
                    return str(answer.headers["location"])

                yield issuer, sign_in
