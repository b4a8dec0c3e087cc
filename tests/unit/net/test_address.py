"""Addresses of nodes: one form, no secrets in them, and no token over an open wire."""

from __future__ import annotations

import pytest

from muniment.errors import InvalidInput
from muniment.net import address


@pytest.mark.parametrize(
    ("text", "url", "base"),
    [
        ("https://ledger.example.org", "https://ledger.example.org", ""),
        ("https://ledger.example.org/", "https://ledger.example.org", ""),
        ("HTTPS://Ledger.Example.ORG:443/l/credit/", "https://ledger.example.org/l/credit", "/l/credit"),
        ("http://127.0.0.1:8760", "http://127.0.0.1:8760", ""),
        ("http://[::1]:8760/l/x", "http://[::1]:8760/l/x", "/l/x"),
    ],
)
def test_an_address_has_one_form(text: str, url: str, base: str) -> None:
    found = address.parse(text)
    assert (found.url, found.base) == (url, base)
    assert address.parse(found.url) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ledger.example.org",
        "ftp://ledger.example.org",
        "https://",
        "https://user:secret@ledger.example.org",
        "https://ledger.example.org/?x=1",
        "https://ledger.example.org/#x",
        "https://ledger.example.org/../x",
        "https://ledger.example.org/a b",
        "https://ledger.example.org:99999",
        "https://ledger\r\n.example.org",
        "https://[::1",
        "https://exa mple.org",
    ],
)
def test_anything_else_is_refused_and_secrets_are_not_repeated(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        address.parse(text)
    assert caught.value.code == "bad-url"
    assert caught.value.hint
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://ledger.example.org", "http://127.0.0.1", "http://localhost:1", "http://[::1]:2"])
def test_a_token_goes_over_tls_or_stays_on_this_machine(url: str) -> None:
    address.check_token("mun_a_b", address.parse(url))


@pytest.mark.parametrize("url", ["http://ledger.example.org", "http://10.0.0.1", "http://localhost.example.org", "http://0.0.0.0"])
def test_a_token_is_not_sent_in_clear(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        address.check_token("mun_a_b", address.parse(url))
    assert caught.value.code == "token-in-clear"
    assert "mun_a_b" not in str(caught.value) + caught.value.hint
    address.check_token(None, address.parse(url))


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y", "\u00e9", "a" * 5_000])
def test_a_token_that_could_not_be_one_is_refused(token: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        address.check_token(token, address.parse("https://ledger.example.org"))
    assert caught.value.code == "bad-token"


def test_segments_cannot_leave_their_place() -> None:
    assert address.segments("deployment/production/x") == "deployment/production/x"
    assert address.segments("a b?c#d") == "a%20b%3Fc%23d"
    assert address.segments("../x/./y") == "%2E%2E/x/%2E/y"


def test_the_same_server_is_told_by_scheme_host_and_port() -> None:
    here = address.parse("https://ledger.example.org/l/x")
    assert here.is_same_server("https://ledger.example.org/other")
    assert here.is_same_server("https://LEDGER.example.org:443/other")
    for other in ("http://ledger.example.org", "https://example.org", "https://ledger.example.org:444", "//x", "https://[", ""):
        assert not here.is_same_server(other)
