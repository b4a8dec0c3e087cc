"""`muniment change`"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from muniment import exits

Call = Callable[..., Any]


def test_a_change_and_who_made_it(call: Call, version: str) -> None:
    first = call("change", "credit-risk@1", "decision.cutoff", "0.5", "--target", "threshold")
    assert (first.code, first.err) == (0, "")
    lines = first.out.splitlines()
    assert lines[:3] == ["decision.cutoff of credit-risk@1 has changed (threshold)", "  before  not set", "  now     0.5"]
    assert lines[-1] == "Next: muniment blame credit-risk@1 decision.cutoff --target threshold"
    more = ["--ticket", "RISK-118", "--unit", "points", "--reason", "why"]
    found = call("change", "credit-risk", "decision.cutoff", "-3", "--target", "threshold", *more, "--json").json()
    assert (found["of"], found["old"], found["new"]) == (f"version/{version}", "0.5", -3)
    told = call("blame", "credit-risk@1", "decision.cutoff", "--disclose").out
    assert all(each in told for each in ("RISK-118", "-3", "0.5", "why"))
    unset = call("change", "credit-risk@1", "decision.cutoff", "--unset", "--target", "threshold")
    assert unset.out.startswith("decision.cutoff of credit-risk@1 is no longer set (threshold)\n  before  -3\n  now     not set\n")


def test_a_prompt_is_not_shown(call: Call, version: str) -> None:
    call("deploy", "credit-risk@1", "production")
    first = call("change", "production/credit-risk", "system prompt", "- be fair\n- be brief", "--target", "prompt")
    assert "  now     a sealed text, SHA-256 " in first.out
    assert first.out.endswith("Next: muniment blame production/credit-risk 'system prompt' --target prompt\n")
    again = call("change", "production/credit-risk", "system prompt", "true", "--target", "prompt")
    assert "  before  a sealed text, SHA-256 " in again.out
    assert "  now     true\n" in again.out
    last = call("change", "production/credit-risk", "system prompt", "be fair", "--target", "prompt", "--json").json()
    assert (last["old"], last["new"]) == (True, {"digest": hashlib.sha256(b"be fair").hexdigest()})
    assert "be brief" not in first.out + again.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cutoff", "--target", "threshold"], "VALUE, or --unset"),
        (["cutoff", "1", "--unset", "--target", "threshold"], "one of them"),
        (["cutoff", "--unsett", "--target", "threshold"], "No such option: --unsett."),
        (["cutoff", "1"], "--target"),
        (["cutoff", "1", "--target", "thing"], "thing"),
    ],
)
def test_bad_usage(call: Call, version: str, arguments: list[str], said: str) -> None:
    answer = call("change", "credit-risk@1", *arguments)
    assert (answer.code, said in answer.err) == (exits.USAGE, True)


def test_what_changes_nothing(call: Call, version: str) -> None:
    call("change", "credit-risk@1", "cutoff", "0.5", "--target", "threshold")
    answer = call("change", "credit-risk@1", "cutoff", "0.50", "--target", "threshold")
    assert answer.code == exits.USAGE
    assert "[unchanged]: cutoff of credit-risk@1 has this value already" in answer.err
