"""Tiles over HTTP are the exported ones, byte by byte, and a reader that we did not write takes them from the server.

At 1, 255, 256, 257, 65,536 and 65,537 entries: below, at and above one full tile, and one full tile of the level above.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import golang
import makers
import serving
from muniment.client.exporting import export_tiles
from muniment.core.format import checkpoint, keys
from muniment.core.format.tiles import bundles_for, path, tiles_for

# Ledgers grow from a common beginning; the last block of each has one or two events.
BEGINNINGS = {253: (255, 256, 257), 65_534: (65_536, 65_537)}
SIZES = (1, *(size for sizes in BEGINNINGS.values() for size in sizes))


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """A ledger's folder for each size."""
    place = tmp_path_factory.mktemp("ledgers")
    makers.found_home(place / "1").close()
    before = place / "1"
    found = {1: before}
    for beginning, sizes in BEGINNINGS.items():
        before = Path(shutil.copytree(before, place / f"below-{sizes[0]}"))
        makers.reopen(before / "ledger.db").grow(beginning, block=1_000).close()
        for size in sizes:
            found[size] = Path(shutil.copytree(before, place / str(size)))
            makers.reopen(found[size] / "ledger.db").grow(size, block=1_000).close()
    return found


@pytest.fixture(scope="module")
def servers(homes: dict[int, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, serving.Server]]:
    """A server for each size, open to everybody."""
    state = tmp_path_factory.mktemp("states")
    with ExitStack() as stack:
        yield {
            size: stack.enter_context(serving.running(home, state=state / str(size), writes=False, public=True))
            for size, home in homes.items()
        }


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> golang.Read:
    """The reader in Go."""
    return golang.build_reader(tmp_path_factory.mktemp("go"))


@pytest.mark.parametrize("size", SIZES)
def test_the_same_bytes(servers: dict[int, serving.Server], size: int, tmp_path: Path) -> None:
    server = servers[size]
    with server.hosting.by_name[""].reader.view() as view:
        export_tiles(view, tmp_path / "tiles")
        assert view.size == size
    files = {str(each.relative_to(tmp_path / "tiles")) for each in (tmp_path / "tiles").rglob("*") if each.is_file()}
    assert files == {"checkpoint", *map(path, tiles_for(size)), *map(path, bundles_for(size))}
    for name in files:
        answer = server.get(f"/{name}", x_stranger="yes")
        assert answer.status == 200, name
        assert answer.data == (tmp_path / "tiles" / name).read_bytes(), name


@pytest.mark.parametrize("size", SIZES)
def test_the_reader_that_we_did_not_write_reads_them(servers: dict[int, serving.Server], read: golang.Read, size: int) -> None:
    server = servers[size]
    root = checkpoint.open(server.get("/checkpoint").data, makers.VERIFIER).root
    done = read(server.url, keys.format(makers.VERIFIER))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{size} {root.hex()}\n"


def test_it_refuses_what_a_server_forges(servers: dict[int, serving.Server], read: golang.Read) -> None:
    other = keys.derive(makers.ORIGIN, makers.BOB.public_key)
    assert read(servers[257].url, keys.format(other)).returncode == 1
