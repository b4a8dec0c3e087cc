"""`muniment webhooks`: on the server's own folder, beside a running server or without one."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muniment import exits

Call = Callable[..., Any]
URL = "https://example.com/hook"


def test_a_life(call: Call, home: Path) -> None:
    made = call("webhooks", "create", URL, "--event", "deployment.changed", "--environment", "production")
    assert made.code == 0, made.err
    assert len(base64.b64decode(made.out.strip().removeprefix("whsec_"))) == 32
    assert "only time" in made.err
    (listed,) = call("webhooks", "list", "--json").json()["webhooks"]
    assert listed["url"] == URL
    assert listed["selection"] == {"events": ["deployment.changed"], "environments": ["production"], "models": []}
    assert listed["id"] in call("webhooks", "list").out
    assert made.out.strip() not in call("webhooks", "list", "--json").out
    rotated = call("webhooks", "rotate", listed["id"], "--json").json()
    assert rotated["secret"] != made.out.strip()
    replayed = call("webhooks", "replay", listed["id"], "--since", 0, "--json").json()
    assert (replayed["position"], listed["position"] > 0) == (0, True)
    assert call("webhooks", "delete", listed["id"]).code == 0
    assert call("webhooks", "delete", listed["id"]).code == exits.NOT_FOUND
    assert "no webhooks" in call("webhooks", "list").out
    assert (home / "server" / "webhooks.db").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["http://example.com/"],
        ["https://127.0.0.1/"],
        ["https://169.254.169.254/", "--private"],
        [URL, "--event", "no.event"],
        [URL, "--after", "99999"],
    ],
)
def test_what_is_refused(call: Call, home: Path, arguments: list[str]) -> None:
    assert call("webhooks", "create", *arguments).code != 0
    assert call("webhooks", "list", "--json").json() == {"webhooks": []}


def test_addresses_inside_need_to_be_allowed(call: Call, home: Path) -> None:
    assert call("webhooks", "create", "http://127.0.0.1:9/x", "--private").code == 0


def test_without_a_ledger(call: Call, tmp_path: Path) -> None:
    assert call("webhooks", "list", "--home", tmp_path / "nothing").code == exits.NOT_FOUND
    assert not (tmp_path / "nothing").exists()
