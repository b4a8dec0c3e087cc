"""transparency-dev/tessera's 15-entry log: our reader verifies it at every size for which it has a checkpoint.

The checkpoints' signatures are tested with the checkpoint module; here their size and root are what the tiles must lead to.
"""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from muniment.core.format import merkle, tiles
from muniment.core.format.tile_reader import TileReader
from muniment.core.format.tiles import Bundle, Tile
from muniment.errors import VerificationError

SIZES = range(16)


def _checkpoint(folder: Path, size: int) -> tuple[int, bytes]:
    _, number, root, *_ = (folder / f"checkpoint.{size}").read_text("utf-8").splitlines()
    return int(number), base64.b64decode(root, validate=True)


def _reader(folder: Path, size: int) -> TileReader:
    def read(resource: Tile | Bundle) -> bytes:
        return (folder / tiles.path(resource)).read_bytes()

    return TileReader(read, *_checkpoint(folder, size))


@pytest.fixture(scope="module")
def folder(shared_vectors: Path) -> Path:
    return shared_vectors / "tlog-tiles" / "log"


@pytest.mark.parametrize("size", SIZES)
def test_the_log_verifies_at_every_size(folder: Path, size: int) -> None:
    reader = _reader(folder, size)
    assert reader.size == size
    entries = list(reader.entries())
    leaves = [merkle.leaf(entry) for entry in entries]
    assert list(reader.leaves()) == leaves
    assert merkle.root(leaves) == reader.root
    for index in range(size):
        merkle.check_inclusion(leaves[index], index, size, reader.prove_inclusion(index), reader.root)


@pytest.mark.parametrize("size", SIZES[1:])
def test_every_size_extends_the_smaller_ones(folder: Path, size: int) -> None:
    reader = _reader(folder, size)
    for old in SIZES[1 : size + 1]:
        merkle.check_consistency(old, size, reader.prove_consistency(old), _checkpoint(folder, old)[1], reader.root)


def test_a_checkpoint_of_another_size_is_not_its_root(folder: Path) -> None:
    reader = TileReader(lambda resource: (folder / tiles.path(resource)).read_bytes(), 14, _checkpoint(folder, 15)[1])
    with pytest.raises(VerificationError):
        reader.check_edge()


def test_every_file_of_the_log_is_one_that_we_would_write(folder: Path) -> None:
    written = {str(file.relative_to(folder)) for file in (folder / "tile").rglob("*") if file.is_file()}
    assert {tiles.path(tiles.parse_path(name)) for name in written} == written
    named = {tiles.path(tile) for size in SIZES for tile in tiles.tiles_for(size)}
    named |= {tiles.path(bundle) for size in SIZES for bundle in tiles.bundles_for(size)}
    assert written == named
    for name in written:
        if isinstance(tiles.parse_path(name), Bundle):
            raw = (folder / name).read_bytes()
            assert tiles.encode_bundle(tiles.decode_bundle(raw)) == raw
