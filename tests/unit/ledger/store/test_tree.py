"""tree: full tiles on disk, open ones from the entries, and any proof from both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

import makers
from muniment.core.format import merkle, tiles
from muniment.core.format.merkle import Subtree
from muniment.errors import CorruptStore
from muniment.ledger.store import connection, entries, tree
from muniment.ledger.store.tree import OpenTiles, TileCache

LEAVES = [merkle.leaf(b"%d" % number) for number in range(70_000)]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of 600 entries: two full tiles."""
    return makers.found(tmp_path_factory.mktemp("tree") / "ledger.db").grow(600, 99).close()


@pytest.fixture
def sql(file: Path, tmp_path: Path) -> Iterator[apsw.Connection]:
    """A copy of it."""
    copy = tmp_path / "ledger.db"
    copy.write_bytes(file.read_bytes())
    connection_ = connection.open(copy)
    yield connection_
    connection_.close()


@pytest.mark.parametrize("step", [1, 7, 256, 1000, 70_000])
def test_open_tiles_grow_alike_in_any_step(step: int) -> None:
    size = 1_300 if step == 1 else 70_000
    open_tiles, rows = OpenTiles(0), {}
    for start in range(0, size, step):
        open_tiles, full = open_tiles.extend(LEAVES[start : min(start + step, size)])
        rows.update(full)
    assert open_tiles.size == size
    assert open_tiles.frontier() == merkle.Frontier().extend(LEAVES[:size])
    expected = [tree.tile_id(tile.level, tile.index) for tile in tiles.tiles_for(size) if tile.width == tree.TILE_WIDTH]
    assert sorted(rows) == sorted(expected)
    assert all(len(hashes) == tree.TILE_BYTES for hashes in rows.values())
    assert rows[0] == tiles.expand(b"".join(LEAVES[:256]))
    if size == 70_000:
        assert rows[tree.tile_id(1, 0)][:32] == merkle.root(LEAVES[:256])
        assert rows[tree.tile_id(1, 0)][-32:] == merkle.root(LEAVES[:65_536])


def test_open_tiles_are_read_again_from_the_file(sql: apsw.Connection) -> None:
    leaves = entries.leaves(sql, 0, 600)
    for size in (600, 513, 512, 511, 257, 256, 255, 1):
        assert tree.load_open(sql, size).frontier() == merkle.Frontier().extend(leaves[:size])


def test_a_missing_tile_is_named(sql: apsw.Connection) -> None:
    sql.execute("DELETE FROM tile WHERE id = 1")
    with pytest.raises(CorruptStore) as caught:
        tree.load_open(sql, 600)
    assert caught.value.details["table"] == "tile"
    with pytest.raises(CorruptStore) as caught:
        TileCache().read(sql, 1)
    assert caught.value.details == {"table": "tile", "row": 1}


@pytest.mark.parametrize("damage", [b"short", "text", 5, None])
def test_a_tile_of_the_wrong_form_is_named(sql: apsw.Connection, damage: object) -> None:
    if damage is not None:
        sql.execute("UPDATE tile SET hashes = ? WHERE id = 0", (damage,))
    else:
        sql.execute("DELETE FROM tile WHERE id = 0")
    with pytest.raises(CorruptStore):
        TileCache().read(sql, 0)


def test_every_proof_is_built_from_tiles(sql: apsw.Connection) -> None:
    leaves, cache, open_tiles = entries.leaves(sql, 0, 600), TileCache(), tree.load_open(sql, 600)
    root = open_tiles.frontier().root()
    for index in range(0, 600, 7):
        plan = merkle.plan_inclusion(index, 600)
        proof = merkle.build(plan, cache.read_subtrees(sql, open_tiles, plan))
        merkle.check_inclusion(leaves[index], index, 600, proof, root)
        assert proof == merkle.prove_inclusion(leaves, index)
    for old in (1, 255, 256, 257, 500, 600):
        plan = merkle.plan_consistency(old, 600)
        proof = merkle.build(plan, cache.read_subtrees(sql, open_tiles, plan))
        merkle.check_consistency(old, 600, proof, merkle.root(leaves[:old]), root)


def test_subtrees_of_any_level_are_found(sql: apsw.Connection) -> None:
    leaves, open_tiles = entries.leaves(sql, 0, 600), tree.load_open(sql, 600)
    for level in range(10):
        wanted = [Subtree(level, index) for index in range(600 >> level)]
        found = TileCache().read_subtrees(sql, open_tiles, wanted)
        for each in wanted:
            start = each.index << level
            assert found[each] == merkle.root(leaves[start : start + (1 << level)])


def test_only_so_many_tiles_are_kept(sql: apsw.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_CACHED_TILES", 1)
    cache = TileCache()
    first = cache.read(sql, 0)
    cache.read(sql, 1)
    sql.execute("DELETE FROM tile")
    cache.read(sql, 1)
    with pytest.raises(CorruptStore):
        cache.read(sql, 0)
    assert len(first) == tree.TILE_BYTES
