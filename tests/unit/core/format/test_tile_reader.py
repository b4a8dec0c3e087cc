"""The tile reader over published trees of one, two and three levels, honest and tampered with."""

from __future__ import annotations

import pytest

from muniment.core.format import merkle, tiles
from muniment.core.format.merkle import Subtree
from muniment.core.format.tile_reader import TileReader
from muniment.core.format.tiles import Bundle, Tile
from muniment.errors import InvalidInput, VerificationError

SIZES = (1, 255, 256, 257, 1000, 70_000)


class Log:
    """A published log in memory. `asked` is what a reader read, in order."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.entries = [b"entry %d" % number for number in range(size)]
        self.leaves = [merkle.leaf(entry) for entry in self.entries]
        self.root = merkle.root(self.leaves)
        self.asked: list[str] = []
        self.files: dict[str, bytes] = {}
        row = b"".join(self.leaves)
        for level in range(4):
            pieces = [row[at : at + 8192] for at in range(0, len(row), 8192)]
            self.files |= {tiles.path(Tile(level, index, len(raw) // 32)): raw for index, raw in enumerate(pieces)}
            row = b"".join(tiles.expand(raw)[-32:] for raw in pieces if len(raw) == 8192)
        for bundle in tiles.bundles_for(size):
            begin = bundle.index * 256
            self.files[tiles.path(bundle)] = tiles.encode_bundle(self.entries[begin : begin + bundle.width])

    def read(self, resource: Tile | Bundle) -> bytes:
        self.asked.append(tiles.path(resource))
        return self.files[tiles.path(resource)]

    def reader(self) -> TileReader:
        self.asked.clear()
        return TileReader(self.read, self.size, self.root)


@pytest.fixture(scope="module")
def logs() -> dict[int, Log]:
    return {size: Log(size) for size in SIZES}


@pytest.mark.parametrize("size", SIZES)
def test_exactly_the_tiles_of_a_tree_are_published(logs: dict[int, Log], size: int) -> None:
    named = {tiles.path(tile) for tile in tiles.tiles_for(size)} | {tiles.path(bundle) for bundle in tiles.bundles_for(size)}
    assert named == set(logs[size].files)


@pytest.mark.parametrize("size", SIZES)
def test_everything_is_read_back(logs: dict[int, Log], size: int) -> None:
    log = logs[size]
    assert list(log.reader().leaves()) == log.leaves
    assert list(log.reader().entries()) == log.entries
    start, stop = size // 3, size - size // 4
    assert list(log.reader().leaves(start, stop)) == log.leaves[start:stop]
    assert list(log.reader().entries(start, stop)) == log.entries[start:stop]
    assert tiles.fold_edge(size, {tile: log.read(tile) for tile in tiles.edge_for(size)}) == log.root


@pytest.mark.parametrize("size", SIZES)
def test_proofs_are_those_of_the_tree(logs: dict[int, Log], size: int) -> None:
    log, reader = logs[size], logs[size].reader()
    for index in {0, size // 2, size - 1}:
        merkle.check_inclusion(log.leaves[index], index, size, reader.prove_inclusion(index), log.root)
    for old in {1, max(size // 2, 1), max(size - 1, 1), size}:
        merkle.check_consistency(old, size, reader.prove_consistency(old), merkle.root(log.leaves[:old]), log.root)


def test_only_what_is_needed_is_read_and_what_vouches_is_kept(logs: dict[int, Log]) -> None:
    log = logs[70_000]
    reader = log.reader()
    reader.prove_inclusion(300)
    assert log.asked == ["tile/2/000.p/1", "tile/1/001.p/17", "tile/0/273.p/112", "tile/0/001", "tile/1/000"]
    reader.hashes([Subtree(8, 0), Subtree(0, 69_999)])
    assert log.asked[5:] == []
    reader.hashes([Subtree(0, 0)])
    assert log.asked[5:] == ["tile/0/000"]


def test_the_empty_tree() -> None:
    reader = TileReader(lambda resource: b"", 0, merkle.EMPTY)
    assert list(reader.leaves()) == list(reader.entries()) == []
    with pytest.raises(VerificationError):
        list(TileReader(lambda resource: b"", 0, bytes(32)).leaves())


def test_ranges_and_leaves_outside_the_tree(logs: dict[int, Log]) -> None:
    reader = logs[257].reader()
    assert list(reader.leaves(257)) == list(reader.entries(3, 3)) == []
    for start, stop in ((-1, 3), (3, 2), (0, 258)):
        with pytest.raises(InvalidInput) as caught:
            list(reader.leaves(start, stop))
        assert caught.value.code == "bad-index"
    with pytest.raises(InvalidInput):
        reader.prove_inclusion(257)
    with pytest.raises(InvalidInput):
        reader.prove_consistency(258)


def _flip(log: Log, name: str, raw: bytes) -> TileReader:
    return TileReader(lambda resource: raw if tiles.path(resource) == name else log.read(resource), log.size, log.root)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("tile/2/000.p/1", "inclusion-edge"),
        ("tile/1/001.p/17", "inclusion-edge"),
        ("tile/0/273.p/112", "inclusion-edge"),
        ("tile/1/000", "inclusion-tile"),
        ("tile/0/001", "inclusion-tile"),
        ("tile/entries/001", "inclusion-entry"),
    ],
)
def test_a_changed_byte_is_found_and_named(logs: dict[int, Log], name: str, code: str) -> None:
    log = logs[70_000]
    raw = log.files[name]
    reader = _flip(log, name, raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(VerificationError) as caught:
        list(reader.entries(256, 512))
    assert (caught.value.step, caught.value.code) == (7, code)
    assert name in str(caught.value.details)


@pytest.mark.parametrize("name", ["tile/1/001.p/17", "tile/1/000", "tile/0/001", "tile/entries/001"])
def test_a_resource_of_another_length_is_malformed(logs: dict[int, Log], name: str) -> None:
    log = logs[70_000]
    for raw in (b"", log.files[name][:-1], log.files[name] + bytes(32), log.files[name][:-32], log.files[name] + b"\x00\x00"):
        with pytest.raises(InvalidInput):
            list(_flip(log, name, raw).entries(256, 512))


def test_a_bundle_with_an_entry_too_few_is_malformed(logs: dict[int, Log]) -> None:
    log = logs[70_000]
    with pytest.raises(InvalidInput) as caught:
        list(_flip(log, "tile/entries/273.p/112", tiles.encode_bundle(log.entries[-112:-1])).entries(69_900))
    assert caught.value.details == {"bundle": "tile/entries/273.p/112"}


def test_another_root_is_refused_before_anything_is_returned(logs: dict[int, Log]) -> None:
    reader = TileReader(logs[1000].read, 1000, logs[257].root)
    with pytest.raises(VerificationError) as caught:
        reader.prove_inclusion(0)
    assert caught.value.code == "inclusion-edge"
    with pytest.raises(VerificationError):
        next(reader.leaves())
