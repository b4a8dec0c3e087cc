"""Who else keeps the leaf of an entry: full tiles keep every leaf below them, each header keeps that of the one before."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import msgspec

from muniment.core.format import entry, merkle
from muniment.core.format.merkle import Frontier
from muniment.errors import InvalidInput
from muniment.ledger.store import tree
from muniment.ledger.store.fsck.slots import Slot

_HASH = 32
_NEXT = (
    "SELECT entry.body FROM block JOIN entry ON entry.idx = block.idx"
    " WHERE block.height = ? AND typeof(block.idx) = 'integer' AND typeof(entry.body) = 'blob'"
)

Leaves = list[bytes | None]


class Witnesses:
    """Answers from a file of which any part may be wrong: what it says is a candidate until a signed root confirms it."""

    def __init__(self, sql: apsw.Connection) -> None:
        self._sql = sql

    def candidates(self, block: list[Slot], height: int, before: Frontier, previous: str | None) -> Iterator[Leaves]:
        """What the leaves of a block may have been, the likeliest first. `before` and `previous`: tree and header before it."""
        actual = [slot.leaf for slot in block]
        yield actual
        others = self._headers(block, height, before, previous)
        for other in others:
            yield [*actual[:-1], other]
        kept = self._kept(block)
        if kept != actual:
            yield kept
            for other in others:
                yield [*kept[:-1], other]

    def vouched(self, height: int) -> bytes | None:
        """The leaf of the header of `height`, as the next one names it."""
        body = self._sql.execute(_NEXT, (height + 1,)).get
        try:
            return None if body is None else bytes.fromhex(entry.decode_header(body).previous)
        except InvalidInput:
            return None

    def _headers(self, block: list[Slot], height: int, before: Frontier, previous: str | None) -> list[bytes]:
        """Other leaves that the header may have had."""
        last = block[-1]
        found = [self.vouched(height)]
        events = [slot.leaf for slot in block[:-1] if slot.leaf is not None]
        if last.header is not None and previous is not None and len(events) == len(block) - 1:
            root = before.extend(events).root().hex()
            mended = msgspec.structs.replace(last.header, height=height, size=last.index, previous=previous, root=root)
            found.append(merkle.leaf(entry.encode_header(mended)))
        return [leaf for leaf in found if leaf is not None]

    def _kept(self, block: list[Slot]) -> Leaves:
        """The leaves as full tiles keep them, and those of the rows where there is no tile."""
        first, last = block[0].index // tree.TILE_WIDTH, block[-1].index // tree.TILE_WIDTH
        rows = self._sql.execute(
            "SELECT id, hashes FROM tile WHERE id BETWEEN ? AND ? AND typeof(hashes) = 'blob' AND length(hashes) = ?",
            (first, last, tree.TILE_BYTES),
        )
        tiles = dict(rows)
        return [_leaf(tiles.get(slot.index // tree.TILE_WIDTH), slot) for slot in block]


def _leaf(tile: bytes | None, slot: Slot) -> bytes | None:
    if tile is None:
        return slot.leaf
    at = slot.index % tree.TILE_WIDTH * _HASH
    return tile[at : at + _HASH]
