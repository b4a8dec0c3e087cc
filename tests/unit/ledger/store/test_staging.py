"""A block that is judged first and written later: nothing lasts before `commit`, and nothing stale is ever written."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import makers
from league import League
from muniment.core.format import checkpoint, keys, note, time
from muniment.core.rules import chain, members
from muniment.core.rules.members import Fault
from muniment.errors import Conflict
from muniment.ledger.audit import audit
from muniment.ledger.store.cosignatures import Cosignatures
from muniment.ledger.store.file import Store
from muniment.ledger.store.fsck import fsck
from muniment.ledger.store.marks import Mark
from muniment.ledger.store.staging import Staged

LATER = "2026-11-23T13:00:00.000000Z"


@pytest.fixture
def life(tmp_path: Path) -> makers.Life:
    life = makers.found(tmp_path / "ledger.db")
    life.grow(9)
    return life


def stage(store: Store, life: makers.Life, *names: str, faults: tuple[Fault, ...] = ()) -> Staged:
    submissions = chain.open_submissions([life.system(name) for name in names])
    return store.stage(submissions, lambda _: LATER, faults)


def test_what_is_staged_is_not_there_until_it_is_committed(life: makers.Life) -> None:
    store = Store.open(life.path)
    staged = stage(store, life, "one", "two")
    assert [each.decision for each in staged.judged.verdicts] == ["admitted", "admitted"]
    with store.view() as view:
        assert view.size == 9
        assert view.record("system/one") is None
    assert store.mark() is None
    store.commit(staged, makers.seal, 7)
    with store.view() as view:
        assert view.size == 12
        assert view.position.frontier.root() == staged.root
        assert view.record("system/one") is not None
    assert store.mark() == Mark(7, 12, staged.root)
    store.close()
    assert not fsck(life.path, makers.VERIFIER).findings
    audit(Store.open(life.path).view, makers.VERIFIER)


def test_a_block_without_events_leaves_only_its_mark(life: makers.Life) -> None:
    store = Store.open(life.path)
    for height in (3, 4):
        staged = stage(store, life)
        assert staged.sealed is None
        store.commit(staged, makers.seal, height)
    with store.view() as view:
        assert view.size == 9
        assert store.marks(0, 10) == [Mark(3, 9, staged.root), Mark(4, 9, staged.root)]
        assert view.position.frontier.root() == staged.root


def test_the_same_block_staged_again_is_the_same(life: makers.Life) -> None:
    store = Store.open(life.path)
    submissions = chain.open_submissions([life.system("one")])
    first, second = (store.stage(submissions, lambda _: LATER) for _ in range(2))
    assert first.root == second.root
    store.commit(second, makers.seal, 1)
    with pytest.raises(Conflict) as told:
        store.commit(first, makers.seal, 1)
    assert told.value.code == "stale"
    assert store.marks(0, 9) == [Mark(1, 11, second.root)]


def test_nothing_is_written_on_another_block_than_it_was_built_on(life: makers.Life) -> None:
    store = Store.open(life.path)
    staged = stage(store, life, "one")
    life.append(life.system("between"))
    with pytest.raises(Conflict):
        store.commit(staged, makers.seal, 1)
    assert store.mark() is None
    store.commit(stage(store, life, "two"), makers.seal, 1)
    assert not fsck(life.path, makers.VERIFIER).findings


@pytest.mark.parametrize("through", ["the store", "another connection"])
def test_lines_of_members_stand_on_the_checkpoint(life: makers.Life, through: str) -> None:
    store = Store.open(life.path)
    with store.view() as view:
        height, parsed = view.height, note.parse(view.checkpoint)
    witness = keys.derive("example.com/w", makers.BOB.public_key, keys.COSIGNATURE)
    kept = Cosignatures(life.path)
    write = store.cosign if through == "the store" else kept.write
    write({height: {"bank": checkpoint.cosign(parsed, witness.name, makers.BOB, 1_795_435_300)}})
    kept.close()
    with store.view() as view:
        signed = note.parse(view.checkpoint)
        assert [each.name for each in signed.signatures] == [makers.ORIGIN, "example.com/w"]
        assert [each.time for each in checkpoint.open_cosignatures(signed, [witness])] == [1_795_435_300]
        assert view.checkpoint_at(height) == view.checkpoint
        assert list(view.cosignatures(height)) == ["bank"]
        assert view.cosignatures(height - 1) == {}


def test_faults_alone_make_a_block_that_replay_confirms(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    # The row of a block has one line: that of the member whose file it is.
    league = League(path, ("alpha",), silent=True)
    league.note("before")
    alpha, store = league.store.validators, league.store
    assert alpha is not None
    fault = Fault(address=members.address(alpha.members[0].key), height=5, kind="duplicate-vote", time=time.format(makers.NOON))
    stranger = msgspec.structs.replace(fault, address="00" * 20)
    staged = store.stage([], lambda _: LATER, (fault, fault, stranger))
    assert staged.transition.faults == (stranger, msgspec.structs.replace(fault, organisation="alpha"))
    store.commit(staged, league.seal, 8)
    with store.view() as view:
        assert b'"faults":1' in (view.record("member/alpha") or b"")
        assert view.header(view.height).size == view.size - 1 == 3
    store.close()
    assert not fsck(path, league.trust).findings
    audit(Store.open(path).view, league.trust)
