"""What readers see: the newest block with its quorum, waited for once and not for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cosigners import Ring, Seat, cosign, until
from muniment.core.format import note
from muniment.ledger.store.file import Store
from muniment.ledger.store.snapshot import Snapshot
from muniment.node.cosigning.message import Told
from muniment.node.cosigning.reading import Settled


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    """Nobody hears anybody but what a test tells."""
    made = Ring(tmp_path, start=False)
    for name in made.names:
        made.silence(name)
    made["alpha"].start()
    made.block()
    yield made
    made.close()


@pytest.fixture
def reader(ring: Ring) -> Iterator[Settled]:
    made = Settled(Store.open(ring["alpha"].path), ring["alpha"].keeper, wait_seconds=0.5)
    yield made
    made.close()


@pytest.fixture
def patient(ring: Ring) -> Iterator[Settled]:
    """One that waits longer than any test."""
    made = Settled(Store.open(ring["alpha"].path), ring["alpha"].keeper, wait_seconds=600.0)
    yield made
    made.close()


@pytest.fixture
def waited(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The heights whose quorum somebody waits for, or waited."""
    keeper, heights = ring["alpha"].keeper, list[int]()
    wait = keeper.wait

    def listen(height: int, seconds: float) -> bool:
        heights.append(height)
        return wait(height, seconds)

    monkeypatch.setattr(keeper, "wait", listen)
    return heights


def say(seat: Seat, *names: str) -> None:
    for name in names:
        seat.answer(Told(notes=(cosign(seat.keeper.newest.text, name),)))


def signed(view: Snapshot, height: int | None = None) -> list[str]:
    raw = view.checkpoint if height is None else view.checkpoint_at(height)
    return sorted(each.name.rpartition("/")[2] for each in note.parse(raw).signatures)


def test_a_settled_block_is_seen_at_once_with_lines_that_are_not_written_yet(
    ring: Ring, reader: Settled, waited: list[int]
) -> None:
    say(ring["alpha"], "bravo", "charlie")
    with reader.view() as view:
        assert signed(view) == ["alpha", "bravo", "charlie", "test"]
        assert signed(view, 1) == signed(view)
        assert view.cosignatures(1).keys() >= {"bravo", "charlie", ""}
        assert reader.is_settled(view)
    assert waited == []


def test_a_view_waits_for_the_quorum(ring: Ring, patient: Settled, waited: list[int]) -> None:
    say(ring["alpha"], "bravo")

    def say_later() -> None:
        assert until(lambda: waited == [1])
        say(ring["alpha"], "charlie")

    late = threading.Thread(target=say_later)
    late.start()
    with patient.view() as view:
        assert patient.is_settled(view)
        assert len(signed(view)) == 4
    late.join()
    assert waited == [1]


def test_without_a_quorum_readers_wait_once_and_see_what_there_is(ring: Ring, reader: Settled, waited: list[int]) -> None:
    say(ring["alpha"], "bravo")
    began = time.monotonic()
    with reader.view() as view:
        assert not reader.is_settled(view)
        # The log's own line comes after the quorum.
        assert signed(view) == ["alpha", "bravo"]
    assert time.monotonic() - began > 0.4
    assert waited == [1]
    for _ in range(5):
        with reader.view() as view:
            assert view.height == 1
    assert waited == [1]
    # A new block is waited for again.
    ring.block()
    began = time.monotonic()
    with reader.view() as view:
        assert view.height == 2
    assert time.monotonic() - began > 0.4
    assert waited == [1, 2]


def test_a_view_inside_a_view_waits_for_nothing(ring: Ring, reader: Settled, waited: list[int]) -> None:
    say(ring["alpha"], "bravo", "charlie")
    with reader.view() as view:
        ring.block()
        with reader.view() as inner:
            assert inner.height == view.height == 1
        assert waited == []
    with reader.view() as view:
        assert view.height == 2


def test_many_readers_wait_side_by_side(ring: Ring, patient: Settled, waited: list[int]) -> None:
    seen: list[int] = []

    def read() -> None:
        with patient.view() as view:
            seen.append(len(signed(view)))

    say(ring["alpha"], "bravo")
    threads = [threading.Thread(target=read) for _ in range(8)]
    for each in threads:
        each.start()
    assert until(lambda: len(waited) == 8)
    say(ring["alpha"], "charlie")
    for each in threads:
        each.join()
    assert seen == [4] * 8


def test_a_block_that_the_keeper_was_not_told_of_yet_is_waited_for(ring: Ring, reader: Settled) -> None:
    seat = ring["alpha"]
    say(seat, "bravo", "charlie")
    staged = seat.store.stage([], ring.next_time)
    assert staged.sealed is None
    told, seat.cosigning.committed = seat.cosigning.committed, lambda _: None  # type: ignore[method-assign]
    ring.block()
    seat.cosigning.committed = told  # type: ignore[method-assign]
    with reader.view() as view:
        assert view.height == 2
        assert not reader.is_settled(view)
        assert until(lambda: seat.keeper.newest.height == 1, 0.1)
