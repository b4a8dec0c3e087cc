"""snapshot: what proofs are made of belongs together, and comes from one moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

import makers
from muniment.core.format import checkpoint, entry, merkle, state_map
from muniment.errors import CorruptStore, NotFound
from muniment.ledger.embedded import Embedded
from muniment.ledger.engine import View
from muniment.ledger.store.file import Store


@pytest.fixture
def life(tmp_path: Path) -> makers.Life:
    """Twenty entries: a model's life, then blocks of three."""
    life = makers.found(tmp_path / "ledger.db")
    for block in makers.model(life):
        life.append(*block)
    return life.grow(20, 3)


def test_checkpoint_header_and_entries_belong_together(life: makers.Life) -> None:
    with life.engine.view() as view:
        head = checkpoint.open(view.checkpoint, makers.VERIFIER)
        leaves = [merkle.leaf(raw) for _, raw in view.entries(0, view.size)]
        assert (head.size, head.root) == (view.size, merkle.root(leaves))
        header = view.header(view.height)
        assert header.size == view.size - 1
        assert entry.encode_header(header) == view.entry(view.size - 1)
        assert view.sealed_by(view.size - 1) == view.height
        assert view.height_at(header.time) == view.height


def test_a_view_does_not_move_while_others_write(life: makers.Life) -> None:
    other = makers.reopen(life.path)
    with life.engine.view() as view:
        size, note = view.size, view.checkpoint
        other.append(other.system("late"))
        assert (view.size, view.checkpoint) == (size, note)
        assert view.record("system/late") is None
        with pytest.raises(NotFound):
            view.entry(size)
    with life.engine.view() as view:
        assert view.size == size + 2
        assert view.record("system/late") is not None
    other.close()


def test_every_inclusion_and_consistency_proof_holds(life: makers.Life) -> None:
    with life.engine.view() as view:
        leaves = [merkle.leaf(raw) for _, raw in view.entries(0, view.size)]
        for index in range(view.size):
            merkle.check_inclusion(leaves[index], index, view.size, view.inclusion(index, view.size), merkle.root(leaves))
        for old in range(1, view.size + 1):
            for new in range(old, view.size + 1):
                proof = view.consistency(old, new)
                merkle.check_consistency(old, new, proof, merkle.root(leaves[:old]), merkle.root(leaves[:new]))


def test_state_proofs_hold_under_the_newest_header(life: makers.Life) -> None:
    with life.engine.view() as view:
        root = bytes.fromhex(view.header(view.height).state)
        for stream in ("dataset/loans", "version/" + "2" * 64, "acts/ada", "policy", "key/" + makers.ADA.public_key.hex()):
            value = state_map.check(root, view.prove_state(stream))
            assert value is not None
            assert value == view.record(stream)
        for number in range(50):
            assert state_map.check(root, view.prove_state(f"system/nobody-{number}")) is None
        assert view.record("system/nobody-1") is None


def test_an_event_is_found_by_its_id(life: makers.Life) -> None:
    id_ = makers.next_id()
    (verdict,) = life.append(life.sign("system.registered", event_id=id_, name="found", operatorRole="provider"))
    with life.engine.view() as view:
        assert view.find(id_) == verdict.index
        assert view.find(makers.next_id()) is None


@pytest.mark.parametrize(
    "ask",
    [
        lambda view: view.entry(99),
        lambda view: view.entry(-1),
        lambda view: view.header(99),
        lambda view: view.sealed_by(99),
    ],
)
def test_what_is_not_there_is_not_found(life: makers.Life, ask: Callable[[View], object]) -> None:
    with life.engine.view() as view, pytest.raises(NotFound):
        ask(view)


@pytest.mark.parametrize(
    ("statement", "ask"),
    [
        ("UPDATE entry SET body = 'text' WHERE idx = 3", lambda view: list(view.entries(0, 20))),
        ("UPDATE entry SET body = CAST(x'ff' AS TEXT) WHERE idx = 3", lambda view: view.entry(3)),
        ("UPDATE entry SET body = CAST(x'ff' AS TEXT) WHERE idx = 3", lambda view: list(view.entries(0, 20))),
        ("UPDATE entry SET body = x'00' WHERE idx = 6", lambda view: view.header(3)),
        ("UPDATE record SET value = x'00'", lambda view: view.record("dataset/loans")),
        ("UPDATE record SET leaf = x'00'", lambda view: view.prove_state("dataset/loans")),
        ("UPDATE cell SET hashes = randomblob(512)", lambda view: view.prove_state("dataset/loans")),
        ("DELETE FROM record", lambda view: view.prove_state("dataset/loans")),
        ("DROP TABLE record", lambda view: view.record("dataset/loans")),
    ],
)
def test_damage_is_an_error_that_says_so(life: makers.Life, statement: str, ask: Callable[[View], object]) -> None:
    life.close()
    with apsw.Connection(str(life.path)) as sql:
        sql.execute(statement)
    sql.close()
    engine = Embedded(Store.open(life.path), None)
    with pytest.raises(CorruptStore), engine.view() as view:
        ask(view)
    engine.close()


def test_errors_of_the_caller_are_left_alone(life: makers.Life) -> None:
    with pytest.raises(UnicodeDecodeError), life.engine.view():
        b"\xff".decode()
    with pytest.raises(apsw.SQLError), life.engine.view():
        apsw.Connection(":memory:").execute("nonsense")
