"""The snapshots that this node offers: nothing is prepared or kept for them, each chunk is read from the ledger when asked for."""

from __future__ import annotations

from muniment.core.format import merkle, tiles
from muniment.core.format.tiles import Tile
from muniment.ledger.store.file import Store
from muniment.ledger.store.marks import Mark
from muniment.ledger.store.snapshot import Snapshot
from muniment.node.snapshots import format
from muniment.node.snapshots.format import Offer

OFFERED = 3
EVERY = 16
"""Under load the newest height is another one at each node and each moment. Offered are multiples of this, so that a newcomer
finds the same snapshot at several nodes."""

BEHIND = 2
"""The engine of a newcomer reads the two blocks after a snapshot, before it takes it."""

MANY_CHUNKS = 8_192
"""The list of a ledger with more is long: then only one snapshot is offered."""


class Shelf:
    """Offers and chunks of `store`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self) -> tuple[Offer, ...]:
        """What can be taken now, newest first."""
        newest = self._store.mark()
        if newest is None:
            return ()
        found: list[Offer] = []
        for height in _heights(newest.height):
            mark = self._mark(height)
            if mark is None or mark.size > format.MAX_CHUNKS * tiles.WIDTH:
                continue
            found.append(self._describe(mark))
            if found[0].chunks > MANY_CHUNKS:
                break
        return tuple(found)

    def load(self, height: int, format_: int, chunk: int) -> bytes:
        """A chunk of a snapshot that was offered, or of any height that is known here; nothing where there is none."""
        mark = self._mark(height)
        if format_ != format.FORMAT or mark is None or not 0 <= chunk * tiles.WIDTH < mark.size:
            return b""
        start = chunk * tiles.WIDTH
        with self._store.view() as view:
            entries = [raw for _, raw in view.entries(start, min(start + tiles.WIDTH, mark.size))]
        return format.encode_chunk(entries)

    def _mark(self, height: int) -> Mark | None:
        return next(iter(self._store.marks(height, height + 1)), None)

    def _describe(self, mark: Mark) -> Offer:
        with self._store.view() as view:
            return format.describe(mark.height, read_bundles(view, mark.size))


def read_bundles(view: Snapshot, size: int) -> tuple[bytes, ...]:
    """The subtree hash of each entry bundle of the first `size` entries. Raises NotFound where there are fewer."""
    full, rest = divmod(size, tiles.WIDTH)
    found: list[bytes] = []
    for index in range(-(-full // tiles.WIDTH)):
        found += _split(view.tile(Tile(1, index, min(full - index * tiles.WIDTH, tiles.WIDTH))))
    if rest:
        found.append(merkle.root(_split(view.tile(Tile(0, full, rest)))))
    return tuple(found)


def _split(raw: bytes) -> list[bytes]:
    return [raw[at : at + merkle.HASH_BYTES] for at in range(0, len(raw), merkle.HASH_BYTES)]


def _heights(newest: int) -> list[int]:
    last = newest - BEHIND
    aligned = [last // EVERY * EVERY - step * EVERY for step in range(OFFERED)]
    return [height for height in aligned if height > 0] or ([last] if last > 0 else [])
