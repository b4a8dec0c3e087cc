"""C2SP tlog-tiles: the specification's own examples, strict paths and bundles, and where hashes are found."""

from __future__ import annotations

import pytest

from muniment.core.format import merkle, tiles
from muniment.core.format.merkle import Subtree
from muniment.core.format.tiles import Bundle, Tile
from muniment.errors import InvalidInput

LEAVES = tuple(merkle.leaf(b"%d" % number) for number in range(256))
FULL = b"".join(LEAVES)

PATHS: dict[str, Tile | Bundle] = {
    "tile/0/000": Tile(0, 0),
    "tile/0/x001/x234/067": Tile(0, 1_234_067),
    "tile/0/x001/067.p/5": Tile(0, 1067, 5),
    "tile/1/000.p/255": Tile(1, 0, 255),
    "tile/63/001": Tile(63, 1),
    "tile/0/x009/x223/x372/x036/x854/x775/807": Tile(0, 2**63 - 1),
    "tile/entries/000.p/1": Bundle(0, 1),
    "tile/entries/x999/999": Bundle(999_999),
}


@pytest.mark.parametrize("text", PATHS)
def test_paths_have_one_form(text: str) -> None:
    assert tiles.path(PATHS[text]) == text
    assert tiles.parse_path(text) == PATHS[text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/001/067",
        "tile/0/x001",
        "tile/0/x000/001",
        "tile/0/x001/x067",
        "tile/0/X001/067",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/data/000",
        "tile/0/-01",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000/",
        "tile/0/000.p/5/",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/0/٠٠٠",
        "tile/entries/000.p/256",
        "tile/8/0/000",
        "tile/0/x009/x223/x372/x036/x854/x775/808",
        "tile/0/" + "x001/" * 2000 + "001",
        "checkpoint",
    ],
)
def test_other_paths_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        tiles.parse_path(text)
    assert caught.value.code == "bad-tile-path"


@pytest.mark.parametrize(
    "tile", [Tile(-1, 0), Tile(64, 0), Tile(0, -1), Tile(0, 2**63), Tile(0, 0, 0), Tile(0, 0, 257), Bundle(-1)]
)
def test_tiles_that_cannot_exist_have_no_path(tile: Tile | Bundle) -> None:
    with pytest.raises(InvalidInput) as caught:
        tiles.path(tile)
    assert caught.value.code == "bad-tile"


def test_the_tiles_of_the_specification_s_example() -> None:
    # "a tree of size 70,000 will be represented by 273 full level 0 tiles, one partial level 0 tile of width 112, one full
    # level 1 tile, one partial level 1 tile of width 17, and one partial level 2 tile of width 1"
    assert list(tiles.tiles_for(70_000)) == [
        *(Tile(0, index) for index in range(273)),
        Tile(0, 273, 112),
        Tile(1, 0),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
    ]
    assert tiles.edge_for(70_000) == (Tile(2, 0, 1), Tile(1, 1, 17), Tile(0, 273, 112))
    # "a tree of size 256 will be represented by a full level 0 tile and a partial level 1 tile of width 1"
    assert list(tiles.tiles_for(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert tiles.edge_for(256) == (Tile(1, 0, 1),)


def test_small_trees() -> None:
    assert [*tiles.tiles_for(0), *tiles.bundles_for(0), *tiles.edge_for(0)] == []
    assert list(tiles.tiles_for(255)) == [Tile(0, 0, 255)]
    assert list(tiles.bundles_for(255)) == [Bundle(0, 255)]
    assert list(tiles.bundles_for(513)) == [Bundle(0), Bundle(1), Bundle(2, 1)]
    for size in (-1, 2**63):
        with pytest.raises(InvalidInput):
            tiles.edge_for(size)


def test_a_bundle_is_lengths_and_entries() -> None:
    assert tiles.encode_bundle([b"one", b"", b"three"]) == b"\x00\x03one\x00\x00\x00\x05three"
    assert tiles.decode_bundle(b"\x00\x03one\x00\x00\x00\x05three") == (b"one", b"", b"three")
    longest = [bytes(65_535)] * 256
    assert list(tiles.decode_bundle(tiles.encode_bundle(longest))) == longest


@pytest.mark.parametrize("entries", [[], [b""] * 257, [bytes(65_536)]])
def test_what_no_bundle_holds(entries: list[bytes]) -> None:
    with pytest.raises(InvalidInput) as caught:
        tiles.encode_bundle(entries)
    assert caught.value.code == "bad-bundle"


@pytest.mark.parametrize(
    "raw", [b"", b"\x00", b"\x00\x01", b"\x00\x03on", b"\x00\x01a\x00", b"\x00\x01a\x00\x02b", b"\x00\x00" * 257]
)
def test_a_bundle_that_is_cut_or_too_long_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        tiles.decode_bundle(raw)
    assert caught.value.code == "bad-bundle"


def test_where_subtrees_are_found() -> None:
    assert tiles.locate(Subtree(0, 69_999), 70_000) == (Tile(0, 273, 112), 0, 111)
    assert tiles.locate(Subtree(0, 300), 70_000) == (Tile(0, 1), 0, 44)
    assert tiles.locate(Subtree(7, 1), 70_000) == (Tile(0, 0), 7, 1)
    assert tiles.locate(Subtree(7, 3), 70_000) == (Tile(0, 1), 7, 1)
    assert tiles.locate(Subtree(8, 0), 70_000) == (Tile(1, 0), 0, 0)
    assert tiles.locate(Subtree(12, 16), 70_000) == (Tile(1, 1, 17), 4, 0)
    assert tiles.locate(Subtree(16, 0), 70_000) == (Tile(2, 0, 1), 0, 0)


@pytest.mark.parametrize("subtree", [Subtree(0, 70_000), Subtree(17, 0), Subtree(-1, 0), Subtree(0, -1), Subtree(10**9, 0)])
def test_subtrees_that_the_tree_does_not_hold(subtree: Subtree) -> None:
    with pytest.raises(InvalidInput) as caught:
        tiles.locate(subtree, 70_000)
    assert caught.value.code == "bad-subtree"


def test_an_expanded_tile_holds_every_level() -> None:
    blob = tiles.expand(FULL)
    assert len(blob) == 511 * 32
    assert blob[: 256 * 32] == FULL
    for level in range(9):
        for index in (0, (256 >> level) // 2, (256 >> level) - 1):
            expected = merkle.root(LEAVES[index << level : (index + 1) << level])
            assert tiles.inner(blob, level, index) == tiles.fold(FULL, level, index) == expected
    assert blob[-32:] == merkle.root(LEAVES)


def test_a_partial_tile_folds_what_it_holds() -> None:
    raw = FULL[: 5 * 32]
    assert tiles.fold(raw, 2, 0) == merkle.root(LEAVES[:4])
    assert tiles.fold(raw, 0, 4) == LEAVES[4]
    for level, index in ((2, 1), (1, 2), (0, 5), (3, 0), (-1, 0), (0, -1), (9, 0)):
        with pytest.raises(InvalidInput) as caught:
            tiles.fold(raw, level, index)
        assert caught.value.code == "bad-subtree"


def test_what_cannot_be_expanded_or_found() -> None:
    with pytest.raises(InvalidInput):
        tiles.expand(FULL[:-32])
    blob = tiles.expand(FULL)
    for raw, level, index in ((blob, 9, 0), (blob, -1, 0), (blob, 8, 1), (blob, 0, 256), (blob, 0, -1), (FULL, 0, 0)):
        with pytest.raises(InvalidInput) as caught:
            tiles.inner(raw, level, index)
        assert caught.value.code == "bad-subtree"


def test_the_edge_gives_the_root() -> None:
    assert tiles.fold_edge(0, {}) == merkle.EMPTY
    assert tiles.fold_edge(200, {Tile(0, 0, 200): FULL[: 200 * 32]}) == merkle.root(LEAVES[:200])
    with pytest.raises(InvalidInput) as caught:
        tiles.fold_edge(200, {})
    assert caught.value.code == "missing-tile"
    with pytest.raises(InvalidInput) as caught:
        tiles.fold_edge(200, {Tile(0, 0, 200): FULL[: 201 * 32]})
    assert caught.value.code == "bad-tile"
    assert caught.value.details == {"tile": "tile/0/000.p/200"}
