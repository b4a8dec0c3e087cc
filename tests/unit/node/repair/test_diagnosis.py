"""repair.diagnosis: the last height at which the ledger is what the chain says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from marked import Marked
from muniment.node.repair import diagnosis

HEIGHTS = 23


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Marked:
    made = Marked(tmp_path_factory.mktemp("ledger"))
    made.grow(HEIGHTS)
    return made


def chain(ledger: Marked, right: int, *, first: int = 1) -> Callable[[int], bytes | None]:
    """A chain that agrees up to the height `right`, and has no blocks before `first`."""

    def root(height: int) -> bytes | None:
        if height + 1 < first:
            return None
        return ledger.mark_at(height).root if height <= right else b"o" * 32

    return root


def full(height: int) -> bool:
    """There was something to judge in every block."""
    return False


def empty(height: int) -> bool:
    """There was nothing to judge in any block."""
    return True


@pytest.mark.parametrize("right", [*range(1, HEIGHTS)])
def test_the_first_difference_is_found(ledger: Marked, right: int) -> None:
    found = diagnosis.examine(ledger.store, chain(ledger, right), HEIGHTS, full)
    assert found.good == ledger.mark_at(right)
    assert found.wrong == (ledger.mark_at(right + 1) if right + 1 < HEIGHTS else None)
    assert found.newest == ledger.mark
    assert not found.is_sound


@pytest.mark.parametrize("first", [5, 12, HEIGHTS])
def test_blocks_that_were_pruned_say_nothing(ledger: Marked, first: int) -> None:
    found = diagnosis.examine(ledger.store, chain(ledger, HEIGHTS, first=first), HEIGHTS, full)
    assert found.good == ledger.mark_at(HEIGHTS - 1)
    assert found.wrong is None
    found = diagnosis.examine(ledger.store, chain(ledger, 0, first=first), HEIGHTS, full)
    assert found.good is None
    assert found.wrong == ledger.mark_at(max(first - 1, 1))


def test_a_chain_that_is_further_confirms_all(ledger: Marked) -> None:
    assert diagnosis.examine(ledger.store, chain(ledger, HEIGHTS), HEIGHTS + 1, full).is_sound


def test_a_newest_block_that_changed_nothing_is_as_good_as_the_one_before(tmp_path: Path) -> None:
    ledger = Marked(tmp_path)
    ledger.grow(4)
    assert not diagnosis.examine(ledger.store, chain(ledger, 4), 4, empty).is_sound
    ledger.block(0)
    assert diagnosis.examine(ledger.store, chain(ledger, 5), 5, empty).is_sound


def test_a_newest_block_whose_events_were_all_refused_here_is_not_confirmed_by_what_was_signed_before(tmp_path: Path) -> None:
    ledger = Marked(tmp_path)
    ledger.grow(4)
    before = ledger.mark
    ledger.block(0)
    found = diagnosis.examine(ledger.store, chain(ledger, 5), 5, full)
    assert (found.good, found.wrong) == (before, None)
    assert not found.is_sound


def test_a_ledger_without_an_engine_has_nothing_to_compare(tmp_path: Path) -> None:
    found = diagnosis.examine(Marked(tmp_path).store, lambda _: None, 9, empty)
    assert (found.good, found.wrong, found.newest, found.is_sound) == (None, None, None, False)


def test_a_ledger_without_members_has_no_quorum(ledger: Marked) -> None:
    with ledger.store.view() as view:
        assert diagnosis.cosigners(view) == ()
        assert diagnosis.quorum(view) == 0
        assert not diagnosis.is_settled(view, ledger.mark)
