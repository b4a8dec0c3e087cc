"""Tokens and requests for keys over HTTP: nobody hands on more than he has, nobody sees what is another's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

import entering
from entering import Entered, bearer
from muniment.client import home as homes
from muniment.client import key_request
from muniment.core.format import time
from muniment.errors import MunimentError
from muniment.ledger.embedded import system_clock
from muniment.ledger.signers import SeedSigner
from muniment.server import guard
from muniment.server.access import pending
from muniment.server.access.credentials import Bearer
from muniment.server.access.tokens import Token
from muniment.server.access.verified import Identity, Verified
from muniment.server.caller import ANONYMOUS, Caller
from muniment.server.problems import Forbidden, Unauthenticated
from muniment.server.settings import Served

ORIGIN = "example.com/credit"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    one, other = (tmp_path_factory.mktemp(name) / "home" for name in ("one", "other"))
    return homes.found(one, origin=ORIGIN).folder, homes.found(other, origin="example.com/other").folder


@pytest.fixture
def door(folders: tuple[Path, Path], tmp_path: Path) -> Iterator[Entered]:
    ledgers = (Served(name="credit", home=folders[0]), Served(name="other", home=folders[1]))
    with entering.entered(*ledgers, state=tmp_path / "server") as entered:
        yield entered


def wish(door: Entered, token: str, **more: object) -> Any:
    return door.client.post("/l/credit/v1/tokens", json={"name": "x", **more}, headers=bearer(token))


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_an_administrator_makes_lists_and_ends_tokens(door: Entered) -> None:
    admin = door.token("admin")
    made = wish(door, admin, scopes=["read", "write"], ledgers=["credit"], environments=["staging"])
    assert made.status_code == 201
    token = made.json()["token"]
    assert door.client.get("/l/credit/v1/view", headers=bearer(token)).status_code == 200
    listed = door.client.get("/l/credit/v1/tokens", headers=bearer(admin))
    assert [each["name"] for each in listed.json()["items"]] == ["x", "test"]
    assert listed.json()["items"][0]["createdBy"] == admin.split("_")[1]
    assert token not in listed.text
    id_ = made.json()["made"]["id"]
    assert door.client.delete(f"/l/credit/v1/tokens/{id_}", headers=bearer(admin)).status_code == 200
    assert code_of(door.client.get("/l/credit/v1/view", headers=bearer(token))) == (401, "token-revoked")
    assert code_of(door.client.delete("/l/credit/v1/tokens/nobody", headers=bearer(admin))) == (404, "no-such-token")


@pytest.mark.parametrize("scopes", [(), ("read",), ("write",), ("read", "write")])
def test_who_is_no_administrator_touches_no_token(door: Entered, scopes: tuple[str, ...]) -> None:
    token = door.token(*(scopes or ("read",)))
    headers = bearer(token) if scopes else {}
    for method, path in (("GET", "/v1/tokens"), ("POST", "/v1/tokens"), ("DELETE", f"/v1/tokens/{token.split('_')[1]}")):
        answer = door.client.request(method, f"/l/credit{path}", headers=headers, json={"name": "x"} if method == "POST" else None)
        assert answer.status_code == (403 if scopes else 401), (method, path)


def test_an_administrator_of_one_ledger_stays_there(door: Entered) -> None:
    everywhere, here = door.token("admin"), door.token("admin", ledgers=("credit",))
    foreign = door.token("read", ledgers=("other",))
    assert code_of(wish(door, here)) == (403, "ledgers")
    assert code_of(wish(door, here, ledgers=["credit", "other"])) == (403, "ledgers")
    assert wish(door, here, scopes=["admin"], ledgers=["credit"]).status_code == 201
    seen = door.client.get("/l/credit/v1/tokens", headers=bearer(here)).json()["items"]
    assert {tuple(each["ledgers"]) for each in seen} == {("credit",)}
    for token in (everywhere, foreign):
        answer = door.client.delete(f"/l/credit/v1/tokens/{token.split('_')[1]}", headers=bearer(here))
        assert code_of(answer) == (404, "no-such-token")
    assert door.client.get("/l/other/v1/tokens", headers=bearer(here)).status_code == 403


def test_an_administrator_of_some_environments_stays_there(door: Entered) -> None:
    some = door.token("admin", environments=("staging",))
    assert code_of(wish(door, some)) == (403, "environments")
    assert code_of(wish(door, some, environments=["staging", "production"])) == (403, "environments")
    assert wish(door, some, environments=["staging"]).status_code == 201


def test_no_token_makes_one_that_outlives_it(door: Entered) -> None:
    end = system_clock() + 3_600_000_000
    short = door.token("admin", expires_at=time.format(end))
    assert code_of(wish(door, short)) == (403, "outlives")
    assert code_of(wish(door, short, expiresAt=time.format(end + 1))) == (403, "outlives")
    assert wish(door, short, expiresAt=time.format(end)).status_code == 201


@pytest.mark.parametrize(
    "more",
    [{"name": "a\nb"}, {"scopes": []}, {"scopes": ["root"]}, {"ledgers": ["nothing"]}, {"expiresAt": "x"}, {"secret": "mine"}],
)
def test_wishes_that_make_no_sense(door: Entered, more: dict[str, object]) -> None:
    answer = wish(door, door.token("admin"), **more)
    assert answer.status_code == 400


def line(actor: str = "bob", origin: str = ORIGIN) -> str:
    return key_request.format(key_request.make(origin, actor, "person", SeedSigner(bytes(SigningKey.generate()))))


def put(door: Entered, token: str, text: str, ledger: str = "credit") -> Any:
    return door.client.post(f"/l/{ledger}/v1/requests", json={"request": text}, headers=bearer(token))


def waiting(door: Entered, token: str, ledger: str = "credit") -> list[int]:
    return [each["id"] for each in door.client.get(f"/l/{ledger}/v1/requests", headers=bearer(token)).json()["items"]]


def test_who_reads_may_ask_and_sees_what_he_asked_for(door: Entered) -> None:
    admin, anna, ben = door.token("admin"), door.token("read"), door.token("read")
    text = line()
    asked = put(door, anna, text)
    assert asked.status_code == 201
    told = asked.json()
    assert (told["request"], told["actor"], told["askedBy"]) == (text, "bob", anna.split("_")[1])
    other = put(door, ben, line("carl")).json()
    assert waiting(door, admin) == [told["id"], other["id"]]
    assert waiting(door, anna) == [told["id"]]
    assert waiting(door, admin, "other") == []
    # The same key again is the same request, whoever sends the line, and remains that of the first.
    assert put(door, ben, text).json() == told
    for token, status in ((ben, 404), (anna, 204)):
        answer = door.client.delete(f"/l/credit/v1/requests/{told['id']}", headers=bearer(token))
        assert answer.status_code == status
    assert door.client.delete(f"/l/other/v1/requests/{other['id']}", headers=bearer(admin)).status_code == 404
    assert door.client.delete(f"/l/credit/v1/requests/{other['id']}", headers=bearer(admin)).status_code == 204
    assert waiting(door, admin) == []


def test_requests_are_checked_and_few(door: Entered, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = door.token("read")
    assert code_of(put(door, anna, line(origin="example.com/other"))) == (400, "other-origin")
    good = line()
    assert put(door, anna, good[:-2] + ("AA" if good[-2:] != "AA" else "BB")).status_code == 400
    assert code_of(put(door, anna, "x" * 5_000)) == (400, "bad-key-request")
    assert door.client.post("/l/credit/v1/requests", json={"request": good}).status_code == 401
    for _ in range(pending.MAX_OF_ONE):
        assert put(door, anna, line()).status_code == 201
    assert code_of(put(door, anna, line())) == (400, "too-many-requests")
    later = system_clock() + pending.LIFE_US + 1
    monkeypatch.setattr(door.access.requests, "_clock", lambda: later)
    assert waiting(door, anna) == []
    assert put(door, anna, line()).status_code == 201


SCOPES = st.frozensets(st.sampled_from(["read", "write", "admin"]))
NAMES = st.sampled_from(["", "credit", "other", "Credit", "credit/", "*"])
CALLERS = st.builds(
    Caller,
    kind=st.sampled_from(["token", "oidc", "session"]),
    id=st.just("somebody"),
    scopes=SCOPES,
    ledgers=st.frozensets(NAMES),
    environments=st.just(frozenset()),
)


@given(
    caller=st.one_of(st.just(ANONYMOUS), CALLERS),
    asked=st.sampled_from(["open", "tiles", "read", "write", "admin", None, "Read", ""]),
    ledger=st.one_of(st.none(), NAMES),
    public=st.booleans(),
)
def test_nobody_passes_the_guard_beyond_scope_and_ledger(
    caller: Caller, asked: str | None, ledger: str | None, public: bool
) -> None:
    scope: dict[str, Any] = {}
    guard.note_caller(scope, caller)
    guard.note_ledger(scope, cast(Any, None if ledger is None else SimpleNamespace(name=ledger)))
    app = SimpleNamespace(state=SimpleNamespace(settings=SimpleNamespace(public=public)))
    handler = SimpleNamespace(opt={} if asked is None else {"scope": asked})
    wrong: MunimentError | None = None
    try:
        asyncio.run(guard.check(cast(Any, SimpleNamespace(scope=scope, app=app)), cast(Any, handler)))
    except (Unauthenticated, Forbidden) as error:
        wrong = error
    needed = {"tiles": "read", None: "admin"}.get(asked, asked)
    # Whoever may read some ledgers only is not told which others there are.
    inside = not caller.ledgers or ledger in caller.ledgers
    may = inside and bool(caller.scopes & {needed, "admin"})
    assert (wrong is None) == (asked == "open" or (asked == "tiles" and public) or may)
    assert wrong is None or isinstance(wrong, Unauthenticated) == (caller is ANONYMOUS)


@given(
    expires=st.one_of(st.none(), st.integers(1, 100)),
    revoked=st.one_of(st.none(), st.integers(1, 100)),
    steps=st.lists(st.integers(0, 40), min_size=1, max_size=8),
)
def test_nobody_passes_after_the_end_of_a_token(expires: int | None, revoked: int | None, steps: list[int]) -> None:
    """Times are tenths of a second; what is remembered outlives a revocation by less than two seconds, and an expiry by nothing."""
    now = 0

    async def look(_: object) -> Identity:
        token = Token(
            id="x",
            name="x",
            scopes=("read",),
            ledgers=(),
            environments=(),
            created_at="",
            created_by="",
            expires_at=None if expires is None else time.format(expires * 100_000),
            revoked_at="then" if revoked is not None and revoked <= now else None,
            last_used_at=None,
        )
        if token.standing(now * 100_000) != "valid":
            raise Unauthenticated("over")
        return Identity(caller=token.caller(), until_us=None if expires is None else expires * 100_000)

    async def walk() -> None:
        nonlocal now
        verified = Verified(look, lambda: now * 100_000, lambda: now / 10)
        for step in steps:
            now += step
            presented = Bearer("x")
            try:
                passed = (verified.recall(presented) or await verified.find(presented)) is not None
            except MunimentError:
                passed = False
            if expires is not None and now >= expires:
                assert not passed
            if revoked is not None and now >= revoked + 20:
                assert not passed
            if (expires is None or now < expires) and (revoked is None or now < revoked):
                assert passed

    asyncio.run(walk())
