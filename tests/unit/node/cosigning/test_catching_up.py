"""A node that took a snapshot: its part in the exchange begins again where the ledger ends now, while the chain stands idle too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cosigners import Block, Ring, Seat, cosign, until
from muniment.node.cosigning.message import Told
from muniment.node.cosigning.reading import Settled
from muniment.node.snapshots import Offered, Result, Snapshots

OTHERS = ("alpha", "bravo", "charlie")
SNAPSHOT = 3


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    """Delta lacks what the others wrote; the newest two blocks of the engine changed nothing."""
    made = Ring(tmp_path)
    for _ in range(SNAPSHOT):
        made.block(who=OTHERS)
    for name in OTHERS:
        made[name].commit([])
        made[name].commit([])
    yield made
    made.close()


def take(ring: Ring, seat: Seat) -> None:
    theirs = Snapshots(ring["alpha"].store, seat.cosigning.seal)
    ours = Snapshots(seat.store, seat.cosigning.seal, seat.cosigning.catch_up)
    (offer,) = theirs.list()
    assert offer.height == SNAPSHOT
    assert ours.offer(offer, offer.hash) == Offered.ACCEPT
    for index in range(offer.chunks):
        assert ours.apply(index, theirs.load(offer.height, offer.format, index), "alpha").result == Result.ACCEPT


def test_readers_see_what_a_quorum_cosigned_although_nothing_happens_any_more(ring: Ring) -> None:
    delta = ring["delta"]
    take(ring, delta)
    assert delta.keeper.newest.height == SNAPSHOT
    assert until(lambda: delta.keeper.is_settled(SNAPSHOT))
    reader = Settled(delta.store, delta.keeper)
    with reader.view() as view:
        assert (view.height, reader.is_settled(view)) == (SNAPSHOT, True)
    # And the others have its line as well.
    assert until(lambda: all("delta" in ring[name].keeper.lines(SNAPSHOT) for name in OTHERS))


def test_a_block_that_changes_nothing_leaves_the_root_of_the_snapshot(ring: Ring) -> None:
    """Whoever said that he had an older root after this height would be named as one who judges otherwise."""
    delta = ring["delta"]
    take(ring, delta)
    delta.cosigning.committed(Block(None, SNAPSHOT + 1))
    heard = delta.cosigning._tell(())
    told = ring["alpha"].cosigning._tell(())
    assert (heard.ran.height, heard.ran.root) == (SNAPSHOT + 1, told.ran.root)  # type: ignore[union-attr]


def test_what_was_said_of_its_blocks_before_it_had_them_counts_and_is_not_taken_for_newer(ring: Ring) -> None:
    """Else it would sign nothing anew on an idle chain, because it believed that there is something newer."""
    delta = ring["delta"]
    assert until(lambda: delta.keeper.is_settled(0))
    ring.silence("delta")
    for height in range(1, SNAPSHOT + 1):
        text = ring["alpha"].keeper.at(height).text  # type: ignore[union-attr]
        for name in OTHERS:
            delta.answer(Told(notes=(cosign(text, name),)))
    assert delta.keeper.is_outrun
    take(ring, delta)
    assert not delta.keeper.is_outrun
    assert delta.keeper.ahead.count == 0
    assert not delta.keeper.short(10)
