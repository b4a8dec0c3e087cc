"""Tiles over HTTP: what is there and what is not, and what caches and proxies are told."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

import makers
import serving
from muniment.client import home
from muniment.core.format import checkpoint, merkle
from muniment.core.format.tiles import Bundle, Tile, decode_bundle, parse_path
from muniment.errors import NotFound
from muniment.ledger.store.snapshot import Snapshot
from muniment.server import caching, tiles
from muniment.server.settings import Served

# The tree stands at 1, 101, 202, 256, 300 and 513 entries.
SIZES = (101, 202, 256, 300, 513)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[serving.Server]:
    folder = tmp_path_factory.mktemp("tiles")
    life = makers.found_home(folder / "home")
    for size in SIZES:
        life.grow(size, block=1_000)
    life.close()
    with serving.running(folder / "home", state=folder / "state", caller="read", writes=False) as found:
        yield found


def test_checkpoint(server: serving.Server) -> None:
    found = server.get("/checkpoint")
    assert (found.status, found.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert checkpoint.open(found.data, makers.VERIFIER).size == 513
    assert found.headers["cache-control"] == "no-cache"
    again = server.get("/checkpoint", if_none_match=found.headers["etag"])
    assert (again.status, again.data, again.headers["etag"]) == (304, b"", found.headers["etag"])
    assert server.get("/checkpoint", if_none_match='"other"').status == 200


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("tile/0/000", 256),
        ("tile/0/001", 256),
        ("tile/0/002.p/1", 1),
        ("tile/1/000.p/2", 2),
        # Published once and served for ever, though the full tile is there.
        ("tile/0/000.p/1", 1),
        ("tile/0/000.p/101", 101),
        ("tile/0/000.p/202", 202),
        ("tile/0/001.p/44", 44),
        ("tile/1/000.p/1", 1),
    ],
)
def test_published_tiles(server: serving.Server, path: str, count: int) -> None:
    found = server.get(f"/{path}")
    assert (found.status, len(found.data)) == (200, 32 * count)
    assert found.headers["content-type"] == "application/octet-stream"
    assert found.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert server.get(f"/{path}", if_none_match=f'"a", W/{found.headers["etag"]}').status == 304
    head = server.ask("HEAD", f"/{path}")
    assert (head.status, head.data, head.headers["content-length"]) == (200, b"", str(32 * count))
    if path.startswith("tile/0/000"):
        with server.hosting.by_name[""].reader.view() as view:
            assert found.data == b"".join(merkle.leaf(view.entry(index)) for index in range(count))


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/000.p/255",  # the tree never ended there
        "tile/0/000.p/102",
        "tile/0/001.p/45",
        "tile/0/002",
        "tile/0/002.p/2",
        "tile/0/003.p/1",
        "tile/1/000",
        "tile/1/000.p/3",
        "tile/1/001.p/1",
        "tile/2/000.p/1",
        "tile/63/000.p/1",
        "tile/entries/000.p/255",
        "tile/entries/002",
        "tile/entries/002.p/2",
        "tile/entries/x999/x999/999",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/101/",
        "tile/0/000.p/",
        "tile/0/000/",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/0",
        "tile/0/1000",
        "tile/0/x000/000",
        "tile/0/000/000",
        "tile/0/00%30",
        "tile//0/000",
        "tile/0//000",
        "tile/0/000.p/101.p/101",
        "tile/data/000",
        "tile/Entries/000",
        "tile/0/٠٠٠",
        "tile/0",
        "tile",
        "tile/",
    ],
)
def test_what_must_not_be_there(server: serving.Server, path: str) -> None:
    found = server.get(f"/{path}")
    assert found.status == 404
    assert found.headers["content-type"].startswith("application/problem+json")
    if len(path) > len("tile/"):
        assert found.headers["cache-control"] == "no-store"


def test_bundles_are_compressed_only_when_asked(server: serving.Server) -> None:
    plain = server.get("/tile/entries/000")
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "Accept-Encoding"
    with server.hosting.by_name[""].reader.view() as view:
        assert list(decode_bundle(plain.data)) == [view.entry(index) for index in range(256)]
    small = server.get("/tile/entries/000", accept_encoding="br;q=1.0, gzip;q=0.8")
    assert (small.headers["content-encoding"], small.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(small.data) == plain.data
    assert len(small.data) < len(plain.data) / 2
    assert small.headers["etag"] != plain.headers["etag"]
    assert server.get("/tile/entries/000", accept_encoding="gzip", if_none_match=small.headers["etag"]).status == 304
    assert server.get("/tile/entries/000", accept_encoding="gzip", if_none_match=plain.headers["etag"]).status == 200
    for refused in ("identity", "gzip;q=0", "*;q=0"):
        assert "content-encoding" not in server.get("/tile/entries/000", accept_encoding=refused).headers
    # Hashes cannot be made smaller.
    assert "content-encoding" not in server.get("/tile/0/000", accept_encoding="gzip").headers


def test_partial_bundles(server: serving.Server) -> None:
    full = decode_bundle(server.get("/tile/entries/000").data)
    for width in (1, 101, 202):
        assert decode_bundle(server.get(f"/tile/entries/000.p/{width}").data) == full[:width]


def test_nothing_else_may_be_done(server: serving.Server) -> None:
    for path in ("/checkpoint", "/tile/0/000"):
        assert server.ask("POST", path, b"").status == 405


def test_private_unless_public(server: serving.Server, tmp_path: Path) -> None:
    for path in ("/checkpoint", "/tile/0/000", "/tile/0/777"):
        assert server.get(path, authorization="").status == 401
    life = makers.found_home(tmp_path / "home").grow(257, block=255)
    life.close()
    with serving.running(tmp_path / "home", state=tmp_path / "state", writes=False, public=True) as public:
        assert public.get("/checkpoint", authorization="").status == 200
        found = public.get("/tile/0/000", authorization="")
        assert found.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_several_ledgers(tmp_path: Path) -> None:
    makers.found_home(tmp_path / "one").grow(4, block=100).close()
    home.found(tmp_path / "two", origin="example.com/other")
    ledgers = [Served(name=name, home=tmp_path / name) for name in ("one", "two")]
    with serving.running(*ledgers, state=tmp_path / "state", writes=False) as server:
        assert len(server.get("/l/one/tile/0/000.p/4").data) == 128
        assert server.get("/l/two/tile/0/000.p/4").status == 404
        assert server.get("/l/two/checkpoint").data.startswith(b"example.com/other\n1\n")
        assert server.get("/l/one/checkpoint").data.startswith(b"example.com/test\n4\n")
        for path in ("/tile/0/000.p/4", "/checkpoint", "/l/three/checkpoint"):
            assert server.get(path).status == 404, path


def test_the_resources_are_those_of_all_checkpoints(tmp_path: Path) -> None:
    life = makers.found_home(tmp_path / "home")
    sizes = [1]
    for size in (3, 255, 257, 300, 770):
        life.grow(size, block=1_000)
        sizes.append(size)
    published = {(0, size // 256, size % 256) for size in sizes} | {(1, 0, size // 256) for size in sizes}
    with life.engine.view() as view:
        assert isinstance(view, Snapshot)
        for level, number in ((0, 0), (0, 1), (0, 2), (0, 3), (1, 0)):
            for width in range(1, 256):
                try:
                    raw = tiles.read_resource(view, Tile(level, number, width))
                except NotFound:
                    assert (level, number, width) not in published
                    continue
                assert (level, number, width) in published
                assert len(raw) == 32 * width
        with pytest.raises(NotFound):
            tiles.read_resource(view, parse_path("tile/63/x999/999"))
        with pytest.raises(NotFound):
            tiles.read_resource(view, Bundle(1 << 54, 1))
    life.close()


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("*", True),
        ("deflate, gzip;q=0.1", True),
        ("gzip;q=0, *", False),
        ("", False),
        ("gzip;q=x", False),
    ],
)
def test_accept_encoding(asked: str, taken: bool) -> None:
    assert caching.takes_gzip({"accept-encoding": asked}) is taken
