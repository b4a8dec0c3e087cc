"""A key for a job, through the whole: a provider's token, the key that it has admitted, what that key signs, and its end."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time as clocks
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from nacl.signing import SigningKey

import entering
import makers
import muniment
import providing
from entering import Entered, bearer
from muniment.client import home as homes
from muniment.client import identity as enrolling
from muniment.client.home import Home
from muniment.core.rules import genesis
from muniment.core.rules.records import Actor, Key
from muniment.ledger.signers import SeedSigner
from muniment.server.access.oidc import Providers
from muniment.server.settings import Provider
from providing import AUDIENCE, Pretended, claims, sign

ORIGIN = "example.com/credit"
BUILD = Provider(
    name="build",
    issuer=providing.ISSUER,
    audience=AUDIENCE,
    scopes=("read", "write"),
    claims={"repository": "org/credit"},
    actor_claim="workload",
    ephemeral=True,
    ephemeral_roles=("trainer",),
)
GOOD = {"repository": "org/credit", "workload": "ci-credit"}


def found(folder: Path) -> Home:
    """A ledger with an identity service, for which its owner answers, and a service and a person who are enrolled."""
    home = homes.found(folder / "home", origin=ORIGIN, actor="ada")
    with muniment.open(home.folder, actor="ada") as ledger:
        for actor, kind, role in (("identity", "service", "owner"), ("robot", "service", "deployer"), ("bob", "person", "trainer")):
            asked = enrolling.request(home, ORIGIN, actor, kind)  # type: ignore[arg-type]
            ledger.keys.admit(asked, roles=[role], responsible=["ada"] if kind == "service" else [])
    return home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MUNIMENT_STATE", str(tmp_path / "state"))
    return found(tmp_path)


@pytest.fixture
def door(home: Home, tmp_path: Path) -> Iterator[Entered]:
    with entered(home, tmp_path, BUILD) as door:
        yield door


def entered(home: Home, tmp_path: Path, *providers: Provider, **settings: Any) -> Any:
    told = {"identity_actor": "identity", **settings}
    return entering.entered(home.folder, state=tmp_path / "server", providers=providers, **told)


@pytest.fixture(autouse=True)
def _pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every provider of these settings publishes what the test's one does, but for the one that is real."""
    idp = Pretended(providing.rsa(), providing.ec())
    real = Providers.__init__

    def init(self: Providers, providers: tuple[Provider, ...], *more: Any) -> None:
        pretended = all(each.issuer == providing.ISSUER for each in providers)
        real(self, providers, *(idp.load,) if pretended else more)

    monkeypatch.setattr(Providers, "__init__", init)


def wanted(signer: SeedSigner, actor: str = "ci-credit", origin: str = ORIGIN) -> dict[str, str]:
    proved = genesis.prove_key(origin, actor, signer)
    return {"actor": actor, "key": proved.key, "proof": proved.proof}


def new() -> SeedSigner:
    return SeedSigner(bytes(SigningKey.generate()))


def ask(door: Entered, token: str, signer: SeedSigner, actor: str = "ci-credit", **more: str) -> Any:
    return door.client.post("/v1/identity", json={**wanted(signer, actor), **more}, headers=bearer(token))


def submit(door: Entered, token: str, signer: SeedSigner, name: str = "loans") -> dict[str, Any]:
    """The verdict about a data set that the workload registers."""
    ledger = next(iter(door.app.hosting)).reader.id
    data = hashlib.sha256(name.encode() + signer.public_key).hexdigest()
    raw = makers.sign(ledger, "dataset.registered", signer, "ci-credit", makers.random_id(), name=name, data=data, files=1, bytes=1)
    answer = door.client.post("/v1/entries", content=b'{"entries":[' + raw + b"]}", headers=bearer(token))
    assert answer.status_code == 200, answer.text
    verdict: dict[str, Any] = answer.json()["verdicts"][0]
    return verdict


def test_a_workload_signs_for_as_long_as_its_key_lasts(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = 60
    with providing.mocked() as (issuer, sign_in):
        provider = Provider(
            name="mock",
            issuer=issuer,
            audience=AUDIENCE,
            scopes=("read", "write"),
            claims={"repository": "org/credit"},
            actor_claim="workload",
            ephemeral=True,
            ephemeral_roles=("trainer",),
            ephemeral_seconds=short,
        )
        with entered(home, tmp_path, provider) as door:
            token = fetch(issuer, sign_in, "job-17", repository="org/credit", workload="ci-credit")
            signer = new()
            assert submit(door, token, signer)["decision"] == "refused"
            answer = ask(door, token, signer)
            assert answer.status_code == 200, answer.text
            admitted = answer.json()
            reader = next(iter(door.app.hosting)).reader
            key = reader.state(f"key/{admitted['key']}", Key)
            assert key is not None
            assert (key.actor, key.claims, key.expires) == ("ci-credit", admitted["claimsDigest"], admitted["expiresAt"])
            actor = reader.state("actor/ci-credit", Actor)
            assert actor == Actor(kind="service", responsible=("ada",), roles=("trainer",))
            assert submit(door, token, signer)["decision"] == "admitted"
            # An answer that was lost: the same again says the same, and writes nothing.
            again = ask(door, token, signer).json()
            assert (again["expiresAt"], again["eventId"]) == (admitted["expiresAt"], None)

            later = clocks.time_ns() + short * 1_000_000_000
            monkeypatch.setattr(clocks, "time_ns", lambda: later)
            late = submit(door, token, signer, name="later")
            assert late["decision"] == "refused"
            assert "no longer valid" in json.dumps(late)

            without = fetch(issuer, sign_in, "job-18", workload="ci-credit")
            assert ask(door, without, new()).json()["code"] == "oidc-claim"


def fetch(issuer: str, sign_in: Any, subject: str, **said: str) -> str:
    """A token of the mock, by the same way that its own clients go."""
    asked = f"response_type=code&client_id={AUDIENCE}&redirect_uri=http://localhost/return&scope=openid&state=s&nonce={subject}"
    code = sign_in(f"{issuer}/oauth2/authorize?{asked}", subject, **said).partition("code=")[2].partition("&")[0]
    client = {"client_id": AUDIENCE, "client_secret": "any"}
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://localhost/return", **client}
    with urllib3.PoolManager() as pool:
        answer = pool.request("POST", f"{issuer}/oauth2/token", fields=fields, encode_multipart=False)
    return str(answer.json()["id_token"])


def test_a_token_admits_one_key(door: Entered) -> None:
    token, mine, stolen = sign(claims(**GOOD)), new(), new()
    assert ask(door, token, mine).status_code == 200
    answer = ask(door, token, stolen)
    assert (answer.status_code, answer.json()["code"]) == (403, "oidc-replayed")
    assert submit(door, token, stolen)["decision"] == "refused"
    assert ask(door, sign(claims(**GOOD, jti="another")), stolen).status_code == 200


@pytest.mark.parametrize(
    ("actor", "code"), [("bob", "oidc-actor"), ("ada", "oidc-actor"), ("identity", "oidc-actor"), ("node", "oidc-actor")]
)
def test_no_person_and_no_guardian_gets_a_key_in_this_way(door: Entered, actor: str, code: str) -> None:
    answer = ask(door, sign(claims(**{**GOOD, "workload": actor})), new(), actor)
    assert (answer.status_code, answer.json()["code"]) == (403, code)


def test_a_service_with_other_roles_gets_none(door: Entered) -> None:
    answer = ask(door, sign(claims(**{**GOOD, "workload": "robot"})), new(), "robot")
    assert (answer.status_code, answer.json()["code"]) == (403, "oidc-roles")


def test_the_token_names_the_actor(door: Entered) -> None:
    for said in ({"workload": "ci-other"}, {"workload": None}, {"workload": ["ci-credit"]}, {"workload": "CI-CREDIT"}):
        answer = ask(door, sign(claims(**{**GOOD, **said})), new())
        assert (answer.status_code, answer.json()["code"]) == (403, "oidc-actor")


def test_a_key_that_does_not_ask_for_itself_gets_nothing(door: Entered) -> None:
    token, signer = sign(claims(**GOOD)), new()
    other = wanted(new())
    assert ask(door, token, signer, proof=other["proof"]).json()["code"] == "key-proof"
    elsewhere = wanted(signer, origin="example.com/other")
    assert ask(door, token, signer, proof=elsewhere["proof"]).json()["code"] == "key-proof"


def test_only_a_providers_token_asks(door: Entered) -> None:
    signer = new()
    for headers in ({}, bearer(door.token("admin"))):
        answer = door.client.post("/v1/identity", json=wanted(signer), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "oidc-needed")


def test_providers_and_servers_that_admit_no_keys(home: Home, tmp_path: Path) -> None:
    plain = Provider(name="p", issuer=providing.ISSUER, audience=AUDIENCE, actor_claim="workload")
    with entered(home, tmp_path, plain) as door:
        assert ask(door, sign(claims(**GOOD)), new()).json()["code"] == "oidc-no-keys"
    with entered(home, tmp_path, BUILD, identity_actor="") as door:
        answer = ask(door, sign(claims(**GOOD)), new())
        assert (answer.status_code, answer.json()["code"]) == (503, "no-identity-service")


def test_the_rules_decide_whether_the_service_may(home: Home, tmp_path: Path) -> None:
    with muniment.open(home.folder, actor="ada") as ledger:
        ledger.keys.assign("identity", roles=["trainer"])
    with entered(home, tmp_path, BUILD) as door:
        signer, token = new(), sign(claims(**GOOD))
        answer = ask(door, token, signer)
        assert (answer.status_code, answer.json()["code"]) == (409, "refused-role")
        assert submit(door, token, signer)["decision"] == "refused"


def rewritten(token: str) -> list[str]:
    """The same token in other letters: bits of the last one that stand for nothing, and the other signature of a curve's pair."""
    head, signature = token.rsplit(".", 1)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = letters.index(signature[-1])
    found = [f"{head}.{signature[:-1]}{letters[last ^ bit]}" for bit in (1, 2, 3)] + [f"{token}=", f"{token}=="]
    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    if len(raw) == 64:
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        mirrored = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
        found.append(f"{head}.{base64.urlsafe_b64encode(mirrored).rstrip(b'=').decode()}")
    return found


@pytest.mark.parametrize("curve", [False, True])
def test_a_stolen_token_written_differently_admits_no_second_key(home: Home, tmp_path: Path, curve: bool) -> None:
    """What a token stands for is what was signed; its signature can be written in several ways."""
    with entered(home, tmp_path, BUILD) as door:
        token = sign(claims(**GOOD), providing.ec(), alg="ES256") if curve else sign(claims(**GOOD))
        assert ask(door, token, new()).status_code == 200
        for other in rewritten(token):
            answer = ask(door, other, new())
            assert answer.status_code in (401, 403), (other[-8:], answer.text)


def test_a_service_that_signs_with_a_key_of_its_own_gets_no_other_one(home: Home, tmp_path: Path) -> None:
    """Whoever can make a provider's token say its name would be it otherwise: no role is needed for what a service owns."""
    with muniment.open(home.folder, actor="ada") as ledger:
        asked = enrolling.request(home, ORIGIN, "batch", "service")
        ledger.keys.admit(asked, roles=["trainer"], responsible=["ada"])
    with entered(home, tmp_path, BUILD) as door:
        answer = ask(door, sign(claims(**{**GOOD, "workload": "batch"})), new(), "batch")
        assert (answer.status_code, answer.json()["code"]) == (403, "oidc-actor")
        # Who came in this way comes again, with a key for each job.
        for _ in range(2):
            assert ask(door, sign(claims(**GOOD, jti=os.urandom(4).hex())), new()).status_code == 200
