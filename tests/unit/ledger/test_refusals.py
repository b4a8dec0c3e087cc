"""ledger.refusals: what is recorded of refused events, and that whoever was refused learns it whatever becomes of the record."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import makers
from muniment.core.format import dsse
from muniment.core.rules import events
from muniment.core.rules.chain import Submission
from muniment.errors import Unavailable
from muniment.ledger.refusals import RefusalWarning
from muniment.ledger.spool import Spool
from muniment.ledger.store.file import Seal, Store
from muniment.ledger.store.fsck import fsck

ASKED = ("attempt.refused", "model.registered", "system.registered")


@pytest.fixture
def life(tmp_path: Path) -> Iterator[makers.Life]:
    opened = makers.found_recording(tmp_path / "ledger.db", ASKED)
    yield opened
    opened.close()


def attempts(life: makers.Life) -> list[events.AttemptRefused]:
    """Every recorded attempt, in order."""
    with life.engine.view() as view:
        decoded = [
            events.decode(dsse.decode(raw).payload) for _, raw in view.entries(1, view.size) if raw.startswith(b'{"payload"')
        ]
    return [event for event in decoded if isinstance(event, events.AttemptRefused)]


def refused(life: makers.Life, name: str = "x") -> bytes:
    """An event that Bob may not write."""
    return life.sign("system.registered", makers.BOB, "bob", name=name, operatorRole="provider")


def fail_after(monkeypatch: pytest.MonkeyPatch, blocks: int, error: BaseException) -> None:
    """Let the store take so many blocks and fail from then on."""
    append = Store.append
    left = [blocks]

    def failing(self: Store, *arguments: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise error
        return append(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "append", failing)


def test_each_refusal_is_recorded_and_repetitions_are_attempts_too(life: makers.Life) -> None:
    life.engine.append([refused(life, "a"), refused(life, "b")])
    again = refused(life, "c")
    life.engine.append([again])
    life.engine.append([again])
    assert [each.of for each in attempts(life)] == ["bob"] * 4
    assert len({each.payload_digest for each in attempts(life)}) == 3
    assert all((each.actor, each.grade) == ("node", "observed") for each in attempts(life))


def test_nothing_is_written_where_nothing_is_refused(life: makers.Life) -> None:
    life.append(life.system("fine"))
    with life.engine.view() as view:
        assert (view.size, view.height) == (3, 1)


def test_several_reasons_of_one_rule_are_one_rule(life: makers.Life) -> None:
    fields = {"model": "m", "version": "2" * 64, "derivation": "merged", "parents": ["3" * 64, "4" * 64]}
    (verdict,) = life.engine.append([life.sign("model.registered", **fields)])
    assert [reason.rule for reason in verdict.reasons] == ["unknown", "unknown"]
    (attempt,) = attempts(life)
    assert (attempt.of, attempt.attempted, attempt.rules) == ("ada", "model.registered", ("unknown",))


def test_a_full_ledger_hides_no_verdict_and_the_record_waits(
    life: makers.Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_after(monkeypatch, 1, Unavailable("the disk is full", code="disk-full"))
    (verdict,) = life.engine.append([refused(life)])
    assert (verdict.decision, verdict.reasons[0].rule) == ("refused", "role")
    assert attempts(life) == []
    monkeypatch.undo()
    spool = Spool(tmp_path / "spool")
    assert len(spool.pending()) == 1
    drained = spool.drain(life.engine)
    assert (len(drained.admitted), drained.refused, drained.waiting) == (1, (), 0)
    assert [each.of for each in attempts(life)] == ["bob"]


def test_any_failure_of_the_record_is_not_the_callers(life: makers.Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_after(monkeypatch, 1, RuntimeError("a bug"))
    assert life.engine.append([refused(life)])[0].decision == "refused"
    assert len(Spool(tmp_path / "spool").pending()) == 1


def test_what_the_service_may_not_write_is_rejected_with_reasons_and_without_end(tmp_path: Path) -> None:
    life = makers.found_recording(tmp_path / "ledger.db", ASKED, may=("note.added",))
    assert life.engine.append([refused(life)])[0].reasons[0].rule == "role"
    spool = Spool(tmp_path / "spool")
    assert len(spool.pending()) == 1
    drained = spool.drain(life.engine)
    assert [each.refusal.code for each in drained.refused if each.refusal] == ["refused-role"]
    assert (spool.pending(), attempts(life)) == ([], [])
    life.close()


def test_with_nowhere_to_write_it_is_said_and_kept_for_the_next_time(
    life: makers.Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spool").write_text("no folder")
    fail_after(monkeypatch, 1, Unavailable("the disk is full", code="disk-full"))
    with pytest.warns(RefusalWarning, match="could not be recorded"):
        assert life.engine.append([refused(life, "first")])[0].decision == "refused"
    monkeypatch.undo()
    life.engine.append([refused(life, "second")])
    assert len(attempts(life)) == 2


def test_an_interrupt_while_recording_leaves_the_others_their_verdicts(life: makers.Life, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_after(monkeypatch, 1, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        life.engine.append([life.system("before"), refused(life)])
    monkeypatch.undo()
    # The turn was given back, and what was admitted is there.
    life.append(life.system("after"))
    with life.engine.view() as view:
        assert view.record("system/before") is not None


def test_a_crash_before_the_record_loses_the_attempt_and_nothing_else(life: makers.Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.append(life.system("before"))
    mixed = [life.system("together"), refused(life)]
    child = os.fork()
    if child == 0:
        append = Store.append

        def crash(self: Store, submissions: list[Submission], clock: Callable[[str], str], seal: Seal) -> object:
            if any(isinstance(each.event, events.AttemptRefused) for each in submissions):
                os._exit(9)
            return append(self, submissions, clock, seal)

        monkeypatch.setattr(Store, "append", crash)
        life.engine.append(mixed)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    # The caller who died asks again: what was admitted is known, what was refused is an attempt once more.
    assert [each.decision for each in life.engine.append(mixed)] == ["repeated", "refused"]
    assert [each.of for each in attempts(life)] == ["bob"]
    assert fsck(life.path, makers.VERIFIER).findings == ()


def test_threads_that_share_a_block_have_their_refusals_recorded_once(life: makers.Life) -> None:
    entries = [refused(life, f"thread-{number}") for number in range(8)]
    threads = [threading.Thread(target=life.engine.append, args=([raw],)) for raw in entries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.payload_digest for each in attempts(life)}) == len(attempts(life)) == 8
