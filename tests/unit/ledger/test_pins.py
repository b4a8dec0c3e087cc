"""Pins: what a client remembers, and the alarm with its evidence when a ledger tells something else."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

import makers
from muniment.core.proof import evidence
from muniment.core.proof.trust import Trust
from muniment.errors import CorruptStore, Unavailable, VerificationError
from muniment.ledger.pins import Contact, Pins, fingerprint


@pytest.fixture
def pins(tmp_path: Path) -> Pins:
    return Pins(tmp_path / "state" / "pins")


def trust_in(life: makers.Life) -> Trust:
    return Trust(makers.ORIGIN, life.ledger, (makers.VERIFIER,))


def meet(pins: Pins, life: makers.Life) -> Contact:
    with life.engine.view() as view:
        return pins.check(view.checkpoint, trust_in(life), view.consistency)


def alarm(pins: Pins, life: makers.Life, trust: Trust) -> evidence.SplitView:
    """The contact must end in a split view whose evidence file holds on its own; the pin stays."""
    before = pins.load(makers.ORIGIN)
    with life.engine.view() as view, pytest.raises(evidence.SplitView) as caught:
        pins.check(view.checkpoint, trust, view.consistency)
    assert pins.load(makers.ORIGIN) == before
    path = Path(str(caught.value.details["evidence"]))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = evidence.decode(path.read_bytes())
    assert kept == caught.value.evidence
    assert evidence.verify_evidence(kept, trust)
    return caught.value


def rewrite(path: Path, size: int, block: int = 1) -> makers.Life:
    """Another history from the same genesis, by the same keys."""
    return makers.found(path).grow(size, block)


def test_first_contact_growth_and_rest(pins: Pins, tmp_path: Path) -> None:
    life = makers.found(tmp_path / "l.db").grow(3)
    first = meet(pins, life)
    assert (first.relation, first.pin.size, first.fingerprint) == ("first", 3, fingerprint(trust_in(life)))
    assert meet(pins, life).relation == "same"
    life.grow(300, 7)
    assert (meet(pins, life).relation, meet(pins, life).relation) == ("newer", "same")
    stored = pins.load(makers.ORIGIN)
    assert stored is not None
    assert stored.size == 300


def test_the_files_are_for_their_owner_only(pins: Pins, tmp_path: Path) -> None:
    meet(pins, makers.found(tmp_path / "l.db").grow(3))
    assert stat.S_IMODE(pins.folder.stat().st_mode) == 0o700
    files = list(pins.folder.iterdir())
    assert len([path for path in files if path.suffix == ".json"]) == 1
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_an_unknown_origin_has_no_pin(pins: Pins) -> None:
    assert pins.load("nobody.example") is None


@pytest.mark.parametrize(("seen", "shown", "kind"), [(21, 21, "same-size"), (21, 41, "inconsistent"), (32, 301, "inconsistent")])
def test_a_history_rewritten_with_the_same_keys(pins: Pins, tmp_path: Path, seen: int, shown: int, kind: str) -> None:
    honest = makers.found(tmp_path / "a.db").grow(seen, 3)
    meet(pins, honest)
    error = alarm(pins, rewrite(tmp_path / "b.db", shown, 2), trust_in(honest))
    assert (error.step, error.code, error.details["kind"]) == (5, f"split-view-{kind}", kind)


@pytest.mark.parametrize(("seen", "shown"), [(41, 21), (301, 9), (301, 299)])
def test_a_backup_that_was_put_back(pins: Pins, tmp_path: Path, seen: int, shown: int) -> None:
    life = makers.found(tmp_path / "l.db").grow(shown)
    life.engine.backup(tmp_path / "backup.db")
    meet(pins, life.grow(seen, 4))
    error = alarm(pins, makers.reopen(tmp_path / "backup.db"), trust_in(life))
    assert error.code == "split-view-rollback"


def test_the_same_alarm_leaves_one_file(pins: Pins, tmp_path: Path) -> None:
    honest = makers.found(tmp_path / "a.db").grow(21)
    meet(pins, honest)
    other = rewrite(tmp_path / "b.db", 21)
    paths = {str(alarm(pins, other, trust_in(honest)).details["evidence"]) for _ in range(2)}
    assert len(paths) == 1


def test_a_checkpoint_of_nobody_we_trust_is_never_pinned(pins: Pins, tmp_path: Path) -> None:
    life = makers.found(tmp_path / "l.db").grow(3)
    stranger = Trust(makers.ORIGIN, life.ledger, (trust_in(life).log_keys[0].__class__(makers.ORIGIN, b"1234", 1, b"k" * 32),))
    with life.engine.view() as view, pytest.raises(VerificationError) as caught:
        pins.check(view.checkpoint, stranger, view.consistency)
    assert caught.value.step == 3
    assert pins.load(makers.ORIGIN) is None


@pytest.mark.parametrize("content", [b"", b"{}\n", b"\xff\n", b"[" * 10_000])
def test_a_damaged_pin_is_not_passed_over(pins: Pins, tmp_path: Path, content: bytes) -> None:
    life = makers.found(tmp_path / "l.db").grow(3)
    meet(pins, life)
    (path,) = pins.folder.glob("*.json")
    path.write_bytes(content)
    with pytest.raises(CorruptStore) as caught:
        meet(pins, life)
    assert (caught.value.code, caught.value.details["path"]) == ("bad-pin", str(path))


def test_a_pin_of_another_origin_in_its_place(pins: Pins, tmp_path: Path) -> None:
    life = makers.found(tmp_path / "l.db").grow(3)
    meet(pins, life)
    (path,) = pins.folder.glob("*.json")
    path.rename(pins.folder / f"{evidence.digest.sha256(b'other.example').hex()}.json")
    with pytest.raises(CorruptStore):
        pins.load("other.example")


def test_what_cannot_be_remembered_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    life = makers.found(tmp_path / "l.db").grow(3)
    with pytest.raises(Unavailable) as caught:
        meet(Pins(tmp_path / "file" / "pins"), life)
    assert caught.value.code in ("pin-unwritable", "pin-unreadable")


def test_the_alarm_is_raised_even_where_the_file_cannot_be_kept(
    pins: Pins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = makers.found(tmp_path / "a.db").grow(21)
    meet(pins, honest)
    other = rewrite(tmp_path / "b.db", 21)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with other.engine.view() as view, pytest.raises(evidence.SplitView) as caught:
        pins.check(view.checkpoint, trust_in(honest), view.consistency)
    assert "evidence" not in caught.value.details
    assert not list(pins.folder.glob(".*.unfinished"))


def test_pins_only_move_forward_when_many_look_at_once(pins: Pins, tmp_path: Path) -> None:
    life = makers.found(tmp_path / "l.db").grow(3)
    notes = []
    for size in range(5, 41, 2):
        with life.grow(size).engine.view() as view:
            notes.append(view.checkpoint)
    trust, failures = trust_in(life), list[BaseException]()

    def look(step: int) -> None:
        for note in notes[::step]:
            try:
                with life.engine.view() as view:
                    pins.check(note, trust, view.consistency)
            except evidence.SplitView as error:
                # Another thread had seen more: for this one the note is an older state.
                if error.evidence.kind != "tail-cut":
                    failures.append(error)

    threads = [threading.Thread(target=look, args=(step,)) for step in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = pins.load(makers.ORIGIN)
    assert not failures
    assert stored is not None
    assert stored.size == 39
