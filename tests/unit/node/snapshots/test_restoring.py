"""snapshots.restoring: a snapshot becomes a ledger only where it leads to the trusted hash and comes out again here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import makers
from marked import Marked
from muniment.core.format import entry, merkle
from muniment.core.rules import chain
from muniment.ledger.store.file import Store
from muniment.node.snapshots import Applied, Offer, Offered, Result, Snapshots, format
from muniment.node.snapshots.rebuilding import Rebuilding
from muniment.node.snapshots.restoring import Restoring


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Marked:
    """19 heights, of which 16 is offered: four whole bundles and a part."""
    ledger = Marked(tmp_path_factory.mktemp("source"))
    ledger.grow(15, 70)
    ledger.block(0)
    ledger.grow(3, 70)
    return ledger


@pytest.fixture
def offer(source: Marked) -> Offer:
    return Snapshots(source.store, makers.seal).list()[0]


@pytest.fixture
def store(source: Marked, tmp_path: Path) -> Iterator[Store]:
    opened = source.follow(tmp_path / "ledger.db")
    yield opened
    opened.close()


def chunks(source: Marked, offer: Offer) -> list[bytes]:
    on_offer = Snapshots(source.store, makers.seal)
    return [on_offer.load(offer.height, offer.format, index) for index in range(offer.chunks)]


def take(restoring: Restoring, offer: Offer, parts: list[bytes], stop: int | None = None) -> Applied:
    assert restoring.offer(offer, offer.hash) == Offered.ACCEPT
    applied = Applied(Result.ABORT)
    for index, chunk in enumerate(parts[:stop]):
        applied = restoring.apply(index, chunk, "peer")
        assert applied.result == Result.ACCEPT, restoring.trouble
    return applied


def assert_same(source: Marked, offer: Offer, store: Store) -> None:
    mark = source.mark_at(offer.height)
    assert store.mark() == mark
    with store.view() as view:
        assert [raw for _, raw in view.entries(0, view.size)] == source.entries()[: mark.size]
        assert view.position.frontier.root() == offer.hash


def test_a_snapshot_becomes_the_same_ledger_and_goes_on(source: Marked, offer: Offer, store: Store) -> None:
    assert (offer.height, offer.chunks) == (16, 5)
    take(Restoring(store, makers.seal), offer, chunks(source, offer))
    assert_same(source, offer, store)
    # The engine goes on with the next block.
    later = source.entries()[source.mark_at(16).size : source.mark_at(17).size]
    header = entry.decode_header(later[-1])
    staged = store.stage(chain.open_submissions(later[:-1]), lambda _: header.time)
    assert staged.root == source.mark_at(17).root


def test_a_lie_about_the_hash_costs_the_liar_his_place(source: Marked, offer: Offer, store: Store) -> None:
    restoring = Restoring(store, makers.seal)
    assert restoring.offer(offer, b"t" * 32) == Offered.REJECT_SENDER
    assert restoring.offer(msgspec.structs.replace(offer, metadata=offer.metadata[32:] + offer.metadata[:32]), offer.hash) == (
        Offered.REJECT_SENDER
    )
    assert restoring.offer(msgspec.structs.replace(offer, format=2), offer.hash) == Offered.REJECT_FORMAT
    assert restoring.apply(0, b"", "peer") == Applied(Result.REJECT_SNAPSHOT)


def test_a_bad_chunk_names_its_sender_and_is_asked_for_again(source: Marked, offer: Offer, store: Store) -> None:
    parts = chunks(source, offer)
    restoring = Restoring(store, makers.seal)
    take(restoring, offer, parts, 2)
    bad = format.encode_chunk(source.entries()[:256])
    assert restoring.apply(2, bad, "liar") == Applied(Result.RETRY, refetch=(2,), reject=("liar",))
    for index in (2, 3, 4):
        assert restoring.apply(index, parts[index], "peer").result == Result.ACCEPT
    assert_same(source, offer, store)


def test_a_list_that_nobody_can_fulfil_is_given_up(source: Marked, store: Store) -> None:
    """Two bundles taken for one lead to the same root: no chunk can be right, whoever sends it."""
    true = format.open_metadata(Snapshots(source.store, makers.seal).list()[0], source.mark_at(16).root)
    false = (merkle.node(true[0], true[1]), merkle.node(true[2], true[3]), true[4])
    offer = format.describe(16, false)
    assert offer.hash == source.mark_at(16).root
    restoring = Restoring(store, makers.seal)
    assert restoring.offer(offer, offer.hash) == Offered.ACCEPT
    results = [restoring.apply(0, b"x", name).result for name in ("a", "a", "b", "c")]
    assert results == [Result.RETRY, Result.RETRY, Result.RETRY, Result.REJECT_SNAPSHOT]
    assert store.mark() is None


@pytest.mark.parametrize("done", [1, 2, 4])
def test_after_a_crash_it_begins_again_with_what_is_there(source: Marked, offer: Offer, tmp_path: Path, done: int) -> None:
    parts = chunks(source, offer)
    first = source.follow(tmp_path / "ledger.db")
    take(Restoring(first, makers.seal), offer, parts, done)
    with first.view() as view:
        assert view.size < offer.chunks * 256
    first.close()  # what was staged and not written is gone with the process
    second = Store.open(tmp_path / "ledger.db")
    assert second.mark() is None
    take(Restoring(second, makers.seal), offer, parts)
    assert_same(source, offer, second)
    second.close()


def test_a_later_snapshot_may_follow_one_that_was_not_finished(source: Marked, offer: Offer, store: Store) -> None:
    take(Restoring(store, makers.seal), offer, chunks(source, offer), 3)
    later = format.describe(18, _bundles(source, 18))
    take(Restoring(store, makers.seal), later, chunks(source, later))
    assert_same(source, later, store)


def test_the_same_one_may_come_again(source: Marked, offer: Offer, store: Store) -> None:
    """The engine was killed after the last chunk, before it wrote down that it had it."""
    for _ in range(2):
        take(Restoring(store, makers.seal), offer, chunks(source, offer))
        assert_same(source, offer, store)


def test_an_earlier_one_is_refused_where_more_is_here(source: Marked, offer: Offer, store: Store) -> None:
    take(Restoring(store, makers.seal), offer, chunks(source, offer))
    earlier = format.describe(8, _bundles(source, 8))
    assert Restoring(store, makers.seal).offer(earlier, earlier.hash) == Offered.REJECT
    again = Restoring(store, makers.seal)
    assert again.offer(earlier, earlier.hash) == Offered.REJECT
    assert again.trouble is not None
    assert again.trouble.code == "engine-empty"


def test_an_earlier_one_within_the_same_bundle_is_given_up_at_its_end(source: Marked, tmp_path: Path) -> None:
    """Of a snapshot that was not finished more is here than the next one has: a later one is asked for."""
    store = source.follow(tmp_path / "b.db")
    first, second = (format.describe(height, _bundles(source, height)) for height in (3, 2))
    assert first.chunks == second.chunks == 1
    with Rebuilding(store, makers.seal) as rebuilding:
        rebuilding.feed(source.entries()[1 : source.mark_at(3).size])
        rebuilding.settle()
    restoring = Restoring(store, makers.seal)
    assert restoring.offer(second, second.hash) == Offered.ACCEPT
    assert restoring.apply(0, chunks(source, second)[0], "peer").result == Result.REJECT_SNAPSHOT
    take(restoring, first, chunks(source, first))
    assert_same(source, first, store)
    store.close()


def test_another_ledger_is_not_overwritten(source: Marked, offer: Offer, tmp_path: Path) -> None:
    other = Marked(tmp_path / "other")
    other.block(300)
    store = other.follow(tmp_path / "c.db")
    restoring = Restoring(store, makers.seal)
    assert restoring.offer(offer, offer.hash) == Offered.ACCEPT
    assert restoring.apply(0, chunks(source, offer)[0], "peer").result in (Result.ACCEPT, Result.ABORT)
    store.close()
    full = Restoring(other.store, makers.seal)
    high = msgspec.structs.replace(offer, height=99)
    assert full.offer(high, high.hash) == Offered.ABORT
    assert full.trouble is not None
    assert full.trouble.code == "diverged"


def test_what_this_release_would_not_have_sealed_so_stops_it(source: Marked, tmp_path: Path) -> None:
    """The entries are what the others agreed on, but a block does not come out again here."""
    entries = source.entries()[: source.mark_at(16).size]
    head, _, tail = entries[-1].partition(b'"state":"')
    entries[-1] = head + b'"state":"' + (b"0" * 64) + tail[64:]
    bundles = [merkle.root([merkle.leaf(raw) for raw in entries[at : at + 256]]) for at in range(0, len(entries), 256)]
    offer = format.describe(16, bundles)
    store = source.follow(tmp_path / "d.db")
    restoring = Restoring(store, makers.seal)
    assert restoring.offer(offer, offer.hash) == Offered.ACCEPT
    results = [
        restoring.apply(index, format.encode_chunk(entries[index * 256 : index * 256 + 256]), "peer").result
        for index in range(offer.chunks)
    ]
    assert results == [Result.ACCEPT] * 4 + [Result.ABORT]
    assert restoring.trouble is not None
    assert restoring.trouble.code == "not-reproducible"
    assert store.mark() is None
    store.close()


def _bundles(source: Marked, height: int) -> list[bytes]:
    leaves = [merkle.leaf(raw) for raw in source.entries()[: source.mark_at(height).size]]
    return [merkle.root(leaves[at : at + 256]) for at in range(0, len(leaves), 256)]
