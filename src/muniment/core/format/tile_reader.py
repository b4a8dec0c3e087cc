"""Reads a tree and its entries from tiles kept by anyone: nothing leaves here that does not lead to the trusted root.

    reader = TileReader(lambda resource: (folder / path(resource)).read_bytes(), checkpoint.size, checkpoint.root)
    for entry in reader.entries(): ...
    proof = reader.prove_inclusion(3)

The bytes come through a callable, so that this module does no I/O. Caching, retrying, and falling back to the full tile
where a partial one is gone, are done by wrapping the callable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from muniment.core.format.merkle import HASH_BYTES, Subtree, build, leaf, plan_consistency, plan_inclusion
from muniment.core.format.tiles import (
    HEIGHT,
    WIDTH,
    Bundle,
    Tile,
    check_width,
    decode_bundle,
    edge_for,
    fold,
    fold_edge,
    locate,
    path,
)
from muniment.errors import InvalidInput, VerificationError

Read = Callable[[Tile | Bundle], bytes]

_STEP = 7


class TileReader:
    """A tree of `size` leaves with root `root`, read from untrusted tiles (C2SP tlog-tiles).

    `read` gives the bytes of exactly the tile or bundle that it is asked for. Only what a tree of this size has is asked for.
    Every method raises what `read` raises, InvalidInput for resources of a wrong length or form and for numbers outside the
    tree, and VerificationError (step 7: `inclusion-edge`, `inclusion-tile`, `inclusion-entry`) for resources that contradict
    the root; `.details` names them.
    """

    __slots__ = ("_kept", "_read", "root", "size")

    def __init__(self, read: Read, size: int, root: bytes) -> None:
        self.size = size
        self.root = root
        self._read = read
        # The tiles that vouch for others, about one byte in 256 of the tree, and the edge. Only checked ones get here.
        self._kept: dict[Tile, bytes] = {}

    def check_edge(self) -> None:
        """Check that the tree's partial tiles give the root: then every hash in them is authentic."""
        tiles = {tile: self._read(tile) for tile in edge_for(self.size)}
        if fold_edge(self.size, tiles) != self.root:
            raise VerificationError(
                f"the tiles at the edge of the tree of size {self.size} do not lead to its root",
                step=_STEP,
                code="inclusion-edge",
                details={"tiles": [path(tile) for tile in tiles]},
            )
        self._kept.update(tiles)

    def hashes(self, subtrees: Iterable[Subtree]) -> dict[Subtree, bytes]:
        """The hashes of perfect subtrees, such as a plan names; each tile is read once."""
        found: dict[Subtree, bytes] = {}
        opened: dict[Tile, bytes] = {}
        for subtree in subtrees:
            tile, level, index = locate(subtree, self.size)
            if tile not in opened:
                opened[tile] = self._open(tile)
            found[subtree] = fold(opened[tile], level, index)
        return found

    def prove_inclusion(self, index: int) -> tuple[bytes, ...]:
        """The inclusion proof of leaf `index`."""
        plan = plan_inclusion(index, self.size)
        return build(plan, self.hashes(plan))

    def prove_consistency(self, old: int) -> tuple[bytes, ...]:
        """The proof that this tree extends the one of its first `old` leaves."""
        plan = plan_consistency(old, self.size)
        return build(plan, self.hashes(plan))

    def leaves(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The leaf hashes from `start` up to, not including, `stop` (the tree's size where it is absent)."""
        for number, width, first, last in self._spans(start, stop):
            raw = self._open(Tile(0, number, width))
            yield from (raw[at : at + HASH_BYTES] for at in range(first * HASH_BYTES, last * HASH_BYTES, HASH_BYTES))

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The entries from `start` up to, not including, `stop`, each checked against its leaf hash."""
        for number, width, first, last in self._spans(start, stop):
            bundle = Bundle(number, width)
            entries = decode_bundle(self._read(bundle))
            if len(entries) != width:
                raise InvalidInput(
                    f"{path(bundle)} holds {len(entries)} entries instead of {width}",
                    code="bad-bundle",
                    details={"bundle": path(bundle)},
                )
            begin = number * WIDTH
            hashes = self.leaves(begin + first, begin + last)
            for index, (entry, expected) in enumerate(zip(entries[first:last], hashes, strict=True), begin + first):
                if leaf(entry) != expected:
                    raise VerificationError(
                        f"entry {index} in {path(bundle)} is not the one in the tree",
                        step=_STEP,
                        code="inclusion-entry",
                        details={"bundle": path(bundle), "index": index},
                    )
                yield entry

    def _spans(self, start: int, stop: int | None) -> Iterator[tuple[int, int, int, int]]:
        """The tiles of level 0 that a range touches: number, width, and the range within it."""
        end = self.size if stop is None else stop
        if not 0 <= start <= end <= self.size:
            raise InvalidInput(f"a tree of size {self.size} has no leaves {start} to {end}", code="bad-index")
        if start == end:
            # An empty range, above all that of an empty tree, must not pass for any root.
            self.check_edge()
            return
        for number in range(start // WIDTH, -(-end // WIDTH)):
            begin = number * WIDTH
            yield number, min(self.size - begin, WIDTH), max(start - begin, 0), min(end - begin, WIDTH)

    def _open(self, tile: Tile) -> bytes:
        """The bytes of a tile of this tree, after tracing it to the root."""
        if not self._kept:
            self.check_edge()
        if tile in self._kept:
            return self._kept[tile]
        # A tile outside the edge is full, so the level above holds its root; at the latest the edge ends the ascent.
        raw = check_width(tile, self._read(tile))
        parent, _, index = locate(Subtree((tile.level + 1) * HEIGHT, tile.index), self.size)
        if fold(raw, HEIGHT, 0) != fold(self._open(parent), 0, index):
            raise VerificationError(
                f"{path(tile)} does not lead to the root of the tree of size {self.size}",
                step=_STEP,
                code="inclusion-tile",
                details={"tile": path(tile)},
            )
        if tile.level:
            self._kept[tile] = raw
        return raw
