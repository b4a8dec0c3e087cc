"""file: one transaction a block, several processes' knowledge kept in step, and nothing built on damage."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import apsw
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
