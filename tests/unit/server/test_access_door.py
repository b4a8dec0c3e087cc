"""Who gets in: tokens, sessions, scopes, ledgers; and what an attacker tries at the door."""

from __future__ import annotations

import re
import time as clocks
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import entering
from entering import BROWSER, OURS, Entered, bearer
from muniment.client import home as homes
from muniment.core.format import time
from muniment.ledger.embedded import system_clock
from muniment.server.access import links, rate
from muniment.server.access.rate import FAILURES_PER_MINUTE
from muniment.server.settings import Limits, Served

VIEW = "/v1/view"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return homes.found(tmp_path_factory.mktemp("ledger") / "home", origin="example.com/credit").folder


@pytest.fixture
def door(home: Path, tmp_path: Path) -> Iterator[Entered]:
    with entering.entered(home, state=tmp_path / "server") as entered:
        yield entered


def code_of(answer: object) -> str:
    return str(answer.json()["code"])  # type: ignore[attr-defined]


def test_nobody_reads_without_a_token(door: Entered) -> None:
    answer = door.client.get(VIEW)
    assert (answer.status_code, code_of(answer)) == (401, "unauthenticated")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert door.client.get("/healthz").status_code == 200


def test_a_token_reads_and_the_case_of_the_scheme_does_not_matter(door: Entered) -> None:
    token = door.token("read")
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert door.client.get(VIEW, headers={"Authorization": f"{scheme} {token}"}).status_code == 200
    assert door.access.tokens.list()[0].last_used_at is not None


def test_other_schemes_are_wrong_and_not_nobody(door: Entered) -> None:
    for scheme in ("Basic", "Token", "Bearer:", "Bearer\t", "Béarer", ""):
        said = f"{scheme} {door.token('read')}".encode("latin-1")
        answer = door.client.get(VIEW, headers={"Authorization": said})
        assert (answer.status_code, code_of(answer)) == (401, "token-malformed"), scheme


def test_what_is_presented_and_wrong_is_refused_even_where_nothing_is_needed(door: Entered) -> None:
    for path in ("/healthz", "/sign-in", VIEW):
        answer = door.client.get(path, headers=bearer(f"mun_{'0' * 12}_{'A' * 43}"))
        assert (answer.status_code, code_of(answer)) == (401, "token-unknown"), path


def test_two_authorizations_are_none(door: Entered) -> None:
    good = ("Authorization", f"Bearer {door.token('read')}")
    for both in ([good, good], [good, ("authorization", "Bearer x")], [("AUTHORIZATION", "Bearer x"), good]):
        answer = door.client.get(VIEW, headers=both)
        assert (answer.status_code, code_of(answer)) == (401, "token-malformed")
    joined = {"Authorization": f"Bearer {door.token('read')}, Bearer {door.token('admin')}"}
    assert code_of(door.client.get(VIEW, headers=joined)) == "token-malformed"


def test_a_token_in_the_address_is_refused_even_beside_a_good_one(door: Entered) -> None:
    token = door.token("read")
    for query in (f"token={token}", f"x=1&access_token={token}", f"q={token}"):
        for headers in ({}, bearer(token)):
            answer = door.client.get(f"{VIEW}?{query}", headers=headers)
            assert (answer.status_code, code_of(answer)) == (401, "token-in-url")


def test_a_huge_token_is_looked_at_by_nobody(door: Entered) -> None:
    # Of this process alone: what else the machine does is not counted.
    began = clocks.process_time()
    answer = door.client.get(VIEW, headers=bearer("eyJ" + "A" * 60_000))
    assert (answer.status_code, code_of(answer)) == (401, "token-malformed")
    assert clocks.process_time() - began < 1.0


def test_a_revoked_token_stops_at_once_here_and_within_two_seconds_elsewhere(door: Entered, home: Path, tmp_path: Path) -> None:
    admin, token = door.token("admin"), door.token("read")
    id_ = token.split("_")[1]
    with entering.entered(home, state=tmp_path / "server") as elsewhere:
        assert elsewhere.client.get(VIEW, headers=bearer(token)).status_code == 200
        assert door.client.get(VIEW, headers=bearer(token)).status_code == 200
        revoked = door.client.delete(f"/v1/tokens/{id_}", headers=bearer(admin))
        assert revoked.status_code == 200
        assert revoked.json()["revokedAt"] is not None
        assert code_of(door.client.get(VIEW, headers=bearer(token))) == "token-revoked"
        deadline = clocks.monotonic() + 2.0
        asked = clocks.monotonic()
        while elsewhere.client.get(VIEW, headers=bearer(token)).status_code == 200:
            assert asked < deadline
            clocks.sleep(0.05)
            asked = clocks.monotonic()
        assert code_of(elsewhere.client.get(VIEW, headers=bearer(token))) == "token-revoked"


def test_a_token_that_ends_is_not_remembered_beyond_its_end(door: Entered, monkeypatch: pytest.MonkeyPatch) -> None:
    end = system_clock() + 600_000_000
    token = door.token("read", expires_at=time.format(end))
    assert door.client.get(VIEW, headers=bearer(token)).status_code == 200
    monkeypatch.setattr(clocks, "time_ns", lambda: end * 1_000)
    assert code_of(door.client.get(VIEW, headers=bearer(token))) == "token-expired"


def test_a_token_for_one_ledger_opens_no_other(home: Path, tmp_path: Path) -> None:
    other = homes.found(tmp_path / "other" / "home", origin="example.com/other").folder
    ledgers = (Served(name="", home=home), Served(name="other", home=other))
    with entering.entered(*ledgers, state=tmp_path / "server") as door:
        token, everywhere = door.token("read", ledgers=("other",)), door.token("read")
        assert door.client.get(f"/l/other{VIEW}", headers=bearer(token)).status_code == 200
        for path in (VIEW, f"/l/{VIEW}", f"/l/nothing{VIEW}"):
            answer = door.client.get(path, headers=bearer(token))
            assert (answer.status_code, code_of(answer)) == (403, "forbidden"), path
        assert door.client.get(f"/l/nothing{VIEW}", headers=bearer(everywhere)).status_code == 404
        # The same for a browser: one session for the server, as narrow as the token that made it.
        assert sign_in(door, token, base="/l/other").status_code == 303
        assert door.client.get(f"/l/other{VIEW}").status_code == 200
        assert door.client.get(VIEW).status_code == 403


def sign_in(door: Entered, token: str, base: str = "", **headers: str) -> object:
    return door.client.post(f"{base}/sign-in", data={"token": token, "next": "/models"}, headers={**OURS, **headers})


def test_a_browser_signs_in_and_out(door: Entered) -> None:
    door.access.rates.note_failure("testclient")
    answer = sign_in(door, f"  {door.token('read')}\n")
    assert (answer.status_code, answer.headers["location"]) == (303, "/models")  # type: ignore[attr-defined]
    cookie = answer.headers["set-cookie"]  # type: ignore[attr-defined]
    assert re.fullmatch(r"muniment-8760=[\w-]{43}; Path=/; HttpOnly; SameSite=Strict", cookie)
    assert door.client.get(VIEW).status_code == 200
    out = door.client.post("/sign-out", headers=OURS)
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert "Max-Age=0" in out.headers["set-cookie"]
    value = cookie.partition("=")[2].partition(";")[0]
    answer = door.client.get(VIEW, headers={"Cookie": f"muniment-8760={value}"})
    assert (answer.status_code, code_of(answer)) == (401, "session-ended")


def test_over_tls_the_cookie_is_bound_to_this_host(home: Path, tmp_path: Path) -> None:
    with entering.entered(home, state=tmp_path / "server", url="https://ledger.example.com") as door:
        door.client.base_url = "https://ledger.example.com"
        answer = sign_in(door, door.token("read"))
        cookie = answer.headers["set-cookie"]  # type: ignore[attr-defined]
        assert re.fullmatch(r"__Host-muniment=[\w-]{43}; Path=/; HttpOnly; SameSite=Strict; Secure", cookie)
        # A neighbour, or somebody on plain HTTP, can only set cookies of other names.
        value = cookie.partition("=")[2].partition(";")[0]
        door.client.cookies.clear()
        assert door.client.get(VIEW, headers={"Cookie": f"muniment-8760={value}"}).status_code == 401


def test_signing_in_makes_a_new_session_whatever_the_browser_brings(door: Entered) -> None:
    chosen = "A" * 43
    answer = sign_in(door, door.token("read"), Cookie=f"muniment-8760={chosen}")
    first = answer.headers["set-cookie"]  # type: ignore[attr-defined]
    assert chosen not in first
    second = sign_in(door, door.token("read")).headers["set-cookie"]  # type: ignore[attr-defined]
    assert first != second
    value = first.partition(";")[0]
    door.client.cookies.clear()
    assert code_of(door.client.get(VIEW, headers={"Cookie": value})) == "session-ended"


def test_two_cookies_of_one_name_are_none(door: Entered) -> None:
    sign_in(door, door.token("read"))
    value = door.client.cookies["muniment-8760"]
    door.client.cookies.clear()
    for tossed in (f"muniment-8760={value}; muniment-8760={'A' * 43}", f"muniment-8760={value}; muniment-8760={value}"):
        answer = door.client.get(VIEW, headers={"Cookie": tossed})
        assert (answer.status_code, code_of(answer)) == (401, "session-malformed")


ELSEWHERE: tuple[dict[str, str], ...] = (
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver.local.evil.example"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver.local"},
)


def test_other_sites_do_nothing_in_somebodys_name(door: Entered) -> None:
    sign_in(door, door.token("admin"))
    for headers in ELSEWHERE:
        for path in ("/v1/tokens", "/sign-in", "/sign-out"):
            answer = door.client.post(path, json={"name": "x"}, headers=headers)
            assert (answer.status_code, code_of(answer)) == (403, "cross-site"), (path, headers)
        assert door.client.get(VIEW, headers=headers).status_code == 200
    # As Chromium writes it in forms of pages that hide where they lead from.
    hidden = {**OURS, "Origin": "null"}
    own = {"Origin": str(door.client.base_url).rstrip("/")}
    for headers in (OURS, hidden, own):
        assert door.client.post("/v1/tokens", json={"name": "x"}, headers=headers).status_code == 201


def test_a_browser_without_a_name_gets_the_page_with_status_401(door: Entered) -> None:
    for path in ("/", "/v1/view?since=3", "/models/credit"):
        answer = door.client.get(path, headers=BROWSER)
        assert answer.status_code == 401
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "Sign in" in answer.text
        assert "example.com/credit" not in answer.text
        assert f'name="next" value="{path}"' in answer.text
    head = door.client.head("/", headers={**BROWSER, **bearer("x")})
    assert (head.status_code, head.content) == (401, b"")


def test_an_ended_session_is_taken_from_the_browser_and_does_not_stand_in_its_way(door: Entered) -> None:
    stale = {"Cookie": f"muniment-8760={'A' * 43}"}
    answer = door.client.get("/", headers={**BROWSER, **stale})
    assert answer.status_code == 401
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert door.client.get("/sign-in", headers={**BROWSER, **stale}).status_code == 200


def test_nobody_is_sent_to_another_site(door: Entered) -> None:
    token = door.token("read")
    astray = (
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "\\\\evil",
        "",
        "x",
    )
    for path in astray:
        answer = door.client.post("/sign-in", data={"token": token, "next": path}, headers=OURS)
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), path
        page = door.client.get("/sign-in", params={"next": path}, headers=BROWSER)
        assert 'name="next" value="/"' in page.text


def test_what_is_pasted_wrongly_is_said_on_the_page_and_never_repeated(door: Entered) -> None:
    answer = door.client.post("/sign-in", data={"token": "<b>mun_secret"}, headers={**OURS, **BROWSER})
    assert answer.status_code == 401
    assert "token-malformed" in answer.text
    assert "mun_secret" not in answer.text


def test_a_link_signs_in_once(door: Entered) -> None:
    link = links.make_link(door.access.settings, "http://127.0.0.1:8760")
    assert link.startswith("http://127.0.0.1:8760/sign-in?code=")
    path = link.removeprefix("http://127.0.0.1:8760")
    assert door.client.head(path).status_code in (200, 405)
    answer = door.client.get(path, headers=BROWSER)
    assert answer.status_code == 200
    assert "muniment-8760=" in answer.headers["set-cookie"]
    assert '<meta http-equiv="refresh" content="0;url=/">' in answer.text
    assert door.client.get(VIEW).status_code == 200
    assert door.client.get("/v1/tokens").status_code == 403
    door.client.cookies.clear()
    again = door.client.get(path, headers=BROWSER)
    assert (again.status_code, "set-cookie" in again.headers) == (410, False)


def test_who_fails_too_often_is_told_to_wait_and_others_are_not(door: Entered) -> None:
    good = bearer(door.token("read"))
    assert door.client.get(VIEW, headers=good).status_code == 200
    seen = [door.client.get(VIEW, headers=bearer(f"mun_{each:012x}_{'A' * 43}")) for each in range(FAILURES_PER_MINUTE + 1)]
    assert [each.status_code for each in seen] == [401] * FAILURES_PER_MINUTE + [429]
    assert (code_of(seen[-1]), seen[-1].headers["retry-after"]) == ("too-often", "60")
    # A token that was good before is still looked at, also when what was remembered of it is old.
    door.access.verified.recall = lambda presented: None  # type: ignore[method-assign]
    assert door.client.get(VIEW, headers=good).status_code == 200
    assert door.client.post("/sign-in", data={"token": "x"}, headers=OURS).status_code == 429


def test_requests_are_counted_by_caller_and_by_address(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # All of it in one stretch of time, however long it takes.
    now = clocks.monotonic()
    monkeypatch.setattr(rate, "time", SimpleNamespace(monotonic=lambda: now))
    few = Limits(requests_per_second=5, anonymous_per_second=2)
    with entering.entered(home, state=tmp_path / "server", limits=few) as door:
        one, other = bearer(door.token("read")), bearer(door.token("read"))
        assert 429 in [door.client.get(VIEW, headers=one).status_code for _ in range(30)]
        assert door.client.get(VIEW, headers=other).status_code == 200
        seen = [door.client.get(VIEW) for _ in range(15)]
        assert {each.status_code for each in seen} == {401, 429}
        assert next(each for each in seen if each.status_code == 429).headers["retry-after"] == "2"
        assert {door.client.get("/healthz").status_code for _ in range(30)} == {200}
