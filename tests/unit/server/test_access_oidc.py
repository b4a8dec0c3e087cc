"""Tokens of identity providers: the good one, and everything that an attacker makes of it."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from joserfc import jwk

import providing
from muniment.errors import MunimentError, Unavailable
from muniment.ledger.embedded import system_clock
from muniment.net import oidc_documents
from muniment.server.access.credentials import MAX_TOKEN_CHARACTERS
from muniment.server.access.issuers import FLOOR_SECONDS, FRESH_SECONDS, STALE_SECONDS, Issuer
from muniment.server.access.oidc import Claimed, Providers
from muniment.server.settings import Provider
from providing import AUDIENCE, ISSUER, Pretended, claims, ec, part, rsa, sign

CI = Provider(name="ci", issuer=ISSUER, audience=AUDIENCE, scopes=("read", "write"), claims={"repository": "org/credit"})
GOOD = {"repository": "org/credit"}


def verify(text: str, *providers: Provider, idp: Pretended | None = None) -> Claimed:
    return Providers(providers or (CI,), (idp or Pretended()).load).verify(text)


def refused(text: str, *providers: Provider, idp: Pretended | None = None) -> str:
    with pytest.raises(MunimentError) as caught:
        verify(text, *providers, idp=idp)
    return caught.value.code


def test_a_good_token_is_its_subject_with_what_the_settings_allow() -> None:
    provider = Provider(name="ci", issuer=ISSUER, audience=AUDIENCE, scopes=("read",), ledgers=("a",), environments=("staging",))
    text = sign(claims())
    found = verify(text, provider)
    caller = found.caller
    assert (caller.kind, caller.id, found.actor) == ("oidc", f"{ISSUER}#ci-credit", "ci-credit")
    assert (caller.scopes, caller.ledgers, caller.environments) == ({"read"}, {"a"}, {"staging"})
    payload = text.split(".")[1]
    assert found.digest == hashlib.sha256(urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).hexdigest()


def test_other_ways_to_sign_and_lists_of_audiences() -> None:
    idp = Pretended(rsa(), ec())
    said = claims(**GOOD, aud=["somebody", AUDIENCE])
    for text in (sign(said), sign(said, ec(), alg="ES256"), sign(said, alg="PS256"), sign(said, typ="at+jwt")):
        assert verify(text, idp=idp).actor == "ci-credit"


def test_a_list_holds_what_it_contains_and_nothing_is_converted() -> None:
    provider = Provider(name="x", issuer=ISSUER, audience=AUDIENCE, claims={"groups": "risk"})
    assert verify(sign(claims(groups=["a", "risk"])), provider).caller.scopes == {"read"}
    for groups in (["risky"], "a risk", {"risk": 1}, [["risk"]], True, None):
        assert refused(sign(claims(groups=groups)), provider) == "oidc-claim"
    number = Provider(name="x", issuer=ISSUER, audience=AUDIENCE, claims={"level": "1"})
    assert refused(sign(claims(level=1)), number) == "oidc-claim"


def test_an_address_of_mail_counts_once_the_provider_has_verified_it() -> None:
    """Elsewhere anybody may sign up with somebody else's."""
    by_claim = Provider(name="x", issuer=ISSUER, audience=AUDIENCE, claims={"email": "ada@example.com"})
    by_actor = Provider(name="x", issuer=ISSUER, audience=AUDIENCE, actor_claim="email")
    for provider in (by_claim, by_actor):
        assert verify(sign(claims(email="ada@example.com", email_verified=True)), provider).actor
        for verified in (None, False, "false", "yes", 1):
            assert refused(sign(claims(email="ada@example.com", email_verified=verified)), provider) == "oidc-claim"


NOW = system_clock() // 1_000_000


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"iss": "https://evil.example"}, "oidc-issuer"),
        ({"iss": f"{ISSUER}/"}, "oidc-issuer"),
        ({"iss": None}, "oidc-issuer"),
        ({"iss": [ISSUER]}, "oidc-issuer"),
        ({"aud": "https://other.example"}, "oidc-audience"),
        ({"aud": AUDIENCE + "/"}, "oidc-audience"),
        ({"aud": []}, "oidc-audience"),
        ({"aud": {AUDIENCE: 1}}, "oidc-audience"),
        ({"aud": None}, "oidc-audience"),
        ({"exp": NOW - 60}, "oidc-expired"),
        ({"exp": None}, "oidc-time"),
        ({"exp": True}, "oidc-time"),
        ({"exp": str(NOW + 60)}, "oidc-time"),
        ({"exp": 1e300}, "oidc-time"),
        ({"exp": -1}, "oidc-time"),
        ({"iat": None}, "oidc-time"),
        ({"iat": NOW + 86_400}, "oidc-early"),
        ({"nbf": NOW + 86_400}, "oidc-early"),
        ({"sub": None}, "oidc-subject"),
        ({"sub": ""}, "oidc-subject"),
        ({"sub": "a\nb"}, "oidc-subject"),
        ({"sub": "a" * 256}, "oidc-subject"),
        ({"repository": "org/other"}, "oidc-claim"),
        ({"repository": None}, "oidc-claim"),
    ],
)
def test_one_wrong_claim_is_enough(wrong: dict[str, object], code: str) -> None:
    assert refused(sign(claims(**{**GOOD, **wrong}))) == code


def test_a_token_without_a_signature_is_none() -> None:
    body = part(claims(**GOOD))
    for head in ({"alg": "none"}, {"alg": "None", "kid": "one"}, {"kid": "one"}, {"alg": None}, {"alg": ["RS256"]}):
        for signature in ("", "AAAA"):
            assert refused(f"{part(head)}.{body}.{signature}") == "oidc-algorithm"


def test_a_public_key_is_no_shared_secret() -> None:
    pem = rsa().as_pem(private=False)
    for secret in (pem, pem.strip(), json.dumps(rsa().as_dict(private=False)).encode()):
        head = f"{part({'alg': 'HS256', 'kid': 'one'})}.{part(claims(**GOOD))}"
        mac = urlsafe_b64encode(hmac.digest(secret, head.encode(), "sha256")).rstrip(b"=").decode()
        assert refused(f"{head}.{mac}") == "oidc-algorithm"
    # Nor is a shared secret a public key, should a provider publish one.
    shared = jwk.OctKey.generate_key(256, {"kid": "shared", "use": "sig"})
    idp = Pretended(rsa())
    idp.published.append(dict(shared.as_dict(private=True)))
    assert refused(sign(claims(**GOOD), kid="shared"), idp=idp) == "oidc-key"


def test_a_key_is_used_for_its_own_way_of_signing() -> None:
    idp = Pretended(rsa(), ec())
    assert refused(sign(claims(**GOOD), ec(), alg="ES256", kid="one"), idp=idp) == "oidc-algorithm"
    assert refused(sign(claims(**GOOD), kid="curve"), idp=idp) == "oidc-algorithm"
    idp.published[0]["use"] = "enc"
    assert refused(sign(claims(**GOOD)), idp=idp) == "oidc-key"


def test_keys_that_are_not_the_providers() -> None:
    mine = rsa("mine")
    assert refused(sign(claims(**GOOD), mine)) == "oidc-key"
    assert refused(sign(claims(**GOOD), mine, kid="one")) == "oidc-signature"
    # What a token says about its own key is not looked at.
    public = mine.as_dict(private=False)
    assert refused(sign(claims(**GOOD), mine, kid="one", jwk=public, jku="https://evil.example/keys")) == "oidc-signature"
    assert refused(sign(claims(**GOOD), mine, kid=None, jwk=public), idp=Pretended(rsa(), ec())) == "oidc-key"


def test_every_changed_byte_is_noticed() -> None:
    text = sign(claims(**GOOD))
    providers = Providers((CI,), Pretended().load)
    for at in range(0, len(text), 7):
        changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        # The last letter of a part may hold bits that mean nothing: then the token says and proves the same.
        if not any(text[at + 1 : at + 2] == end for end in (".", "")):
            with pytest.raises(MunimentError):
                providers.verify(changed)


@pytest.mark.parametrize("head", [{"crit": ["b64"], "b64": False}, {"crit": ["exp"]}, {"typ": "secevent+jwt"}, {"typ": 1}])
def test_heads_that_ask_for_more(head: dict[str, Any]) -> None:
    whole = f"{part({'alg': 'RS256', 'kid': 'one', **head})}.{part(claims(**GOOD))}.AAAA"
    assert refused(whole) == "oidc-header"


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a.b", "a.b.c.d", "🙂.b.c", "e30.e30", f"{'A' * MAX_TOKEN_CHARACTERS}.e30.A", "W10.W10.A", "bnVsbA.e30.A"],
)
def test_what_is_no_token(text: str) -> None:
    idp = Pretended()
    assert refused(text, idp=idp) in ("token-malformed", "oidc-issuer")
    assert idp.asked == 0


def test_deep_json_is_no_token() -> None:
    deep = urlsafe_b64encode(b'{"a":' * 900 + b"1" + b"}" * 900).decode()
    assert refused(f"{deep}.e30.A") in ("token-malformed", "oidc-issuer")


def test_short_keys_are_not_taken() -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        short = jwk.RSAKey.generate_key(1024, {"kid": "short", "use": "sig"})
        assert refused(sign(claims(**GOOD), short), idp=Pretended(short)) == "oidc-key"


def test_several_settings_of_one_issuer_are_tried_and_the_first_that_fits_counts() -> None:
    staging = Provider(
        name="s", issuer=ISSUER, audience=AUDIENCE, scopes=("write",), claims={"ref": "dev"}, environments=("staging",)
    )
    production = Provider(name="p", issuer=ISSUER, audience=AUDIENCE, scopes=("write",), claims={"ref": "main"})
    assert verify(sign(claims(ref="dev")), staging, production).provider.name == "s"
    assert verify(sign(claims(ref="main")), staging, production).provider.name == "p"
    assert refused(sign(claims(ref="fork")), staging, production) == "oidc-claim"


class Seconds:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_keys_are_fetched_anew_for_an_unknown_name_and_not_too_often() -> None:
    idp, seconds = Pretended(rsa()), Seconds()
    issuer = Issuer(ISSUER, idp.load, seconds)
    assert issuer.key("one") is not None
    assert idp.asked == 2
    for each in range(50):
        assert issuer.key(f"stranger {each}") is None
    assert idp.asked == 2
    idp.published.append(dict(ec().as_dict(private=False)))
    seconds.now += FLOOR_SECONDS
    assert issuer.key("curve") is not None
    assert idp.asked == 4
    seconds.now += FRESH_SECONDS + 1
    idp.published.pop(0)
    assert issuer.key("one") is None


def test_while_a_provider_is_away_its_known_keys_hold_for_a_day() -> None:
    idp, seconds = Pretended(rsa()), Seconds()
    issuer = Issuer(ISSUER, idp.load, seconds)
    idp.away = True
    with pytest.raises(Unavailable):
        issuer.key("one")
    idp.away = False
    with pytest.raises(Unavailable):
        issuer.key("one")
    seconds.now += FLOOR_SECONDS
    assert issuer.key("one") is not None
    idp.away = True
    seconds.now += STALE_SECONDS - 1
    assert issuer.key("one") is not None
    seconds.now += 2
    with pytest.raises(Unavailable):
        issuer.key("one")


def test_a_token_cannot_be_checked_while_the_provider_was_never_reached() -> None:
    idp = Pretended()
    idp.away = True
    assert refused(sign(claims(**GOOD)), idp=idp) == "oidc-unreachable"


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"jwks_uri": "http://id.example.com/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://user:secret@id.example.com/keys"},
        {"jwks_uri": ""},
    ],
)
def test_documents_that_are_not_believed(about: dict[str, object]) -> None:
    idp = Pretended()
    idp.about.update(about)
    assert refused(sign(claims(**GOOD)), idp=idp) == "oidc-document"


def test_many_threads_ask_a_provider_once() -> None:
    idp = Pretended()
    providers = Providers((CI,), idp.load)
    text = sign(claims(**GOOD))
    them = [threading.Thread(target=providers.verify, args=(text,)) for _ in range(8)]
    for each in them:
        each.start()
    for each in them:
        each.join()
    assert idp.asked == 2


def test_documents_come_over_https_or_from_this_machine() -> None:
    for url in ("https://id.example.com/x", "http://localhost:1/x", "http://127.0.0.1/x", "http://[::1]:1/x"):
        assert oidc_documents.is_safe(url)
    for url in (
        "http://id.example.com",
        "ftp://localhost",
        "https://",
        "https://a:b@c",
        "http://localhost.evil.example",
        "https://[",
        "",
    ):
        assert not oidc_documents.is_safe(url)
    with pytest.raises(Unavailable) as caught:
        oidc_documents.load("http://127.0.0.1:1/")
    assert caught.value.code == "oidc-unreachable"


def test_the_mock_of_pypi_publishes_what_we_read() -> None:
    with providing.mocked() as (issuer, _):
        published = Issuer(issuer).published()
        assert published.token == f"{issuer}/oauth2/token"
        assert len(published.keys) == 1
