"""rebuilding: blocks come out again from their entries alone, or the first one that does not is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import makers
from marked import Marked
from muniment.errors import VerificationError
from muniment.ledger.store.file import Store
from muniment.node.snapshots import rebuilding
from muniment.node.snapshots.rebuilding import Rebuilding


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Marked:
    ledger = Marked(tmp_path_factory.mktemp("source"))
    ledger.grow(40, 3)
    return ledger


@pytest.fixture
def store(source: Marked, tmp_path: Path) -> Iterator[Store]:
    opened = source.follow(tmp_path / "ledger.db")
    yield opened
    opened.close()


def entries_of(store: Store) -> list[bytes]:
    with store.view() as view:
        return [raw for _, raw in view.entries(0, view.size)]


@pytest.mark.parametrize("step", [1, 7, 1_000])
def test_the_same_entries_make_the_same_ledger(source: Marked, store: Store, step: int) -> None:
    entries = source.entries()
    with Rebuilding(store, makers.seal) as running:
        for start in range(1, len(entries), step):
            running.feed(entries[start : start + step])
        running.settle()
    assert entries_of(store) == entries
    with store.view() as view, source.store.view() as there:
        assert view.position == there.position
        assert view.checkpoint == there.checkpoint


def test_events_without_their_header_wait_for_it(source: Marked, store: Store) -> None:
    entries = source.entries()
    with Rebuilding(store, makers.seal) as running:
        running.feed(entries[1:7])
        running.settle()
        assert len(entries_of(store)) == 5
        running.feed(entries[7:9])
        running.settle()
        assert len(entries_of(store)) == 9


def test_what_is_ahead_is_bounded(source: Marked, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "AHEAD", 2)
    entries = source.entries()
    with Rebuilding(store, makers.seal) as running:
        running.feed(entries[1:])
        assert len(entries_of(store)) == len(entries) - 2 * 4


def run(running: Rebuilding, entries: list[bytes]) -> None:
    running.feed(entries[1:])
    running.settle()


def swap(entries: list[bytes], at: int, raw: bytes) -> list[bytes]:
    return [*entries[:at], raw, *entries[at + 1 :]]


def flip(raw: bytes, place: bytes) -> bytes:
    """Another digit behind a name."""
    at = raw.index(place) + len(place)
    return raw[:at] + (b"1" if raw[at : at + 1] == b"0" else b"0") + raw[at + 1 :]


@pytest.mark.parametrize(
    ("at", "place"), [(4, b'"state":"'), (4, b'"root":"'), (4, b'"previous":"'), (8, b'"time":"202'), (8, b'"state":"')]
)
def test_a_header_that_does_not_come_out_again_is_named(source: Marked, store: Store, at: int, place: bytes) -> None:
    changed = swap(source.entries(), at, flip(source.entries()[at], place))
    with Rebuilding(store, makers.seal) as running, pytest.raises(VerificationError) as told:
        run(running, changed)
    assert told.value.code in ("not-reproducible", "bad-entry")
    assert len(entries_of(store)) == at - 3


def test_a_bad_signature_is_named(source: Marked, store: Store) -> None:
    entries = source.entries()
    changed = swap(entries, 2, entries[1])
    with Rebuilding(store, makers.seal) as running, pytest.raises(VerificationError) as told:
        run(running, changed)
    assert told.value.code == "not-reproducible"
    head, _, tail = entries[2].rpartition(b'"sig":"')
    forged = head + b'"sig":"' + (b"B" if tail[:1] == b"A" else b"A") + tail[1:]
    other = swap(entries, 2, forged)
    with Rebuilding(store, makers.seal) as running, pytest.raises(VerificationError, match="signature"):
        run(running, other)
    assert len(entries_of(store)) == 1


def test_an_entry_of_no_kind_is_named(source: Marked, store: Store) -> None:
    with Rebuilding(store, makers.seal) as running, pytest.raises(VerificationError) as told:
        running.feed([b"{}"])
    assert told.value.code == "bad-entry"
