"""The parts of the demo: its folder, its telling, its model, and each way in which it damages a copy."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import makers
from muniment.cli.demo import place, rules, tampering
from muniment.cli.demo.diary import Diary
from muniment.cli.demo.learning import Biopsies, Score
from muniment.cli.demo.text import MIN_WIDTH, Narrator
from muniment.client import home as homes
from muniment.client.home import Home
from muniment.client.things import Recorded
from muniment.core.format import dsse, state_map
from muniment.core.proof import evidence
from muniment.core.rules import events, policy_text
from muniment.core.rules.policy import PolicyViolation, Reason, Verdict
from muniment.errors import InvalidInput, InvariantError, MunimentError, Unavailable
from muniment.ledger import signers
from muniment.ledger.embedded import Embedded
from muniment.ledger.pins import Pins
from muniment.ledger.store.file import Store
from muniment.ledger.store.fsck import fsck

VERSION = "2" * 64


@pytest.fixture
def life(tmp_path: Path) -> makers.Life:
    """A ledger of a model with a deployment: entries 1, 3 and 5, each with its seal behind it."""
    found = makers.found(tmp_path / "ledger.db")
    for block in makers.model(found):
        found.append(*block)
    return found


def codes(store: Path) -> set[str]:
    """The codes of everything that fsck finds."""
    return {finding.code for finding in fsck(store, makers.VERIFIER).findings}


def test_a_sound_ledger_has_no_findings(life: makers.Life) -> None:
    assert codes(life.close()) == set()


def test_an_edited_byte_breaks_the_signature(life: makers.Life) -> None:
    store = life.close()
    tampering.edit_bytes(store, b'"environment":"production"', b'"environment":"productive"')
    (finding,) = fsck(store, makers.VERIFIER).findings
    assert (finding.code, finding.row) == ("bad-signature", 5)


@pytest.mark.parametrize(("old", "new"), [(b"no such text", b"NO such text"), (b'"transition"', b'"transitions"')])
def test_bytes_that_cannot_be_overwritten_are_an_error(life: makers.Life, old: bytes, new: bytes) -> None:
    store = life.close()
    with pytest.raises(InvariantError):
        tampering.edit_bytes(store, old, new)
    assert codes(store) == set()


def test_an_edited_record_with_a_fitting_hash_is_not_what_its_events_give(life: makers.Life) -> None:
    store = life.close()
    tampering.edit_record(store, f"version/{VERSION}", b'"running":1', b'"running":2')
    finding = fsck(store, makers.VERIFIER).findings[0]
    assert (finding.code, finding.row) == ("record", state_map.key(f"version/{VERSION}").hex())


def test_a_record_that_does_not_say_so_is_not_edited(life: makers.Life) -> None:
    with pytest.raises(InvariantError):
        tampering.edit_record(life.close(), f"version/{VERSION}", b'"running":7', b'"running":2')
    with pytest.raises(InvariantError):
        tampering.edit_record(life.path, "version/none", b"1", b"2")


def test_swapped_entries_are_named(life: makers.Life) -> None:
    store = life.close()
    tampering.swap_entries(store, 3, 5)
    assert {finding.row for finding in fsck(store, makers.VERIFIER).findings} == {3, 5}


def test_a_dropped_entry_is_missed(life: makers.Life) -> None:
    store = life.close()
    tampering.drop_entry(store, 3)
    assert codes(store) == {"missing-entry"}


def test_a_cut_tail_contradicts_the_pin(tmp_path: Path) -> None:
    home = homes.found(tmp_path / "home", origin="example.com/demo", actor="ada")
    _record(home, "system.registered", {"name": "one", "operatorRole": "provider"})
    pins = Pins(tmp_path / "pins")
    assert _meet(home, pins) == 3
    tampering.cut_tail(home.store)
    with pytest.raises(evidence.SplitView):
        _meet(home, pins)


def test_a_rewritten_ledger_is_flawless_and_contradicts_the_pin(tmp_path: Path) -> None:
    home = homes.found(tmp_path / "home", origin="example.com/demo", actor="ada")
    for name in ("one", "two", "three"):
        _record(home, "system.registered", {"name": name, "operatorRole": "provider"})
    pins = Pins(tmp_path / "pins")
    assert _meet(home, pins) == 7
    target = Home(tmp_path / "target")
    target.folder.mkdir()
    target.trust.write_text(home.trust.read_text())
    padding = _sign(home, "system.registered", {"name": "four", "operatorRole": "provider"})
    tampering.rewrite(home, target, leave_out=[3], padding=padding)
    assert fsck(target.store, home.load_trust().log_keys[0]).findings == ()
    with pytest.raises(evidence.SplitView) as caught:
        _meet(target, pins)
    assert caught.value.code == "split-view-same-size"
    kept = evidence.decode(Path(str(caught.value.details["evidence"])).read_bytes())
    assert "7 entries" in evidence.verify_evidence(kept, home.load_trust())


def test_a_rewriting_that_the_rules_refuse_is_an_error(tmp_path: Path) -> None:
    home = homes.found(tmp_path / "home", origin="example.com/demo", actor="ada")
    target = Home(tmp_path / "target")
    target.folder.mkdir()
    foreign = makers.sign("0" * 64, "system.registered", name="x", operatorRole="provider")
    with pytest.raises(InvariantError):
        tampering.rewrite(home, target, leave_out=[], padding=foreign)


def test_a_place_is_made_and_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    made, earlier = place.locate(folder)
    assert not earlier
    assert not folder.exists()
    place.prepare(made)
    made.home.folder.mkdir()
    (made.home.folder / "ledger.db").write_text("old")
    (folder / "notes.txt").write_text("mine")
    again, earlier = place.locate(folder)
    assert earlier
    assert (again.home.folder / "ledger.db").exists()
    place.prepare(again)
    assert not again.home.folder.exists()
    # What the demo did not make is left alone.
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["muniment.toml", "thesis.tex", ".muniment/ledger.db"])
def test_a_folder_that_holds_something_else_is_left_as_it_is(tmp_path: Path, name: str) -> None:
    mine = tmp_path / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text('actor = "me"\n')
    with pytest.raises(InvalidInput) as caught:
        place.locate(tmp_path)
    assert caught.value.code == "not-a-demo"
    assert mine.read_text() == 'actor = "me"\n'


def test_a_file_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("")
    with pytest.raises(InvalidInput):
        place.locate(tmp_path / "demo")
    with pytest.raises(Unavailable):
        place.prepare(place.Place(tmp_path / "demo" / "inside"))


def test_settings_are_those_of_the_place_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_HOME", "/elsewhere")
    settings = place.Place(tmp_path).settings("ben")
    assert (settings.home, settings.actor) == (tmp_path / ".muniment", "ben")
    assert settings.state.is_relative_to(tmp_path)


@pytest.mark.parametrize("columns", [20, 80, 100, 300])
def test_lines_stay_within_the_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    narrator = Narrator()
    narrator.say("word " * 60)
    narrator.happened("entry 7", "word " * 60)
    narrator.caught("word " * 30, "fsck", "record", f"the record of version/{VERSION} is wrong", "word " * 20)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= max(MIN_WIDTH, min(columns, 96))
    assert "version/2222…2222 is wrong." in " ".join(" ".join(lines).split())


def test_a_silent_narrator_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator(silent=True)
    narrator.title("title")
    narrator.chapter("chapter")
    narrator.missed("something")
    narrator.commands([("what", "command")])
    assert capsys.readouterr() == ("", "")


def test_the_rules_of_the_demo_have_no_doubts() -> None:
    file = policy_text.parse_file(rules.TEXT)
    assert file.founder == ("owner",)
    assert list(policy_text.doubts(file.policy)) == []


def test_a_refusal_is_kept_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    diary = Diary(Narrator())
    diary.refuse("try", "hold", "Ada tries.", lambda: _refuse("hold"))
    (kept,) = diary.refused
    assert (kept.name, kept.violation.code) == ("try", "refused-hold")
    told = " ".join(capsys.readouterr().out.split())
    assert told == "refused Ada tries. The ledger: This is asked for. This is there. [refused-hold]"


@pytest.mark.parametrize("found", [["role"], ["hold", "withdrawn"]])
def test_a_refusal_for_another_reason_is_an_error(found: list[str]) -> None:
    with pytest.raises(InvariantError, match="and not by hold alone"):
        Diary(Narrator(silent=True)).refuse("try", "hold", "Ada tries.", lambda: _refuse(*found))


def test_what_the_ledger_takes_after_all_is_an_error() -> None:
    diary = Diary(Narrator(silent=True))
    with pytest.raises(InvariantError, match="the ledger took what hold forbids: try, entry 7"):
        diary.refuse("try", "hold", "Ada tries.", lambda: Recorded(event="note.added", event_id=makers.next_id(), index=7))


def test_the_two_clinics_make_the_training_set(tmp_path: Path) -> None:
    biopsies = Biopsies.load()
    parts = {part: tmp_path / f"{part}.csv" for part in ("north", "south", "training")}
    assert biopsies.write("north", parts["north"]) + biopsies.write("south", parts["south"]) == 369
    assert biopsies.write("training", parts["training"]) == 369
    head, *north = parts["north"].read_text().splitlines()
    assert parts["training"].read_text().splitlines() == [head, *north, *parts["south"].read_text().splitlines()[1:]]


def test_a_missing_library_is_said_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MunimentError) as caught:
        Biopsies.load()
    assert caught.value.code == "no-scikit-learn"
    assert "pip install 'muniment[demo]'" in caught.value.hint
    assert "make demo" in caught.value.hint


def test_shares_follow_from_counts() -> None:
    score = Score(patients=100, right=92, malignant=23, missed=2)
    assert (score.accuracy, score.recall) == (0.92, 21 / 23)
    assert score.sentence() == "right for 92 of 100 patients, missed 2 of 23 tumours"


def _refuse(*found: str) -> Recorded:
    reasons = tuple(Reason(rule=rule, required="This is asked for.", found="This is there.", mend="Mend it.") for rule in found)
    raise PolicyViolation(Verdict(decision="refused", event_id=makers.next_id(), reasons=reasons))


def _sign(home: Home, name: str, fields: dict[str, object]) -> bytes:
    common = {
        "ledger": home.load_trust().ledger,
        "eventId": makers.next_id(),
        "occurredAt": "2026-11-23T00:00:00.000000Z",
        "actor": "ada",
    }
    return dsse.encode(
        dsse.sign(events.encode(events.build(name, {**common, **fields})), signers.load_file(home.actor_key("ada")))  # type: ignore[dict-item]
    )


def _record(home: Home, name: str, fields: dict[str, object]) -> None:
    engine = home.open()
    (verdict,) = engine.append([_sign(home, name, fields)])
    engine.close()
    assert verdict.decision == "admitted"


def _meet(home: Home, pins: Pins) -> int:
    """Open a ledger as somebody who remembers; returns its size."""
    engine = Embedded(Store.open(home.store), None)
    try:
        with engine.view() as view:
            return pins.check(view.checkpoint, home.load_trust(), view.consistency).pin.size
    finally:
        engine.close()
