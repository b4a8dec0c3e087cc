"""muniment bundle"""

from __future__ import annotations

import base64
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


def test_one_file(call: Call, lived: credit.Lived) -> None:
    answer = call("bundle", "credit-risk@1", "--out", "b.json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("7 proofs hold")
    assert answer.out.endswith("Next: muniment verify b.json\n")
    assert call("verify", "b.json").code == 0
    value = call("bundle", "credit-risk@1", "--out", "b.json", "--json").json()
    assert value["bytes"] == Path("b.json").stat().st_size
    assert len(value["verified"]["answers"]) == 7


@pytest.mark.parametrize(("arguments", "opened"), [([], False), (["--disclose"], True), (["--field", "reason"], True)])
def test_openings(call: Call, lived: credit.Lived, arguments: list[str], opened: bool) -> None:
    call("bundle", "credit-risk@1", "--out", "b.json", *arguments)
    assert (credit.REASON in Path("b.json").read_text()) is opened


def test_what_cannot_be(call: Call, lived: credit.Lived) -> None:
    assert call("bundle", "credit-risk@1").code == exits.USAGE
    assert call("bundle", "nobody", "--out", "b.json").code == exits.NOT_FOUND
    assert not Path("b.json").exists()


def test_a_page_that_verifies_itself(call: Call, lived: credit.Lived) -> None:
    answer = call("bundle", "credit-risk@1", "--page", "b.html")
    assert (answer.code, answer.err) == (0, "")
    assert "Written to b.html" in answer.out
    page = Path("b.html").read_text(encoding="utf-8")
    assert "What is recorded of credit-risk@1" in page
    value = call("bundle", "credit-risk@1", "--page", "b.html", "--out", "b.json", "--json").json()
    assert (value["out"], value["page"]) == ("b.json", "b.html")
    assert base64.b64encode(Path("b.json").read_bytes()).decode() in Path("b.html").read_text(encoding="utf-8")
