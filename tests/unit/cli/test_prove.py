"""muniment prove"""

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


def test_the_proof_is_on_standard_output_and_the_rest_beside_it(call: Call, lived: credit.Lived) -> None:
    answer = call("prove", "credit-risk@1")
    assert answer.code == 0
    assert answer.json()["format"] == "urn:muniment:answer:v1"
    assert "alice registered credit-risk@1" in answer.err
    assert answer.err.endswith("Verified here. Next: muniment verify FILE\n")
    Path("p").write_text(answer.out)
    assert call("verify", "p").code == 0
    assert call("prove", "credit-risk@1", "--json").json()["question"] == {"ask": "entry", "index": 3}


def test_a_file(call: Call, lived: credit.Lived) -> None:
    answer = call("prove", "3", "--out", "p.json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.endswith("Verified here. Written to p.json.\n\nNext: muniment verify p.json\n")
    assert json.loads(Path("p.json").read_bytes())["result"]["height"] == 2
    value = call("prove", "3", "--out", "p.json", "--json").json()
    assert (value["out"], value["verified"]["ground"]["tier"]) == ("p.json", "solo")
    assert value["bytes"] == Path("p.json").stat().st_size


def test_a_receipt(call: Call, lived: credit.Lived) -> None:
    text = call("prove", "3", "--receipt").out
    assert text.startswith("c2sp.org/tlog-proof@v1\nindex 3\n")
    assert call("prove", "3", "--receipt", "--json").json() == {"receipt": text}
    assert "Next: muniment verify r" in call("prove", "3", "--receipt", "--out", "r").out
    assert Path("r").read_text() == text


def test_a_claim(call: Call, lived: credit.Lived) -> None:
    answer = call("prove", "credit-risk@1", "--that", "approved", "--environment", "production", "--out", "p.json")
    assert 'credit-risk@1 is approved for production". That holds.' in answer.out
    assert call("verify", "p.json").code == 0
    other = call("prove", "credit-risk@1", "--that", "approved", "--environment", "staging")
    assert (other.code, other.json()["result"]["statuses"]) == (exits.FAILURE, ["fails"])
    assert "That does not hold.\nVerified here: this proves that it does not hold. Next: muniment verify FILE\n" in other.err
    assert call("prove", "credit-risk@2", "--that", "on-hold", "--environment", "staging").code == exits.USAGE


def test_a_claim_that_does_not_hold(call: Call, lived: credit.Lived) -> None:
    """The file is written, and verifies: it proves the opposite."""
    asked = ["prove", "credit-risk@1", "--that", "never-deployed", "--out", "p.json"]
    answer = call(*asked)
    assert answer.code == exits.FAILURE
    assert 'credit-risk@1 was never deployed". That does not hold.\n' in answer.out
    assert "Verified here: this proves that it does not hold. Written to p.json.\n" in answer.out
    verified = call("verify", "p.json")
    assert (verified.code, "That does not hold." in verified.out) == (0, True)
    found = call(*asked, "--json")
    assert (found.code, found.json()["holds"]) == (exits.FAILURE, False)
    assert call("prove", "credit-risk@1", "--that", "deployed", "--out", "p.json", "--json").json()["holds"] is True


def test_state_and_absence(call: Call, lived: credit.Lived) -> None:
    answer = call("prove", "--state", f"deployment/{credit.PLACE}", "--state", "model/fraud", "--out", "s")
    assert '"status":"running"' in answer.out
    assert json.loads(Path("s").read_bytes())["result"]["statuses"] == ["present", "absent"]
    assert '"status":"running"' in call("verify", "s").out
    assert call("prove", "--absent", "model/fraud").json()["result"]["statuses"] == ["absent"]
    refused = call("prove", "--absent", "model/credit-risk", "--json")
    assert (refused.code, refused.json()["error"]["code"]) == (exits.FAILURE, "not-absent")


@pytest.mark.parametrize(
    ("arguments", "opened"), [([], False), (["--disclose"], True), (["--field", "reason"], True), (["--field", "text"], False)]
)
def test_openings(call: Call, lived: credit.Lived, arguments: list[str], opened: bool) -> None:
    assert (credit.REASON in call("prove", "7", *arguments).out) is opened


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["3", "--state", "policy"],
        ["--absent", "policy", "--state", "policy"],
        ["--receipt"],
        ["3", "--receipt", "--that", "approved"],
        ["3", "--environment", "e"],
    ],
)
def test_bad_usage(call: Call, home: Path, arguments: list[str]) -> None:
    assert call("prove", *arguments).code == exits.USAGE


def test_what_is_not_there(call: Call, lived: credit.Lived) -> None:
    answer = call("prove", "credit-rsk")
    assert (answer.code, answer.out) == (exits.NOT_FOUND, "")
    assert "Did you mean credit-risk" in answer.err
    assert call("prove", "--state", "nonsense").code == exits.USAGE
    assert call("prove", "3", "--out", "nowhere/p").code == exits.FAILURE
