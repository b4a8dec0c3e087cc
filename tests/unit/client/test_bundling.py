"""client.bundling: one file about one thing, which verifies with nothing but a trust file."""

from __future__ import annotations

from pathlib import Path

import pytest

import credit
import muniment
from muniment.client import bundling
from muniment.client.ledger import Ledger
from muniment.core.proof import bundle as bundles
from muniment.core.proof import trust as trusts
from muniment.core.proof.answer import UNSET, EntryQuestion, StateQuestion
from muniment.core.proof.inquiry import HistoryQuestion
from muniment.core.proof.verify import verify_bundle
from muniment.errors import InvalidInput, VerificationError


@pytest.fixture
def lived(ledger: Ledger) -> credit.Lived:
    return credit.live(ledger, Path())


def entries_of(raw: bytes) -> list[int]:
    return [each.question.index for each in bundles.decode(raw).answers if isinstance(each.question, EntryQuestion)]


def test_a_version_comes_with_its_whole_life(ledger: Ledger, lived: credit.Lived) -> None:
    bundled = ledger.bundle("credit-risk@1")
    first, *rest = bundles.decode(bundled.raw).answers
    assert first.question == HistoryQuestion(of=f"version/{lived.first.digest}")
    told = [lived.first.recorded, lived.evaluated, lived.approved, lived.started, lived.second.recorded, lived.promoted]
    assert entries_of(bundled.raw) == [each.index for each in told]
    assert [each.manifest is not UNSET for each in (first, *rest)] == [False, True, False, False, False, False, False]
    assert "7 proofs hold" in bundled.sentences[0]


def test_a_version_that_runs_comes_with_how_its_deployment_stands(ledger: Ledger, lived: credit.Lived) -> None:
    last = bundles.decode(ledger.bundle("credit-risk@2").raw).answers[-1].question
    assert last == StateQuestion(streams=(f"deployment/{credit.PLACE}",))


def test_the_run_that_made_a_version_is_in_it(ledger: Ledger) -> None:
    _, model = credit.write_files(Path())
    with ledger.training("credit-risk", parameters={"max_depth": 6}) as run:
        run.register("credit-risk", model)
    assert entries_of(ledger.bundle("credit-risk").raw) == [run.started.index, 3, run.finished.index]


@pytest.mark.parametrize("thing", [credit.PLACE, "loans", "alice", "1", "model/credit-risk"])
def test_bundles_of_other_things(ledger: Ledger, lived: credit.Lived, thing: str) -> None:
    bundled = ledger.bundle(thing)
    assert verify_bundle(bundled.raw, ledger._writer.trust).sizes == (15,)


def test_prose_is_opened_only_where_that_is_chosen(ledger: Ledger, lived: credit.Lived) -> None:
    assert credit.REASON.encode() not in ledger.bundle("credit-risk@1").raw
    assert credit.REASON.encode() not in ledger.bundle("credit-risk@1", disclose=["conditions"]).raw
    assert credit.REASON.encode() in ledger.bundle("credit-risk@1", disclose=["reason"]).raw
    assert credit.REASON.encode() in ledger.bundle("credit-risk@1", disclose=True).raw


def test_it_verifies_elsewhere_and_breaks_where_it_is_touched(
    ledger: Ledger, lived: credit.Lived, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    raw = ledger.bundle("credit-risk@1").raw
    trust = trusts.parse(Path(".muniment/trust.toml").read_text())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other-state"))
    assert muniment.verify(raw, trust=trust).kind == "bundle"
    for old, new in ((b'"height":2', b'"height":3'), (b'"index":7', b'"index":6'), (b'size\\":2048', b'size\\":2049')):
        assert old in raw
        with pytest.raises(VerificationError):
            muniment.verify(raw.replace(old, new), trust=trust)


def test_a_bundle_is_older_than_what_was_seen_and_of_the_same_history(ledger: Ledger, lived: credit.Lived) -> None:
    path = ledger.bundle("credit-risk@1").save("bundle.json")
    ledger.record("note.added", {"about": ["policy"], "text": "later"})
    checked = muniment.verify(path)
    assert checked.found.answers[0].ground.pin == "older"


def test_a_thing_with_too_many_events_is_no_bundle(ledger: Ledger, lived: credit.Lived, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundling, "MAX_EVENTS", 5)
    with pytest.raises(InvalidInput) as caught:
        ledger.bundle("credit-risk@1")
    assert caught.value.code == "too-many-events"
