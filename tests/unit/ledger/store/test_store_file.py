"""file: one transaction a block, several processes' knowledge kept in step, and nothing built on damage."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import apsw
import msgspec
import pytest

import makers
from muniment.errors import CorruptStore, InvalidInput, MunimentError, Unavailable
from muniment.ledger.audit import audit
from muniment.ledger.embedded import Embedded
from muniment.ledger.store import connection, file
from muniment.ledger.store.file import Store
from muniment.ledger.store.fsck import fsck


@pytest.fixture
def life(tmp_path: Path) -> makers.Life:
    """A model's life."""
    life = makers.found(tmp_path / "ledger.db")
    for block in makers.model(life):
        life.append(*block)
    return life


def damage(path: Path, statement: str) -> None:
    with apsw.Connection(str(path)) as sql:
        sql.execute(statement)
    sql.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET body = CAST(body || ' ' AS BLOB) WHERE idx = 1",
        'UPDATE entry SET body = CAST(replace(body, \'"time":"2026\', \'"time":"2025\') AS BLOB) WHERE idx = 4',
        "UPDATE block SET checkpoint = (SELECT checkpoint FROM block WHERE height = 2) WHERE height = 3",
        "UPDATE block SET checkpoint = x'00' WHERE height = 3",
        "UPDATE cell SET hashes = zeroblob(512) WHERE id = (SELECT id FROM cell WHERE hashes != zeroblob(512))",
        "DELETE FROM entry WHERE idx = 2",
        "DELETE FROM block WHERE height = 3",
        "UPDATE record SET value = CAST(replace(value, 'owner', 'ruler') AS BLOB)",
        "UPDATE record SET value = x'00', leaf = x'00'",
        "INSERT INTO entry VALUES (7, x'00', NULL)",
        "DROP TABLE event",
    ],
)
def test_nothing_is_signed_on_top_of_damage(life: makers.Life, statement: str) -> None:
    life.close()
    damage(life.path, statement)
    before = life.path.read_bytes()
    engine = Embedded(Store.open(life.path), makers.LOG, clock=makers.StepClock(makers.NOON + 3_600_000_000))
    with pytest.raises(CorruptStore):
        engine.append([life.system("on-top")])
    engine.close()
    with apsw.Connection(str(life.path)) as sql:
        assert sql.execute("SELECT max(height) FROM block").get in (2, 3)
    sql.close()
    assert life.path.read_bytes() == before


def test_damage_behind_the_back_of_a_running_writer_is_seen(life: makers.Life) -> None:
    # The signer's own record: rules that believed it would admit or refuse wrongly.
    damage(life.path, "UPDATE record SET value = CAST(replace(value, '\"count\":', '\"count\":1') AS BLOB)")
    with pytest.raises(CorruptStore) as caught:
        life.engine.append([life.system("next")])
    assert caught.value.details["table"] == "record"


def test_two_stores_on_one_file_keep_in_step(life: makers.Life) -> None:
    other = makers.reopen(life.path)
    # Each one's clock goes its own way: only the header times must rise.
    for number in range(6):
        writer = (life, other)[number % 2]
        writer.engine._accept_clock = True
        writer.append(*[writer.system(f"in-step-{number}-{each}") for each in range(3)])
    with life.engine.view() as one, other.engine.view() as two:
        assert one.checkpoint == two.checkpoint
    other.close()
    life.close()
    assert fsck(life.path, makers.VERIFIER).findings == ()


def test_a_block_that_admits_nothing_writes_nothing(life: makers.Life) -> None:
    with life.engine.view() as view:
        before = view.checkpoint, view.size
    (verdict,) = life.engine.append(
        [life.sign("model.registered", model="m", version="3" * 64, derivation="trained", data=["4" * 64])]
    )
    assert verdict.decision == "refused"
    with life.engine.view() as view:
        assert (view.checkpoint, view.size) == before


def test_a_seal_that_fails_leaves_the_ledger_as_it_was(life: makers.Life, monkeypatch: pytest.MonkeyPatch) -> None:
    with life.engine.view() as view:
        size = view.size

    def fail(_: object) -> bytes:
        raise Unavailable("the key is not at hand", code="no-key")

    monkeypatch.setattr("muniment.ledger.embedded._sealer", lambda _: fail)
    event = life.system("later")
    with pytest.raises(Unavailable):
        life.engine.append([event])
    monkeypatch.undo()
    assert life.append(event)[0].index == size
    life.close()
    assert fsck(life.path, makers.VERIFIER).findings == ()


def test_a_backup_is_a_ledger_of_its_own(life: makers.Life, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    life.engine.backup(copy)
    life.append(life.system("after"))
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    found = fsck(copy, makers.VERIFIER)
    assert (found.findings, found.size) == ((), 7)
    restored = makers.reopen(copy)
    restored.append(restored.system("elsewhere"))
    restored.close()
    assert fsck(copy, makers.VERIFIER).findings == ()
    with pytest.raises(InvalidInput):
        life.engine.backup(copy)


def test_of_a_backup_that_fails_nothing_is_left(life: makers.Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = connection.create_empty

    def full(path: Path) -> apsw.Connection:
        sql = create(path)
        sql.execute("PRAGMA page_size = 4096; PRAGMA max_page_count = 3").fetchall()
        return sql

    monkeypatch.setattr(file.connection, "create_empty", full)
    with pytest.raises(MunimentError):
        life.engine.backup(tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_creating_twice_keeps_the_first(life: makers.Life) -> None:
    with pytest.raises(InvalidInput):
        makers.found(life.path)
    with life.engine.view() as view:
        assert view.size == 7


def test_a_closed_store_is_unavailable(life: makers.Life) -> None:
    life.close()
    with pytest.raises(Unavailable), life.engine.view():
        pass
    with pytest.raises(Unavailable):
        life.append(life.system("late"))
    life.engine.close()


def test_a_store_opens_for_each_process_anew(life: makers.Life) -> None:
    store = Store.open(life.path)
    store.release()
    with store.view() as view:
        # In use, so it stays.
        store.release()
        assert view.size == 7
        assert view.entry(1)
    store.close()
    store.release()


def test_an_audit_with_helpers_leaves_the_writer_whole(life: makers.Life) -> None:
    audit(life.engine.view, makers.VERIFIER, processes=2)
    life.append(life.system("after"))
    life.close()
    assert os.listdir(life.path.parent) == ["ledger.db"]
    assert fsck(life.path, makers.VERIFIER).findings == ()


class Interruption:
    """Raises KeyboardInterrupt at the n-th line of `append` and what it calls in its module, as a person's Ctrl-C would."""

    def __init__(self, line: int) -> None:
        self.left = line

    def __enter__(self) -> None:
        sys.settrace(self._enter)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        written = frame.f_code.co_filename == file.__file__ and frame.f_code.co_name in ("append", "_commit")
        return self._count if written else None

    def _count(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt
        return self._count


def test_an_interrupt_leaves_the_whole_block_or_nothing_and_a_store_that_goes_on(life: makers.Life) -> None:
    policy = {"roles": [{"name": "owner", "may": ["*"]}, {"name": "scribe", "may": ["note.added"]}]}
    other = {"roles": [policy["roles"][0], {"name": "scribe", "may": ["model.retired"]}]}
    line, done = 0, False
    while not done:
        line += 1
        amendment = life.sign("policy.amended", policy=other if line % 2 else policy)
        try:
            with Interruption(line):
                life.append(amendment)
            done = True
        except KeyboardInterrupt:
            pass
        (after,) = life.engine.append([life.sign("note.added", makers.BOB, "bob", about=["policy"], text={"sealed": "A" * 43})])
        (again,) = life.engine.append([amendment])
        # The policy in force is the one on the disk, not the one that this process remembers.
        written = again.decision == "repeated"
        assert after.decision == ("refused" if written and line % 2 else "admitted")
        life.append(life.sign("policy.amended", policy=policy))
    assert line > 10
    life.close()
    assert fsck(life.path, makers.VERIFIER).findings == ()


def test_a_founding_that_is_refused_leaves_no_file(tmp_path: Path) -> None:
    founding = makers.founding()
    forged = [msgspec.structs.replace(each, proof="A" * 86 + "==") for each in founding.actors[0].keys]
    actors = (msgspec.structs.replace(founding.actors[0], keys=tuple(forged)), *founding.actors[1:])
    with pytest.raises(InvalidInput) as caught:
        Embedded.create(tmp_path / "new.db", msgspec.structs.replace(founding, actors=actors), makers.LOG)
    assert caught.value.code == "key-proof"
    assert not (tmp_path / "new.db").exists()
