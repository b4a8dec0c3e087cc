"""client.verbs.tuning: a parameter changed, with the value before found by itself."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from muniment.client.ledger import Ledger
from muniment.client.things import Version
from muniment.core.format import dsse
from muniment.core.proof.inquiry.blame import BlameFindings
from muniment.core.rules import events
from muniment.core.rules.events import ParameterChanged
from muniment.core.rules.events.value import UNSET, SealedText
from muniment.errors import InvalidInput, NotFound
from muniment.vault import Vault

PROMPT = "You decide about loans. Be fair."


def entry(ledger: Ledger, index: int) -> ParameterChanged:
    with ledger.view() as view:
        event = events.decode(dsse.decode(view.entry(index)).payload)
    assert isinstance(event, ParameterChanged)
    return event


@pytest.fixture
def version(ledger: Ledger, model: Path) -> Version:
    with ledger.training("credit-risk", parameters={"depth": 6, "rate": 0.1, "notes": "slow but sure"}) as run:
        made = run.register("credit-risk", model)
    assert made is not None
    return made


def values(ledger: Ledger, of: str, path: str) -> list[object]:
    findings = ledger.blame(of, path).findings
    assert isinstance(findings, BlameFindings)
    return [each.value for each in findings.settings]


def test_a_threshold_from_its_first_value_to_none(ledger: Ledger, version: Version) -> None:
    first = entry(ledger, ledger.change(version, "cutoff", 0.5, target="threshold").index)
    assert (first.old, first.new, first.of.version) == (UNSET, "0.5", version.digest)
    done = ledger.change(
        "credit-risk@1", "cutoff", -1, target="threshold", unit="points", ticket="RISK-118", reason="too many refused"
    )
    second = entry(ledger, done.index)
    assert (second.old, second.new, second.unit, second.ticket) == ("0.5", -1, "points", "RISK-118")
    assert second.reason is not UNSET
    third = entry(ledger, ledger.change("credit-risk", "cutoff", None, target="threshold").index)
    assert (third.old, third.new) == (-1, UNSET)
    assert values(ledger, "credit-risk@1", "cutoff") == ["0.5", -1, UNSET]


def test_a_hyperparameter_begins_with_what_the_run_was_started_with(ledger: Ledger, version: Version) -> None:
    assert entry(ledger, ledger.change(version, "depth", 8, target="hyperparameter").index).old == 6
    assert entry(ledger, ledger.change(version, "depth", True, target="hyperparameter").index).old == 8
    # Of another kind of setting the run says nothing.
    assert entry(ledger, ledger.change(version, "rate", 0.1, target="configuration").index).old is UNSET
    assert entry(ledger, ledger.change(version, "rate", 0.2, target="hyperparameter").index).old == "0.1"
    assert values(ledger, "credit-risk@1", "depth") == [6, 8, True]


def test_a_text_is_sealed_beside_its_digest(ledger: Ledger, version: Version) -> None:
    first = entry(ledger, ledger.change(version, "system", PROMPT, target="prompt").index)
    assert isinstance(first.new, SealedText)
    assert first.new.digest == hashlib.sha256(PROMPT.encode()).hexdigest()
    second = entry(ledger, ledger.change(version, "system", "terse", target="prompt").index)
    assert (second.old, second.new) == (first.new, "terse")


def test_a_text_that_the_run_sealed(ledger: Ledger, version: Version) -> None:
    with pytest.raises(InvalidInput) as same:
        ledger.change(version, "notes", "slow but sure", target="hyperparameter")
    assert same.value.code == "unchanged"
    changed = entry(ledger, ledger.change(version, "notes", "fast", target="hyperparameter").index)
    assert isinstance(changed.old, SealedText)
    assert changed.old.digest == hashlib.sha256(b"slow but sure").hexdigest()


def test_a_sealed_text_that_lies_elsewhere(ledger: Ledger, version: Version, tmp_path: Path) -> None:
    ledger._writer.vault = Vault(tmp_path / "another" / "vault")
    with pytest.raises(InvalidInput) as elsewhere:
        ledger.change(version, "notes", "fast", target="hyperparameter")
    assert elsewhere.value.code == "sealed-elsewhere"


def test_a_parameter_of_a_deployment(ledger: Ledger, version: Version) -> None:
    ledger.deploy(version, "production")
    done = entry(ledger, ledger.change("production/credit-risk", "limits.tokens", 512, target="guardrail").index)
    assert (done.of.environment, done.of.name, done.of.version) == ("production", "credit-risk", UNSET)
    assert entry(ledger, ledger.change("production/credit-risk", "limits.tokens", 256, target="guardrail").index).old == 512


@pytest.mark.parametrize(("path", "value"), [("depth", 6), ("rate", 0.1), ("width", None)])
def test_no_change_is_none(ledger: Ledger, version: Version, path: str, value: float | None) -> None:
    with pytest.raises(InvalidInput) as found:
        ledger.change(version, path, value, target="hyperparameter")
    assert found.value.code == "unchanged"


def test_a_mapping_is_several_values(ledger: Ledger, version: Version) -> None:
    with pytest.raises(InvalidInput) as found:
        ledger.change(version, "limits", {"tokens": 5}, target="guardrail")
    assert (found.value.code, "limits.tokens" in found.value.hint) == ("several-values", True)


def test_what_it_belongs_to_is_recorded(ledger: Ledger) -> None:
    for of in ("credit-risk@1", "production/credit-risk"):
        with pytest.raises(NotFound):
            ledger.change(of, "cutoff", 1, target="threshold")


def test_it_can_be_rehearsed(ledger: Ledger, version: Version) -> None:
    judged = ledger.rehearse(lambda it: it.change(version, "cutoff", 0.5, target="threshold"))
    assert (judged.event, judged.decision) == ("parameter.changed", "admitted")
    assert entry(ledger, ledger.change(version, "cutoff", 0.5, target="threshold").index).old is UNSET
