"""C2SP tlog-tiles: a tree and its entries as a finite set of immutable resources (docs/spec, section 8).

    for tile in tiles_for(size): write(path(tile), ...)          # "tile/0/x001/067", "tile/1/000.p/5"
    for bundle in bundles_for(size): write(path(bundle), ...)    # "tile/entries/000.p/15"

    tile, level, index = locate(subtree, size)                   # where the hash of a perfect subtree is found
    hash_ = fold(read(tile), level, index)                       # from a tile of any width
    hash_ = inner(expand(read(tile)), level, index)              # from a full tile, expanded once and read often

A tile at level L holds 256 consecutive hashes of the perfect subtrees of 256**L leaves; the last tile of a level may be
partial. `tile_reader` checks tiles from an untrusted place against a root.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

import msgspec

from muniment.core.format.encoding import MAX_ENTRY_BYTES
from muniment.core.format.merkle import HASH_BYTES, Subtree, plan_frontier, resume
from muniment.errors import InvalidInput

WIDTH = 256
HEIGHT = 8
MAX_LEVEL = 63

_BITS = 63  # sizes fit a signed 64-bit number, as in every implementation of the format
_path = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([0-9]{1,3}))?")


class Tile(msgspec.Struct, frozen=True, order=True, gc=False):
    """A tile of hashes: `width` (1 to 256) hashes of level `level` (0 to 63), the first with number index * 256."""

    level: int
    index: int
    width: int = WIDTH


class Bundle(msgspec.Struct, frozen=True, order=True, gc=False):
    """An entry bundle: `width` (1 to 256) entries, the first with index `index` * 256."""

    index: int
    width: int = WIDTH


def path(resource: Tile | Bundle) -> str:
    """The path of a tile or bundle under the log's prefix. Raises InvalidInput (`bad-tile`) for one that cannot exist."""
    level = resource.level if isinstance(resource, Tile) else 0
    if not (0 <= level <= MAX_LEVEL and 0 <= resource.index < 1 << _BITS and 1 <= resource.width <= WIDTH):
        raise InvalidInput(f"{resource} is no tile or bundle of a tree", code="bad-tile")
    rest, last = divmod(resource.index, 1000)
    elements = [f"{last:03d}"]
    while rest:
        rest, element = divmod(rest, 1000)
        elements.insert(0, f"x{element:03d}")
    kind = str(level) if isinstance(resource, Tile) else "entries"
    partial = "" if resource.width == WIDTH else f".p/{resource.width}"
    return f"tile/{kind}/{'/'.join(elements)}{partial}"


def parse_path(text: str) -> Tile | Bundle:
    """Read a path. Raises InvalidInput (`bad-tile-path`) for anything but the one form that `path` writes."""
    match = _path.fullmatch(text)
    if match is not None:
        kind, number, partial = match.groups()
        index, width = int(number.replace("/", "").replace("x", "")), int(partial or WIDTH)
        resource = Bundle(index, width) if kind == "entries" else Tile(int(kind), index, width)
        try:
            if path(resource) == text:
                return resource
        except InvalidInput:
            pass
    raise InvalidInput(
        f"{text[:80]!r} is not the path of a tile",
        code="bad-tile-path",
        hint='Write it like "tile/0/x001/067" or "tile/entries/000.p/5".',
    )


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Write 1 to 256 entries, each after its length as a big-endian uint16. Raises InvalidInput (`bad-bundle`)."""
    if not 1 <= len(entries) <= WIDTH:
        raise InvalidInput(f"a bundle holds 1 to {WIDTH} entries, not {len(entries)}", code="bad-bundle")
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise InvalidInput(f"an entry has {len(entry)} bytes where at most {MAX_ENTRY_BYTES} fit", code="bad-bundle")
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def decode_bundle(raw: bytes) -> tuple[bytes, ...]:
    """Read the entries of a bundle. Raises InvalidInput (`bad-bundle`) unless it holds 1 to 256 whole entries and no more."""
    entries: list[bytes] = []
    at = 0
    while at < len(raw) and len(entries) < WIDTH:
        start = at + 2
        at = start + int.from_bytes(raw[at:start], "big")
        entries.append(raw[start:at])
    # A cut length or entry leaves `at` beyond the end; a 257th entry leaves it before the end.
    if at != len(raw) or not entries:
        raise InvalidInput(f"an entry bundle holds 1 to {WIDTH} whole entries and nothing else", code="bad-bundle")
    return tuple(entries)


def tiles_for(size: int) -> Iterator[Tile]:
    """Every tile of a tree of `size` leaves, level by level, left to right: the full ones and each level's partial one."""
    _check_size(size)
    level = 0
    while size:
        full, partial = divmod(size, WIDTH)
        yield from (Tile(level, index) for index in range(full))
        if partial:
            yield Tile(level, full, partial)
        level, size = level + 1, full


def bundles_for(size: int) -> Iterator[Bundle]:
    """Every entry bundle of a log of `size` entries, in order."""
    _check_size(size)
    full, partial = divmod(size, WIDTH)
    yield from (Bundle(index) for index in range(full))
    if partial:
        yield Bundle(full, partial)


def edge_for(size: int) -> tuple[Tile, ...]:
    """The partial tiles of a tree of `size` leaves, from the highest level down: they hold its frontier, so its root."""
    _check_size(size)
    return tuple(dict.fromkeys([locate(subtree, size)[0] for subtree in plan_frontier(size)]))


def fold_edge(size: int, tiles: Mapping[Tile, bytes]) -> bytes:
    """The root that the tiles of `edge_for(size)` give. Raises InvalidInput for a tile that is missing or of another length."""
    hashes = []
    for subtree in plan_frontier(size):
        tile, level, index = locate(subtree, size)
        if tile not in tiles:
            raise InvalidInput(f"{path(tile)} is missing", code="missing-tile", details={"tile": path(tile)})
        hashes.append(fold(check_width(tile, tiles[tile]), level, index))
    return resume(size, hashes).root()


def locate(subtree: Subtree, size: int) -> tuple[Tile, int, int]:
    """Where in a tree of `size` leaves the hash of a perfect subtree is found: (tile, level, index), for `fold` or `inner`.

    `level` (0 to 7) counts upwards from the tile's own hashes. Raises InvalidInput (`bad-subtree`) for a subtree that the
    tree does not hold in full.
    """
    if not 0 <= subtree.level < _BITS or subtree.index < 0 or (subtree.index + 1) << subtree.level > size:
        raise InvalidInput(f"a tree of size {size} does not hold {subtree} in full", code="bad-subtree")
    tile_level, level = divmod(subtree.level, HEIGHT)
    shift = HEIGHT - level
    number = subtree.index >> shift
    width = min((size >> tile_level * HEIGHT) - number * WIDTH, WIDTH)
    return Tile(tile_level, number, width), level, subtree.index & (1 << shift) - 1


def check_width(tile: Tile, raw: bytes) -> bytes:
    """The bytes of a tile, if there are as many as its width says; else InvalidInput (`bad-tile`)."""
    if len(raw) != tile.width * HASH_BYTES:
        raise InvalidInput(
            f"{path(tile)} has {len(raw)} bytes instead of {tile.width * HASH_BYTES}", code="bad-tile", details={"tile": path(tile)}
        )
    return raw


def fold(raw: bytes, level: int, index: int) -> bytes:
    """From a tile's hashes: the hash of the perfect subtree `index` of those with 2**level of the tile's hashes.

    Raises InvalidInput (`bad-subtree`) where the tile, of any width, does not hold all of them.
    """
    if not 0 <= level <= HEIGHT or index < 0 or (index + 1) * HASH_BYTES << level > len(raw):
        raise InvalidInput(
            f"a tile of {len(raw) // HASH_BYTES} hashes holds no subtree {index} of level {level}", code="bad-subtree"
        )
    row = raw[index * HASH_BYTES << level : (index + 1) * HASH_BYTES << level]
    while len(row) > HASH_BYTES:
        row = _parents(row)
    return row


def expand(raw: bytes) -> bytes:
    """A full tile (8,192 bytes) with all levels above its hashes, bottom up: 256 + 128 + ... + 1 hashes, 16,352 bytes."""
    if len(raw) != WIDTH * HASH_BYTES:
        raise InvalidInput(f"only a full tile can be expanded, this one has {len(raw)} bytes", code="bad-tile")
    rows = [raw]
    while len(rows[-1]) > HASH_BYTES:
        rows.append(_parents(rows[-1]))
    return b"".join(rows)


def inner(blob: bytes, level: int, index: int) -> bytes:
    """From an expanded tile: the hash `index` of level 0 (the tile's own hashes) to 8 (its one root)."""
    if not (0 <= level <= HEIGHT and 0 <= index < WIDTH >> level and len(blob) == (2 * WIDTH - 1) * HASH_BYTES):
        raise InvalidInput(f"{len(blob)} bytes of expanded tile hold no hash {index} of level {level}", code="bad-subtree")
    # The rows below hold 256 + 128 + ... hashes: 512 less the double of this row's own length.
    at = (2 * WIDTH - (2 * WIDTH >> level) + index) * HASH_BYTES
    return blob[at : at + HASH_BYTES]


def _parents(row: bytes) -> bytes:
    """The hashes of one level from those, an even number, of the level below: two adjoining hashes are one node's input."""
    return b"".join([sha256(b"\x01" + row[at : at + 2 * HASH_BYTES]).digest() for at in range(0, len(row), 2 * HASH_BYTES)])


def _check_size(size: int) -> None:
    if not 0 <= size < 1 << _BITS:
        raise InvalidInput(f"a tree cannot have the size {size}", code="bad-size")
