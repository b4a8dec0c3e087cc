"""client.writing: draft, seal, sign, append, and check what the ledger answers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from muniment.client import opening
from muniment.client.ledger import Ledger
from muniment.client.writing import Writer, refusal
from muniment.core.format import checkpoint, merkle
from muniment.core.format import note as notes
from muniment.core.proof import receipt
from muniment.core.proof.evidence import SplitView
from muniment.core.rules.policy import PolicyViolation, Reason, Verdict
from muniment.errors import Conflict, InvalidInput, NotFound, Unavailable, VerificationError
from muniment.ledger.engine import Engine, View
from muniment.vault import Vault

NOTE = {"about": ["actor/alice"], "text": "Reviewed with the risk team."}


@pytest.fixture
def writer(ledger: Ledger) -> Writer:
    return ledger._writer


class Closed:
    """An engine that takes nothing now, and shows what it has."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.origin, self.ledger = engine.origin, engine.ledger

    def append(self, entries: Sequence[bytes]) -> list[Verdict]:
        raise Unavailable("the disk is full", code="full")

    def judge(self, entries: Sequence[bytes]) -> list[Verdict]:
        return self._engine.judge(entries)

    def view(self) -> AbstractContextManager[View]:
        return self._engine.view()

    def close(self) -> None:
        self._engine.close()


def test_what_is_recorded_has_a_receipt_that_verifies(writer: Writer) -> None:
    done = writer.record("note.added", NOTE)
    assert (done.event, done.index, done.height, done.again, done.sealed) == ("note.added", 1, 1, False, True)
    read = receipt.parse(done.receipt)
    with writer.engine.view() as view:
        leaf = merkle.leaf(view.entry(1))
        size = view.size
    assert read.index == 1
    merkle.check_inclusion(leaf, 1, size, read.proof, _root(read.checkpoint))


def _root(note: bytes) -> bytes:
    return checkpoint.parse(notes.parse(note).text).root


def test_the_same_entry_again_is_the_first_one(writer: Writer) -> None:
    event, raw = writer.sign("note.added", NOTE)
    first, again = writer.append(event, raw), writer.append(event, raw)
    assert (again.index, again.again) == (first.index, True)


def test_prose_is_in_the_vault_before_the_entry(writer: Writer) -> None:
    event, _ = writer.sign("note.added", NOTE)
    assert Vault(writer.home.vault).disclose(event.text) == NOTE["text"]  # type: ignore[attr-defined]


def test_a_refusal_carries_every_reason(writer: Writer) -> None:
    with pytest.raises(PolicyViolation) as caught:
        writer.record("model.retired", {"model": "x", "version": "0" * 64, "cause": "unused"})
    assert caught.value.code == "refused-unknown"
    assert "muniment register" in caught.value.hint


def test_conflicts_are_told_apart() -> None:
    once = Verdict(
        decision="refused", event_id="x", reasons=(Reason(rule="once", required="Once.", found="It is.", mend="Use it."),)
    )
    error = refusal(once)
    assert isinstance(error, Conflict)
    assert (error.code, error.hint) == ("conflict-once", "Use it.")
    role = Reason(rule="role", required="It is for owners.", found="You are none.")
    both = Verdict(decision="refused", event_id="x", reasons=(*once.reasons, role))
    assert isinstance(refusal(both), PolicyViolation)


def test_who_writes_is_clear_or_asked_for(ledger: Ledger) -> None:
    home = ledger._writer.home
    with opening.open(home.folder) as other:
        assert other.actor == "alice"
        home.actor_key("bob").write_text("")
        with pytest.raises(InvalidInput, match="2 actors") as caught:
            other.record("note.added", NOTE)
        assert caught.value.code == "no-actor"
        assert "alice, bob" in caught.value.hint
        for name in ("alice", "bob"):
            home.actor_key(name).unlink()
        with pytest.raises(InvalidInput, match="nobody"):
            other.record("note.added", NOTE)


@pytest.mark.parametrize(("actor", "code"), [("alcie", "no-actor-key"), ("carol", "no-actor-key"), ("../alice", "bad-actor")])
def test_a_key_that_is_not_here(ledger: Ledger, actor: str, code: str) -> None:
    with opening.open(ledger.home, actor=actor) as other, pytest.raises((NotFound, InvalidInput)) as caught:
        other.record("note.added", NOTE)
    assert caught.value.code == code
    if actor == "alcie":
        assert caught.value.hint == "Did you mean alice?"
    assert not (ledger.home / "vault.jsonl").exists()


def test_what_cannot_be_taken_now_is_kept_and_sent_first(writer: Writer) -> None:
    engine = writer.engine
    writer.engine = Closed(engine)
    kept = writer.record_or_keep("note.added", NOTE)
    assert (kept.sealed, kept.index) == (False, -1)
    assert len(writer.spool.pending()) == 1
    with pytest.raises(Unavailable) as caught:
        writer.record("note.added", NOTE)
    assert caught.value.code == "full"
    writer.engine = engine
    done = writer.record("note.added", NOTE)
    assert writer.spool.pending() == []
    with engine.view() as view:
        assert view.find(kept.event_id) == 1
    assert done.index == 3


def test_what_is_refused_later_is_kept_with_its_reasons(writer: Writer) -> None:
    engine = writer.engine
    writer.engine = Closed(engine)
    writer.record_or_keep("model.retired", {"model": "x", "version": "0" * 64, "cause": "unused"})
    writer.engine = engine
    drained = writer.drain()
    assert drained is not None
    assert [each.refusal.code for each in drained.refused if each.refusal] == ["refused-unknown"]
    assert writer.drain() is None
    assert len(writer.spool.rejected()) == 1


def test_a_ledger_that_was_rolled_back_is_not_believed(ledger: Ledger, tmp_path: Path) -> None:
    ledger.record("note.added", NOTE)
    backup = tmp_path / "backup.db"
    backup.write_bytes(_checkpointed(ledger))
    with opening.open(".muniment") as again:
        again.record("note.added", NOTE)
    store = Path(".muniment/ledger.db")
    for path in store.parent.glob("ledger.db*"):
        path.unlink()
    store.write_bytes(backup.read_bytes())
    with pytest.raises(SplitView) as caught:
        opening.open(".muniment")
    assert caught.value.step == 5
    assert Path(str(caught.value.details["evidence"])).exists()


def _checkpointed(ledger: Ledger) -> bytes:
    """The bytes of the ledger's file once the write-ahead log is in it."""
    ledger.close()
    return (Path(".muniment") / "ledger.db").read_bytes()


def test_another_ledger_in_the_same_place_is_not_believed(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.close()
    text = Path(".muniment/trust.toml").read_text()
    Path(".muniment/trust.toml").write_text(text.replace(ledger.id, "0" * 64))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another machine"))
    with pytest.raises(VerificationError) as caught:
        opening.open(".muniment")
    assert (caught.value.step, caught.value.code) == (2, "ledger")


def test_a_pin_that_moved_meanwhile_accuses_nobody(ledger: Ledger) -> None:
    """Another process writes and pins after our view was opened and before we compare."""
    writer = ledger._writer
    check, raced = writer.pins.check, []

    def check_late(*arguments: object) -> object:
        if not raced:
            raced.append(True)
            with opening.open(".muniment") as other:
                other.record("note.added", NOTE)
        return check(*arguments)  # type: ignore[arg-type]

    writer.pins.check = check_late  # type: ignore[method-assign, assignment]
    with writer.contact() as (view, contact):
        assert view.size == 3
        assert contact.relation == "same"
    assert not list(writer.pins.folder.glob("evidence-*"))


def test_a_forked_child_writes_to_the_same_ledger(writer: Writer) -> None:
    writer.record("note.added", NOTE)
    child = os.fork()
    if child == 0:
        try:
            writer.record("note.added", NOTE)
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert writer.record("note.added", NOTE).index == 5
