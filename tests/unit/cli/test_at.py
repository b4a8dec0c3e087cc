"""muniment at"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import credit
from muniment import exits
from muniment.client import opening

Call = Callable[..., Any]


@pytest.fixture
def lived(home: Path) -> credit.Lived:
    with opening.open() as ledger:
        return credit.live(ledger, Path())


def time_of(index: int) -> str:
    with opening.open() as ledger, ledger.view() as view:
        return view.header(view.sealed_by(index)).time


@pytest.mark.parametrize("now", ["now", "NOW", None])
def test_what_runs_now(call: Call, lived: credit.Lived, now: str | None) -> None:
    lines = call("at", credit.PLACE, *([now] if now else [])).out.splitlines()
    assert lines[0].startswith("production/credit-risk: credit-risk@2 · ")
    assert lines[1].startswith("  since     20")
    assert "entry 13 (header time, the operator's clock)" in lines[1]
    assert lines[2] == "  by        alice, promote"
    assert lines[3] == "  approved  by nobody that the deployment names"
    assert lines[-1].endswith("--out answer.json")


def test_what_ran_then_and_who_approved_it(call: Call, lived: credit.Lived) -> None:
    answer = call("at", credit.PLACE, time_of(lived.started.index), "--out", "a.json")
    assert answer.code == 0
    assert answer.out.startswith("production/credit-risk: credit-risk@1 · ")
    assert "  approved  by alice (owner) for production, " in answer.out
    assert "It has changed since." in answer.out
    assert answer.out.endswith("Written to a.json. Next: muniment verify a.json\n")
    checked = call("verify", "a.json")
    assert checked.code == 0
    assert "sealed in block 5" in checked.out
    value = call("at", credit.PLACE, time_of(lived.started.index), "--json").json()
    assert value["answer"]["subject"]["thing"]["name"] == "credit-risk@1"
    assert value["out"] is None


def test_a_stopped_deployment(call: Call, lived: credit.Lived) -> None:
    with opening.open() as ledger:
        ledger.deploy("credit-risk@2", "production", transition="stop")
    assert call("at", credit.PLACE).out.startswith("production/credit-risk: stopped, last credit-risk@2")


def test_an_approval_that_was_taken_back_since(call: Call, lived: credit.Lived) -> None:
    with opening.open() as ledger:
        of = {"version": lived.first.digest, "environment": "production"}
        fields = {"of": of, "decision": "revoke", "revokes": lived.approved.event_id, "meaning": "approval"}
        ledger.record("approval.decided", fields)
    assert "revoked since" in call("at", credit.PLACE, time_of(lived.started.index)).out


def test_before_it_was_there_and_before_the_ledger(call: Call, lived: credit.Lived) -> None:
    assert "was not recorded" in call("at", credit.PLACE, time_of(lived.approved.index)).out
    answer = call("at", credit.PLACE, "2001-01-01", "--json")
    assert (answer.code, answer.json()["error"]["code"]) == (exits.NOT_FOUND, "before-genesis")


def test_other_things_and_prose(call: Call, lived: credit.Lived) -> None:
    assert "was as it is now" in call("at", "model/credit-risk").out
    then = time_of(lived.started.index)
    assert credit.REASON not in call("at", credit.PLACE, then).out
    assert credit.REASON in call("at", credit.PLACE, then, "--disclose").out
    call("at", credit.PLACE, then, "--field", "reason", "--out", "a.json")
    assert [each["value"] for each in json.loads(Path("a.json").read_bytes())["disclosures"]] == [credit.REASON]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["production/fraud"], exits.NOT_FOUND), ([credit.PLACE, "yesterday"], exits.USAGE), ([], exits.USAGE)],
)
def test_what_cannot_be_answered(call: Call, lived: credit.Lived, arguments: list[str], code: int) -> None:
    assert call("at", *arguments).code == code
