"""People who sign in at a provider: the mock of PyPI over real HTTP, and what an attacker does on the way there and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

import entering
import providing
from entering import BROWSER, OURS, Entered
from muniment.client import home as homes
from muniment.server.settings import Provider

VIEW = "/v1/view"


class Setting(NamedTuple):
    """A server, and the form of the provider."""

    door: Entered
    sign_in: Callable[..., str]

    def leave(self, path: str = "/models") -> str:
        """Where the server sends the browser."""
        answer = self.door.client.get("/sign-in/company", params={"next": path}, headers=BROWSER)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def come_back(self, url: str, **more: Any) -> Any:
        """What the server answers to the browser that returns."""
        return self.door.client.get(urlsplit(url)._replace(scheme="", netloc="").geturl(), headers=BROWSER, **more)


@pytest.fixture(scope="module")
def idp() -> Iterator[tuple[str, Callable[..., str]]]:
    with providing.mocked() as found:
        yield found


@pytest.fixture
def setting(idp: tuple[str, Callable[..., str]], tmp_path: Path) -> Iterator[Setting]:
    issuer, sign_in = idp
    home = homes.found(tmp_path / "home", origin="example.com/credit").folder
    company = Provider(
        name="company",
        issuer=issuer,
        audience="nobody",
        scopes=("read",),
        claims={"department": "risk"},
        client_id="muniment",
        client_secret="s e/c:r",
    )
    with entering.entered(home, state=tmp_path / "server", providers=(company,)) as door:
        yield Setting(door, sign_in)


def test_a_person_signs_in_and_reads(setting: Setting) -> None:
    page = setting.door.client.get("/", headers=BROWSER)
    assert 'href="/sign-in/company?next=%2F"' in page.text
    url = setting.leave()
    asked = parse_qs(urlsplit(url).query)
    assert (asked["code_challenge_method"], asked["response_type"], asked["scope"]) == (["S256"], ["code"], ["openid"])
    assert asked["redirect_uri"] == [f"{str(setting.door.client.base_url).rstrip(chr(47))}/sign-in/company/return"]
    answer = setting.come_back(setting.sign_in(url, "anna", department="risk"))
    assert answer.status_code == 200, answer.text
    assert '<meta http-equiv="refresh" content="0;url=/models">' in answer.text
    assert "SameSite=Strict" in answer.headers["set-cookie"]
    assert setting.door.client.get(VIEW).status_code == 200
    assert setting.door.client.post("/v1/tokens", json={"name": "x"}, headers=OURS).status_code == 403


def test_the_cookie_of_the_way_is_lax_and_short(setting: Setting) -> None:
    answer = setting.door.client.get("/sign-in/company", headers=BROWSER)
    assert answer.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600")
    assert setting.door.client.get(VIEW).status_code == 401


def test_a_person_without_the_claim_stays_outside(setting: Setting) -> None:
    answer = setting.come_back(setting.sign_in(setting.leave(), "zoe", department="sales"))
    assert answer.status_code == 401
    assert "oidc-claim" in answer.text
    assert setting.door.client.get(VIEW).status_code == 401


def test_a_way_back_works_once(setting: Setting) -> None:
    back = setting.sign_in(setting.leave(), "anna", department="risk")
    assert setting.come_back(back).status_code == 200
    answer = setting.come_back(back)
    assert (answer.status_code, "code-used" in answer.text) == (410, True)


def test_another_browser_cannot_come_back_nor_be_sent_back(setting: Setting) -> None:
    back = setting.sign_in(setting.leave(), "anna", department="risk")
    setting.door.client.cookies.clear()
    answer = setting.come_back(back)
    assert (answer.status_code, "oidc-state" in answer.text) == (401, True)
    # Nor with the cookie of a sign-in of its own.
    back = setting.sign_in(setting.leave(), "anna", department="risk")
    setting.leave()
    assert "oidc-state" in setting.come_back(back).text
    assert setting.door.client.get(VIEW).status_code == 401


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x", "?code=x&state=y", "?error=access_denied&state=x"])
def test_answers_that_nobody_asked_for(setting: Setting, query: str) -> None:
    answer = setting.come_back(f"/sign-in/company/return{query}")
    assert (answer.status_code, "set-cookie" in answer.headers) == (410, False)


def test_a_code_of_another_sign_in_is_refused_by_its_challenge_or_nonce(setting: Setting) -> None:
    stolen = parse_qs(urlsplit(setting.sign_in(setting.leave(), "anna", department="risk")).query)["code"][0]
    mine = parse_qs(urlsplit(setting.leave()).query)["state"][0]
    answer = setting.come_back(f"/sign-in/company/return?code={stolen}&state={mine}")
    assert answer.status_code in (401, 503)
    assert setting.door.client.get(VIEW).status_code == 401


def test_an_answer_that_names_another_sender_is_refused(setting: Setting) -> None:
    back = setting.sign_in(setting.leave(), "anna", department="risk")
    assert "oidc-state" in setting.come_back(f"{back}&iss=https%3A%2F%2Fevil.example").text


def test_providers_that_are_none(setting: Setting) -> None:
    for path in ("/sign-in/nobody", "/sign-in/nobody/return", "/sign-in/%2e%2e/return"):
        assert setting.door.client.get(path, headers=BROWSER).status_code == 404


def test_nobody_is_led_astray_after_it(setting: Setting) -> None:
    answer = setting.come_back(setting.sign_in(setting.leave("//evil.example"), "anna", department="risk"))
    assert 'content="0;url=/">' in answer.text
