"""muniment config"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muniment import exits

Call = Callable[..., Any]


def test_every_setting_and_where_it_is_from(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_ACTOR", "alice")
    Path("muniment.toml").write_text('home = "ledger"\n')
    out = call("config").out
    assert any(line.split()[:3] == ["actor", "alice", "environment"] for line in out.splitlines())
    assert f"project ({Path('muniment.toml').resolve()})" in out
    value = call("config", "--json").json()
    assert value["actor"] == {"value": "alice", "from": "environment"}
    assert value["home"] == {"value": str(Path("ledger").resolve()), "from": "project"}
    assert value["url"] == {"value": None, "from": None}
    assert value["no_input"]["value"] is False


def test_why_a_setting_has_its_value(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_ACTOR", "alice")
    out = call("config", "--actor", "bob", "explain", "actor").out
    assert out.startswith("actor = bob\n")
    assert [line.split()[:2] for line in out.splitlines() if line.startswith("→")] == [["→", "flag"]]
    value = call("config", "explain", "actor", "--json").json()
    assert (value["value"], value["from"]) == ("alice", "environment")
    assert [each["layer"] for each in value["said"]] == ["flag", "environment", "project", "user", "default"]
    assert call("config", "explain", "no-input").code == 0


def test_what_is_no_setting(call: Call) -> None:
    answer = call("config", "explain", "hme")
    assert answer.code == exits.USAGE
    assert "Did you mean home?" in answer.err
    assert "Did you mean 'explain'?" in call("config", "expln", "home").err
