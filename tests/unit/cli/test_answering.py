"""muniment history, impact, lineage, blame, diff: each tells, writes a file, and its file verifies."""

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

QUESTIONS = (
    (["history", "model/credit-risk"], "model/credit-risk has 6 events: these, and no others."),
    (["history", credit.PLACE], "has 2 events: these, and no others."),
    (["impact", "loans"], "learned from loans@1"),
    (["lineage", "credit-risk@2"], "credit-risk@2 was made of 2 things:"),
    (["lineage", "loans@1", "down"], "what was made of loans@1 is 2 things:"),
    (["diff", "credit-risk@1", "credit-risk@2"], "credit-risk@1 and credit-risk@2 differ in"),
    (["blame", "credit-risk@1", "threshold", "--target", "threshold"], "was never set."),
)


@pytest.fixture
def lived(home: Path) -> credit.Lived:
    with opening.open() as ledger:
        return credit.live(ledger, Path())


@pytest.mark.parametrize(("question", "said"), QUESTIONS, ids=lambda value: value[0] if isinstance(value, list) else "")
def test_a_question_is_answered_with_a_file_that_verifies(call: Call, lived: credit.Lived, question: list[str], said: str) -> None:
    answer = call(*question)
    assert (answer.code, answer.err) == (0, "")
    assert said in answer.out.splitlines()[0]
    assert "Trust tier: solo." in answer.out
    assert "State basis: asserted" in answer.out
    assert "header time" in answer.out
    assert answer.out.splitlines()[-1] == f"Next: muniment {' '.join(_whole(question))} --out answer.json"
    written = call(*question, "--out", "answer.json", "--json").json()
    assert written["out"] == "answer.json"
    assert json.loads(Path("answer.json").read_bytes())["question"]["ask"] == question[0]
    verified = call("verify", "answer.json")
    assert (verified.code, said in verified.out) == (0, True)


def test_what_is_not_there(call: Call, lived: credit.Lived) -> None:
    assert call("history", "credit-rsk").code == exits.NOT_FOUND
    assert call("impact", "loan").code == exits.NOT_FOUND
    assert call("diff", "credit-risk@1", "credit-risk@9").code == exits.NOT_FOUND
    unknown = call("blame", "credit-risk@1", "depth")
    assert (unknown.code, "Name the target" in unknown.err) == (exits.NOT_FOUND, True)


def test_a_reason_is_opened_where_it_is_asked_for(call: Call, lived: credit.Lived) -> None:
    closed, opened = call("history", "credit-risk@1"), call("history", "credit-risk@1", "--disclose")
    assert (credit.REASON in closed.out, credit.REASON in opened.out) == (False, True)


def _whole(question: list[str]) -> list[str]:
    return [*question, "up"] if question[0] == "lineage" and len(question) == 2 else question
