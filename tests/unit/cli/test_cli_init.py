"""`muniment init` and what a command says when it opens a ledger."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muniment.ledger.embedded import Embedded, system_clock

Call = Callable[..., Any]


def test_a_new_ledger(call: Call) -> None:
    answer = call("init", "--origin", "example.com/credit", "--actor", "alice")
    assert answer.code == 0
    assert answer.err == ""
    assert answer.out.startswith("A new ledger: example.com/credit\n")
    assert "alice" in answer.out
    assert "You hold every key of this ledger." in answer.out
    assert answer.out.endswith("Next: muniment dataset NAME PATH\n")
    assert call("log").out == "Nothing is recorded yet. Next: muniment dataset NAME PATH\n"


def test_as_json(call: Call) -> None:
    value = call("init", "--origin", "example.com/credit", "--actor", "alice", "--json").json()
    assert value["home"] == str(Path(".muniment").resolve())
    assert (value["origin"], value["actor"]) == ("example.com/credit", "alice")
    assert value["fingerprint"].startswith(value["ledger"][:16])
    assert set(value) == {"home", "origin", "ledger", "actor", "trust", "fingerprint", "policy", "roles", "enrol"}


def test_a_ledger_above_is_not_the_one_that_is_asked_for(call: Call, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("below").mkdir()
    monkeypatch.chdir("below")
    assert call("init").code == 0
    assert Path(".muniment/ledger.db").exists()
    monkeypatch.setenv("MUNIMENT_HOME", "elsewhere")
    assert call("init").code == 0
    assert Path("elsewhere/ledger.db").exists()
    assert call("init", "--home", "there").code == 0
    assert Path("there/ledger.db").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "already holds a ledger"),
        (["--home", "x", "--origin", "https://x/y"], 2, "is no origin"),
        (["--home", "x", "--actor", "a b"], 2, "cannot name an actor"),
    ],
)
def test_what_cannot_be_made(call: Call, home: Path, arguments: list[str], code: int, said: str) -> None:
    answer = call("init", *arguments)
    assert answer.code == code
    assert said in answer.err


def test_the_first_contact_is_said_once(call: Call, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("log").err == ""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another user"))
    answer = call("log")
    assert "First contact with example.com/credit" in answer.err
    assert "fingerprint" in answer.err
    assert call("log").err == ""


def test_a_ledger_that_was_rolled_back(call: Call, home: Path) -> None:
    shutil.copytree(home, "before")
    assert call("plan", "credit-risk", "auc", "ge", "0.9").code == 0
    shutil.rmtree(home)
    Path("before").rename(home)
    answer = call("log", "--json")
    assert answer.code == 3
    error = answer.json()["error"]
    assert (error["code"].startswith("split-view"), error["step"]) == (True, 5)
    assert Path(error["details"]["evidence"]).exists()


def test_a_clock_that_cannot_be_believed(call: Call, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two_years = 2 * 366 * 24 * 3_600 * 1_000_000
    monkeypatch.setitem(Embedded.__init__.__kwdefaults__, "clock", lambda: system_clock() + two_years)
    plan = ["plan", "credit-risk", "auc", "ge", "0.9"]
    answer = call(*plan)
    assert answer.code == 6
    assert "--accept-clock" in answer.err
    assert call(*plan, "--accept-clock").code == 0
