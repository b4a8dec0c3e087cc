"""Exported tiles, read by our own reader and by one that we did not write.

In full (`--long`): ledgers of 1, 255, 256, 257, 1,000 and 70,000 entries; in short all but the last. The other reader is
golang.org/x/mod/sumdb (tests/acceptance/go): it opens the checkpoint, checks every tile and entry, and verifies a receipt.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import golang
import makers
from muniment.client.exporting import export_tiles
from muniment.client.tile_folder import TileFolder
from muniment.core.format import checkpoint, keys, merkle
from muniment.core.proof import receipt as receipts
from muniment.ledger import prover

SIZES = (1, 255, 256, 257, 1_000)
LONG_SIZES = (70_000,)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, long: bool) -> dict[int, Path]:
    """A folder for each size, with the tiles in `tiles` and the receipt of a middle entry in `receipt`."""
    folders = {}
    for size in SIZES + (LONG_SIZES if long else ()):
        folder = folders[size] = tmp_path_factory.mktemp(f"ledger-{size}")
        life = makers.found(folder / "ledger.db").grow(size, block=1_000 if size > 1_000 else 100)
        with life.engine.view() as view:
            done = export_tiles(view, folder / "tiles")
            assert (done.size, view.size) == (size, size)
            (folder / "receipt").write_text(receipts.format(prover.prove_receipt(view, size // 2)))
            (folder / "leaves").write_bytes(b"".join(merkle.leaf(raw) for _, raw in view.entries(0, size)))
        life.close()
    return folders


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> golang.Read:
    """The reader in Go."""
    return golang.build_reader(tmp_path_factory.mktemp("go"))


def open_folder(folder: Path) -> TileFolder:
    note = (folder / "checkpoint").read_bytes()
    found = checkpoint.open(note, makers.VERIFIER)
    return TileFolder(folder, note, found.size, found.root)


def test_our_own_reader_gives_the_same_leaves_and_root(exported: dict[int, Path]) -> None:
    for size, folder in exported.items():
        tiles = open_folder(folder / "tiles")
        assert tiles.size == size
        frontier, count = merkle.Frontier(), 0
        leaves = (folder / "leaves").read_bytes()
        for index, raw in tiles.entries(0, size):
            leaf = merkle.leaf(raw)
            assert leaf == leaves[32 * index : 32 * index + 32]
            frontier, count = frontier.append(leaf), count + 1
        assert (count, frontier.root()) == (size, tiles.reader.root)


def test_the_reader_that_we_did_not_write_agrees(exported: dict[int, Path], read: golang.Read) -> None:
    vkey = keys.format(makers.VERIFIER)
    for size, folder in exported.items():
        done = read(folder / "tiles", vkey, folder / "receipt")
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{size} {open_folder(folder / 'tiles').reader.root.hex()}\n"


def test_the_reader_that_we_did_not_write_refuses_what_was_changed(
    exported: dict[int, Path], read: golang.Read, tmp_path: Path
) -> None:
    vkey = keys.format(makers.VERIFIER)
    for name, place in (("tile/entries/000", 100), ("tile/0/000", 40), ("tile/1/000.p/3", 5), ("checkpoint", 30)):
        shutil.rmtree(tmp_path / "tiles", ignore_errors=True)
        shutil.copytree(exported[1_000] / "tiles", tmp_path / "tiles")
        path = tmp_path / "tiles" / name
        raw = bytearray(path.read_bytes())
        raw[place] ^= 1
        path.write_bytes(raw)
        assert read(tmp_path / "tiles", vkey).returncode == 1, name
    receipt = (exported[1_000] / "receipt").read_text().replace("index 500", "index 501")
    (tmp_path / "receipt").write_text(receipt)
    assert read(exported[1_000] / "tiles", vkey, tmp_path / "receipt").returncode == 1
    other = keys.derive(makers.ORIGIN, makers.BOB.public_key)
    assert read(exported[1_000] / "tiles", keys.format(other)).returncode == 1
