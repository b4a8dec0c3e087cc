"""`muniment serve`: every option reaches the setting that it is about, and is stronger than the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from muniment.cli import hosting
from muniment.cli.commands.serve import command
from muniment.server.settings import Served, Settings

# The option as it is typed, and the setting that it gives.
TYPED: dict[str, tuple[list[str], str, Any]] = {
    "--host": (["--host", "0.0.0.0"], "host", "0.0.0.0"),
    "--identity-actor": (["--identity-actor", "idp"], "identity_actor", "idp"),
    "--log-format": (["--log-format", "text"], "log_format", "text"),
    "--port": (["--port", "0"], "port", 0),
    "--proxy": (["--proxy", "10.0.0.1", "--proxy", "10.1.0.0/16"], "proxies", ("10.0.0.1", "10.1.0.0/16")),
    "--public": (["--public"], "public", True),
    "--state": (["--state", "/srv/state"], "state", Path("/srv/state")),
    "--tls-certificate": (["--tls-certificate", "/a.pem", "--tls-key", "/b.pem"], "certificate", Path("/a.pem")),
    "--tls-key": (["--tls-certificate", "/a.pem", "--tls-key", "/b.pem"], "certificate_key", Path("/b.pem")),
    "--url": (["--url", "https://ledger.example.org"], "url", "https://ledger.example.org"),
    "--webhooks-private": (["--webhooks-private"], "webhooks_private", True),
    "--workers": (["--workers", "3"], "workers", 3),
}
ELSEWHERE = {"--config", "--home", "--json", "--ledger"}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Settings, bool]]:
    """What would be served, in the place of serving it."""
    monkeypatch.chdir(tmp_path)
    found: list[tuple[Settings, bool]] = []

    def host(settings: Settings, as_json: bool) -> int:
        found.append((settings, as_json))
        return 0

    monkeypatch.setattr(hosting, "host", host)
    return found


def serve(told: list[tuple[Settings, bool]], *words: str) -> Settings:
    command.main(list(words), standalone_mode=False)
    return told[-1][0]


def test_every_option_is_in_the_table() -> None:
    assert {option for each in command.params for option in each.opts} == {*TYPED, *ELSEWHERE}


@pytest.mark.parametrize("option", TYPED)
def test_an_option_reaches_its_setting(told: list[tuple[Settings, bool]], option: str) -> None:
    words, setting, value = TYPED[option]
    assert getattr(serve(told, *words), setting) == value
    usual = msgspec.structs.asdict(serve(told))
    assert usual[setting] != value


def test_an_option_is_stronger_than_the_file(told: list[tuple[Settings, bool]], tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    file.write_text('port = 1\nhost = "::1"\nlog_format = "text"\n')
    settings = serve(told, "--config", str(file), "--port", "2")
    assert (settings.port, settings.host, settings.log_format) == (2, "::1", "text")


def test_what_is_served_where(told: list[tuple[Settings, bool]], tmp_path: Path) -> None:
    root, one = tmp_path / "root", tmp_path / "one"
    assert serve(told, "--home", str(root)).ledgers == (Served(name="", home=root),)
    assert serve(told, "--ledger", f"one={one}").ledgers == (Served(name="one", home=one),)
    both = serve(told, "--home", str(root), "--ledger", f"one={one}")
    assert both.ledgers == (Served(name="", home=root), Served(name="one", home=one))
    assert both.state == root / "server"


def test_for_programs(told: list[tuple[Settings, bool]]) -> None:
    serve(told, "--json")
    assert told[-1][1]
