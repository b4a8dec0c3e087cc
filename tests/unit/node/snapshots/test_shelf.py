"""snapshots.shelf: what a node offers, read from its ledger when asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from marked import Marked
from muniment.core.format import merkle
from muniment.errors import NotFound
from muniment.node.snapshots import format, shelf
from muniment.node.snapshots.shelf import Shelf


@pytest.fixture
def ledger(tmp_path: Path) -> Marked:
    return Marked(tmp_path / "a")


def test_a_ledger_without_an_engine_offers_nothing(ledger: Marked) -> None:
    assert Shelf(ledger.store).list() == ()
    ledger.grow(2)
    assert Shelf(ledger.store).list() == ()


def test_a_young_chain_offers_the_newest_height_that_others_can_take(ledger: Marked) -> None:
    ledger.grow(5)
    (offer,) = Shelf(ledger.store).list()
    assert offer.height == 3
    assert offer.hash == ledger.mark_at(3).root


def test_later_the_last_heights_that_all_nodes_have_in_common(ledger: Marked) -> None:
    ledger.grow(53)
    assert [each.height for each in Shelf(ledger.store).list()] == [48, 32, 16]


@pytest.mark.parametrize("events", [3, 70])
def test_every_chunk_of_an_offer_is_there_and_right(ledger: Marked, events: int) -> None:
    ledger.grow(20, events)
    on_offer = Shelf(ledger.store)
    for offer in on_offer.list():
        bundles = format.open_metadata(offer, ledger.mark_at(offer.height).root)
        entries = [
            raw
            for index, bundle in enumerate(bundles)
            for raw in format.decode_chunk(on_offer.load(offer.height, 1, index), bundle, full=index + 1 < offer.chunks)
        ]
        assert entries == ledger.entries()[: ledger.mark_at(offer.height).size]


def test_what_is_not_there_is_no_chunk(ledger: Marked) -> None:
    ledger.grow(5)
    on_offer = Shelf(ledger.store)
    assert on_offer.load(3, 1, 0)
    for height, version, chunk in ((3, 1, 1), (3, 2, 0), (99, 1, 0), (0, 1, 0), (3, 1, -1), (-3, 1, 0), (1 << 40, 1, 1 << 31)):
        assert on_offer.load(height, version, chunk) == b""


def test_bundles_are_those_of_the_tree(ledger: Marked) -> None:
    ledger.grow(3, 200)
    entries = ledger.entries()
    with ledger.store.view() as view:
        for size in (1, 2, 255, 256, 257, 512, 600, len(entries)):
            leaves = [merkle.leaf(raw) for raw in entries[:size]]
            assert shelf.read_bundles(view, size) == tuple([merkle.root(leaves[at : at + 256]) for at in range(0, size, 256)])
        with pytest.raises(NotFound):
            shelf.read_bundles(view, len(entries) + 1)


def test_of_a_large_ledger_one_snapshot_is_offered(ledger: Marked, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.grow(53)
    monkeypatch.setattr(shelf, "MANY_CHUNKS", 0)
    assert [each.height for each in Shelf(ledger.store).list()] == [48]
    monkeypatch.setattr(format, "MAX_CHUNKS", 0)
    assert Shelf(ledger.store).list() == ()
