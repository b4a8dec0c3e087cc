"""client.rehearsing: any verb, up to the ledger's verdict, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.client import opening
from muniment.client.ledger import Ledger
from muniment.client.things import Rehearsal
from muniment.errors import NotFound


@pytest.fixture
def version(ledger: Ledger, model: Path) -> str:
    return ledger.register("credit-risk", model).title


def files(ledger: Ledger) -> set[str]:
    found = {str(path.relative_to(ledger.home)) for path in ledger.home.rglob("*") if path.is_file()}
    return {each for each in found if not each.startswith("index.db") and not each.endswith(("-shm", "-wal"))}


def size(ledger: Ledger) -> int:
    with ledger.view() as view:
        return view.size


def test_every_verb_can_be_rehearsed(ledger: Ledger, version: str, loans: Path, model: Path) -> None:
    before, entries = files(ledger), size(ledger)
    (model / "config.json").write_text('{"more": 1}')
    found = [
        ledger.rehearse(lambda it: it.record("note.added", {"about": ["actor/alice"], "text": "Read."})),
        ledger.rehearse(lambda it: it.dataset("loans", loans, origin="the bank")),
        ledger.rehearse(lambda it: it.register("credit-risk", model)),
        ledger.rehearse(lambda it: it.approve(version, "production", reason="fine")),
        ledger.rehearse(lambda it: it.deploy(version, "production")),
        ledger.rehearse(lambda it: it.keys.rotate()),
        ledger.rehearse(lambda it: it.hold(version, severity="low")),
        ledger.rehearse(lambda it: it.offer("credit-risk", to="node")),
    ]
    assert [each.event for each in found] == [
        "note.added",
        "dataset.registered",
        "model.registered",
        "approval.decided",
        "deployment.changed",
        "key.changed",
        "incident.recorded",
        "ownership.offered",
    ]
    assert {each.decision for each in found} == {"admitted"}
    assert {each.size for each in found} == {entries}
    assert (files(ledger), size(ledger)) == (before, entries)
    assert not (ledger.home / "vault.jsonl").exists()


def test_a_training_run_ends_before_it_begins(ledger: Ledger) -> None:
    trained = []

    def train(it: Ledger) -> None:
        with it.training("credit-risk", parameters={"depth": 6}):
            trained.append(True)

    found = ledger.rehearse(train)
    assert (found.event, found.decision, trained) == ("training.started", "admitted", [])
    assert not (ledger.home / "blobs").exists()


def test_the_first_event_decides(ledger: Ledger, version: str) -> None:
    def act(it: Ledger) -> None:
        it.hold(version, severity="low")
        raise AssertionError

    assert ledger.rehearse(act).event == "incident.recorded"


def test_a_refusal_has_its_reasons(ledger: Ledger) -> None:
    found = ledger.rehearse(lambda it: it.deploy("0" * 64, "production", name="credit-risk"))
    assert (found.decision, found.admitted) == ("refused", False)
    assert found.reasons[0].rule == "unknown"
    assert "<li>" in found._repr_html_()
    assert str(found) == "deployment.changed would be refused, as the ledger stands (1 entry)."


def test_what_is_recorded_already_is_a_repetition(ledger: Ledger, loans: Path) -> None:
    first = ledger.dataset("loans", loans)
    found = ledger.rehearse(lambda it: it.dataset("loans", loans))
    assert (found.decision, found.index, found.admitted) == ("repeated", first.recorded.index, True)


def test_nothing_to_record(ledger: Ledger) -> None:
    found = ledger.rehearse(lambda it: it.log())
    assert found == Rehearsal(decision="admitted", size=1)
    assert str(found) == "There would be nothing to record."


def test_other_errors_stay_what_they_are(ledger: Ledger) -> None:
    with pytest.raises(NotFound):
        ledger.rehearse(lambda it: it.approve("nothing", "production"))


def test_an_interrupted_rotation_is_not_completed(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            ledger.keys.rotate()
    with opening.open(ledger.home) as again:
        before = files(again)
        assert again.rehearse(lambda it: it.keys.rotate()).event == ""
        assert files(again) == before


def test_the_ledger_itself_goes_on(ledger: Ledger, version: str) -> None:
    ledger.rehearse(lambda it: it.hold(version, severity="low"))
    assert ledger.hold(version, severity="low").sealed
    assert repr(ledger).startswith("<Ledger example.com/credit ")
    assert "entries" in ledger._repr_html_()
