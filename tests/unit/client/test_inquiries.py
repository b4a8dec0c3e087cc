"""Questions through the SDK: names in, a proved answer out, which another machine verifies with the trust file alone."""

from __future__ import annotations

from pathlib import Path

import pytest

import credit
from muniment.client.ledger import Ledger
from muniment.client.proving import Proved
from muniment.core.proof.inquiry import (
    BlameFindings,
    ClaimFindings,
    DiffFindings,
    HistoryFindings,
    ImpactFindings,
    LineageFindings,
)
from muniment.core.proof.verify import verify_answer
from muniment.errors import InvalidInput, NotFound


@pytest.fixture
def lived(ledger: Ledger, tmp_path: Path) -> credit.Lived:
    return credit.live(ledger, tmp_path)


def travels(ledger: Ledger, proved: Proved) -> tuple[str, ...]:
    """The file holds for whoever has only the trust file; its sentences are returned."""
    assert verify_answer(proved.raw, ledger._writer.trust, tier="solo").result == proved.verified.result
    assert any(sentence.startswith("Trust tier: ") for sentence in proved.sentences)
    assert any(sentence.startswith("State basis: ") for sentence in proved.sentences)
    assert any("header time" in sentence for sentence in proved.sentences)
    return proved.sentences


def test_the_history_of_a_model(ledger: Ledger, lived: credit.Lived) -> None:
    proved = ledger.history("model/credit-risk")
    assert isinstance(proved.findings, HistoryFindings)
    assert [each.stream.partition("/")[0] for each in proved.findings.streams] == ["model", "version", "version"]
    first = travels(ledger, proved)[0]
    assert first.endswith(f"model/credit-risk has {proved.findings.count} events: these, and no others.")


def test_what_learned_from_a_data_set(ledger: Ledger, lived: credit.Lived) -> None:
    for name in ("loans", "dataset/loans", "loans@1", lived.data.digest):
        findings = ledger.impact(name).findings
        assert isinstance(findings, ImpactFindings)
        assert [each.name for each in findings.versions()] == ["credit-risk@1", "credit-risk@2"]
        assert [each.version for each in findings.deployments] == [f"version/{lived.second.digest}"]
    sentences = travels(ledger, ledger.impact("loans"))
    assert "credit-risk@2 <- credit-risk@1 <- loans@1." in sentences
    with pytest.raises(NotFound):
        ledger.impact("nothing")


def test_lineage_up_and_down(ledger: Ledger, lived: credit.Lived) -> None:
    up = ledger.lineage("credit-risk@2").findings
    assert isinstance(up, LineageFindings)
    assert [each.name for each in up.things] == ["credit-risk@2", "credit-risk@1", "loans@1"]
    down = ledger.lineage("loans", "down")
    assert isinstance(down.findings, LineageFindings)
    assert [each.name for each in down.findings.things] == ["loans@1", "credit-risk@1", "credit-risk@2"]
    travels(ledger, down)


def test_who_set_what(ledger: Ledger, lived: credit.Lived) -> None:
    common = {"of": {"version": lived.first.digest}, "target": "threshold", "path": "cutoff"}
    ledger.record("parameter.changed", {**common, "new": "0.5", "reason": credit.REASON})
    proved = ledger.blame("credit-risk@1", "cutoff", disclose=["reason"])
    assert isinstance(proved.findings, BlameFindings)
    assert [each.value for each in proved.findings.settings] == ["0.5"]
    assert any(credit.REASON in sentence for sentence in travels(ledger, proved))
    assert ledger.blame("credit-risk@1", "cutoff", "prompt").verified.result.statuses == ("absent",)
    with pytest.raises(NotFound) as caught:
        ledger.blame("credit-risk@1", "cut")
    assert caught.value.code == "no-such-parameter"


def test_two_targets_with_one_path(ledger: Ledger, lived: credit.Lived) -> None:
    for target in ("threshold", "guardrail"):
        fields = {"of": {"version": lived.first.digest}, "target": target, "path": "cutoff", "new": "0.5"}
        ledger.record("parameter.changed", fields)
    with pytest.raises(InvalidInput) as caught:
        ledger.blame("credit-risk@1", "cutoff")
    assert caught.value.code == "ambiguous"


def test_how_two_versions_differ(ledger: Ledger, lived: credit.Lived) -> None:
    proved = ledger.diff("credit-risk@1", "credit-risk@2")
    assert isinstance(proved.findings, DiffFindings)
    assert {each.area for each in proved.findings.differences} == {"registration", "data", "parents", "metrics", "approvals"}
    assert "data, loans@1: training | nothing." in travels(ledger, proved)


def test_claims(ledger: Ledger, lived: credit.Lived) -> None:
    for said, thing, place, holds in (
        ("approved", "credit-risk@1", "production", True),
        ("not-approved", "credit-risk@2", "production", True),
        ("never-deployed", "credit-risk@1", None, False),
        ("not-on-hold", "credit-risk@2", None, True),
        ("not-withdrawn", "loans", None, True),
    ):
        proved = ledger.claim(said, thing, place)  # type: ignore[arg-type]
        assert isinstance(proved.findings, ClaimFindings)
        assert proved.findings.holds == holds
        assert ("That holds." if holds else "That does not hold.") in travels(ledger, proved)[0]


def test_an_answer_without_findings_says_so(ledger: Ledger, lived: credit.Lived) -> None:
    with pytest.raises(InvalidInput) as caught:
        _ = ledger.prove("credit-risk@1").findings
    assert caught.value.code == "no-findings"
