"""The RFC 6962 tree on disk: full tiles are rows that never change, open tiles follow from the entries.

A tile is written once, when its 256th hash arrives. Of the open tile at each level only the process that appends keeps the
hashes; whoever opens the file later reads them again from the entries and from the roots of the tiles below.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import apsw
import msgspec

from muniment.core.format import merkle, tiles
from muniment.core.format.merkle import Frontier, Subtree
from muniment.core.format.tiles import Tile
from muniment.errors import CorruptStore, NotFound
from muniment.ledger.store import entries

TILE_HEIGHT = 8
TILE_WIDTH = 256
HASH_BYTES = 32
BASE_BYTES = TILE_WIDTH * HASH_BYTES
TILE_BYTES = (2 * TILE_WIDTH - 1) * HASH_BYTES
LEVEL_SHIFT = 40
MAX_CACHED_TILES = 512
MAX_FOLDED = 4_096


class OpenTiles(msgspec.Struct, frozen=True):
    """The open tile at each level, lowest first, for a tree of `size` leaves: its hashes in one piece, 32 bytes each."""

    size: int
    levels: tuple[bytes, ...] = (b"",)

    def extend(self, leaves: Sequence[bytes]) -> tuple[OpenTiles, list[tuple[int, bytes]]]:
        """The open tiles after more leaves, and the rows (id, hashes) of tiles that became full on the way."""
        full: list[tuple[int, bytes]] = []
        levels: list[bytes] = []
        arriving = b"".join(leaves)
        level = 0
        while arriving or level < len(self.levels):
            row = self.levels[level] + arriving if level < len(self.levels) else arriving
            index = self.size >> TILE_HEIGHT * (level + 1)
            roots = []
            while len(row) >= BASE_BYTES:
                hashes = tiles.expand(row[:BASE_BYTES])
                full.append((tile_id(level, index), hashes))
                roots.append(hashes[-HASH_BYTES:])
                row, index = row[BASE_BYTES:], index + 1
            levels.append(row)
            arriving, level = b"".join(roots), level + 1
        return OpenTiles(self.size + len(leaves), tuple(levels)), full

    def frontier(self) -> Frontier:
        """The compact range of the whole tree."""
        hashes: list[bytes] = []
        for row in reversed(self.levels):
            count, start = len(row) // HASH_BYTES, 0
            for bit in range(TILE_HEIGHT - 1, -1, -1):
                if count >> bit & 1:
                    hashes.append(tiles.fold(row, bit, start >> bit))
                    start += 1 << bit
        return merkle.resume(self.size, hashes)


def tile_id(level: int, index: int) -> int:
    """The row of a full tile."""
    return level << LEVEL_SHIFT | index


def write(connection: apsw.Connection, full: Sequence[tuple[int, bytes]]) -> None:
    """Keep full tiles for ever."""
    if full:
        connection.executemany("INSERT INTO tile VALUES (?, ?)", full)


def load_open(connection: apsw.Connection, size: int) -> OpenTiles:
    """Read the open tiles of a tree of `size` leaves. Raises CorruptStore."""
    levels = [b"".join(entries.leaves(connection, size & ~(TILE_WIDTH - 1), size))]
    level, count = 1, size >> TILE_HEIGHT
    while count:
        start = count & ~(TILE_WIDTH - 1)
        rows = connection.execute(
            "SELECT substr(hashes, -32) FROM tile WHERE id >= ? AND id < ? ORDER BY id",
            (tile_id(level - 1, start), tile_id(level - 1, count)),
        ).fetchall()
        level_hashes = b"".join([root for (root,) in rows if isinstance(root, bytes)])
        if len(level_hashes) != (count - start) * HASH_BYTES:
            raise CorruptStore(
                f"a tile of level {level - 1} is missing", details={"table": "tile", "row": tile_id(level - 1, start)}
            )
        levels.append(level_hashes)
        level, count = level + 1, count >> TILE_HEIGHT
    return OpenTiles(size, tuple(levels))


class TileCache:
    """What never changes is kept: the full tiles used last, at most 8 MiB, and perfect subtrees of open tiles, once folded."""

    def __init__(self) -> None:
        self._tiles: OrderedDict[int, bytes] = OrderedDict()
        self._folded: dict[Subtree, bytes] = {}

    def read(self, connection: apsw.Connection, row: int) -> bytes:
        """A full tile by its row. Raises CorruptStore."""
        hashes = self._tiles.get(row)
        if hashes is None:
            hashes = connection.execute("SELECT hashes FROM tile WHERE id = ?", (row,)).get
            if not isinstance(hashes, bytes) or len(hashes) != TILE_BYTES:
                raise CorruptStore(f"tile {row} is missing or incomplete", details={"table": "tile", "row": row})
            self._tiles[row] = hashes
            if len(self._tiles) > MAX_CACHED_TILES:
                self._tiles.popitem(last=False)
        else:
            self._tiles.move_to_end(row)
        return hashes

    def read_base(self, connection: apsw.Connection, open_tiles: OpenTiles, tile: Tile) -> bytes:
        """The hashes of a tile of any width. Raises NotFound where the tree does not hold so many, and CorruptStore."""
        reached = (open_tiles.size >> TILE_HEIGHT * tile.level) - tile.index * TILE_WIDTH
        if reached < tile.width:
            raise NotFound(f"a tree of size {open_tiles.size} has no {tiles.path(tile)}", code="no-such-tile")
        if reached < TILE_WIDTH:
            return open_tiles.levels[tile.level][: tile.width * HASH_BYTES]
        return self.read(connection, tile_id(tile.level, tile.index))[: tile.width * HASH_BYTES]

    def read_subtrees(self, connection: apsw.Connection, open_tiles: OpenTiles, wanted: Iterable[Subtree]) -> dict[Subtree, bytes]:
        """The hashes of perfect subtrees: the read between `merkle.plan_...` and `merkle.build`."""
        return {subtree: self._read_subtree(connection, open_tiles, subtree) for subtree in wanted}

    def _read_subtree(self, connection: apsw.Connection, open_tiles: OpenTiles, subtree: Subtree) -> bytes:
        level, within = divmod(subtree.level, TILE_HEIGHT)
        tile = subtree.index >> (TILE_HEIGHT - within)
        place = subtree.index & ((1 << (TILE_HEIGHT - within)) - 1)
        if tile < open_tiles.size >> TILE_HEIGHT * (level + 1):
            return tiles.inner(self.read(connection, tile_id(level, tile)), within, place)
        return self._fold(open_tiles.levels[level], within, subtree, place)

    def _fold(self, row: bytes, within: int, subtree: Subtree, place: int) -> bytes:
        if within == 0:
            return tiles.fold(row, 0, place)
        hash_ = self._folded.get(subtree)
        if hash_ is None:
            if len(self._folded) >= MAX_FOLDED:
                self._folded.clear()
            # From the two below, which are kept as well: most of a subtree was folded when its halves were asked for.
            below = [Subtree(subtree.level - 1, 2 * subtree.index + each) for each in (0, 1)]
            hash_ = merkle.node(*[self._fold(row, within - 1, each, 2 * place + side) for side, each in enumerate(below)])
            self._folded[subtree] = hash_
        return hash_
