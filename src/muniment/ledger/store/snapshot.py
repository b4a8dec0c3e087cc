"""A ledger as of one sealed block, inside one read transaction (ledger.engine.View)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import apsw

from muniment.core.format import checkpoint, merkle, state_map
from muniment.core.format.entry import Header
from muniment.core.format.state_map import StateProof
from muniment.core.format.tiles import Tile
from muniment.core.proof.path import Step
from muniment.core.rules.chain import Position
from muniment.core.rules.members import Validators
from muniment.errors import NotFound
from muniment.ledger.store import blocks, connection, cosignatures, entries, memberships, records, trail
from muniment.ledger.store.blocks import BlockRow
from muniment.ledger.store.tree import OpenTiles, TileCache

Beside = Callable[[int], Mapping[str, str]]
"""Signature lines on the checkpoint of a height that are known and perhaps not written yet, by organisation; none is older than
the one that is written."""


class Snapshot:
    """Everything that proofs are made of, from one transaction."""

    def __init__(
        self,
        sql: apsw.Connection,
        block: BlockRow,
        position: Position,
        open_tiles: OpenTiles,
        map_: state_map.Tree,
        cache: TileCache,
    ) -> None:
        self._sql = sql
        self._block = block
        self._open_tiles = open_tiles
        self._map = map_
        self._cache = cache
        self.position = position
        self.beside: Beside = _nothing

    @property
    @connection.explaining()
    def checkpoint(self) -> bytes:
        """The signed checkpoint that ends at the newest header, with what members have said of it."""
        return self._attach(self._block)

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self._block.index + 1

    @property
    def height(self) -> int:
        """The height of the newest header."""
        return self._block.height

    @connection.explaining()
    def entry(self, index: int) -> bytes:
        """The exact bytes of an entry. Raises NotFound."""
        return entries.read(self._sql, index)

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Index and exact bytes of the entries in [start, stop)."""
        with connection.explaining():
            for index, body, signer in entries.scan(self._sql, start, stop):
                yield index, entries.rebuild(index, body, signer)

    @connection.explaining()
    def find(self, event_id: str) -> int | None:
        """The entry of the event with this id."""
        return entries.find(self._sql, event_id)

    @connection.explaining()
    def header(self, height: int) -> Header:
        """The header of a height. Raises NotFound."""
        return blocks.read_header(self._sql, blocks.at_height(self._sql, height))

    @connection.explaining()
    def checkpoint_at(self, height: int) -> bytes:
        """The signed checkpoint that ends at the header of a height, with what members have said of it. Raises NotFound."""
        return self._attach(blocks.at_height(self._sql, height))

    @connection.explaining()
    def sealed_checkpoint(self, height: int) -> bytes:
        """The checkpoint of a height under the one line that it was sealed with. Raises NotFound."""
        return blocks.at_height(self._sql, height).checkpoint

    @connection.explaining()
    def cosignatures(self, height: int) -> dict[str, str]:
        """Signature lines on the checkpoint of a height, by organisation; "" for the log's own. Empty without a consortium."""
        return {**cosignatures.read(self._sql, height), **self.beside(height)}

    @connection.explaining()
    def membership_heights(self) -> list[int]:
        """The heights whose headers name a set of members, ascending: 0 where the genesis does."""
        return memberships.scan(self._sql)

    @connection.explaining()
    def validators_before(self, height: int) -> Validators | None:
        """The members who judge the checkpoint of a height: those in force before its block. None where there were none."""
        found = memberships.last_before(self._sql, max(height, 1))
        return None if found is None else memberships.read(self.header(found))

    def cosigners_of(self, height: int) -> Validators | None:
        """The members whose cosignatures stand on the checkpoint of a height: those who judge it.

        Where a ledger moved in, its one operator signed the block that names the first members; they judged all of it before they
        began there, and their lines stand beside his. None for what is older than any member.
        """
        judges = self.validators_before(height)
        return memberships.read(self.header(height)) if judges is None else judges

    @property
    def changed(self) -> int:
        """The size of the newest checkpoint before this one that changed the members; 0 where none did."""
        return trail.find_change(self)

    def path(self, *, named: bool = False) -> tuple[Step, ...]:
        """How the members came to be those who judge this view's checkpoint (trail.prove_path); empty without members."""
        return trail.prove_path(self, named=named)

    @connection.explaining()
    def tile(self, tile: Tile) -> bytes:
        """The hashes of a tile, 32 bytes each, as kept: nothing is hashed. Raises NotFound where the tree has fewer of them."""
        return self._cache.read_base(self._sql, self._open_tiles, tile)

    @connection.explaining()
    def sealed_by(self, index: int) -> int:
        """The height of the block that sealed an entry. Raises NotFound."""
        return blocks.sealing(self._sql, index).height

    @connection.explaining()
    def height_at(self, time: str) -> int | None:
        """The newest height whose header time is at or before `time`."""
        row = blocks.last_before(self._sql, time)
        return None if row is None else row.height

    @connection.explaining()
    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """The proof that entry `index` is in the tree of `size` entries."""
        return self._build(merkle.plan_inclusion(index, self._within(size)))

    @connection.explaining()
    def inclusions(self, indices: Iterable[int], size: int) -> list[tuple[bytes, ...]]:
        """The same for several entries: what their proofs share is read once."""
        plans = [merkle.plan_inclusion(index, self._within(size)) for index in indices]
        wanted = {subtree for plan in plans for subtree in plan}
        hashes = self._cache.read_subtrees(self._sql, self._open_tiles, wanted)
        return [merkle.build(plan, hashes) for plan in plans]

    @connection.explaining()
    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """The proof that the tree of `new` entries extends that of `old` ones."""
        return self._build(merkle.plan_consistency(old, self._within(new)))

    @connection.explaining()
    def record(self, stream: str) -> bytes | None:
        """The record of a stream, canonical, without a proof."""
        return records.read(self._sql, state_map.key(stream))

    @connection.explaining()
    def prove_state(self, stream: str) -> StateProof:
        """The proof of a stream's record, or of its absence, under the newest header."""
        key = state_map.key(stream)
        rows = records.read_ranges(self._sql, self._map.plan_proof(key))
        path = self._map.prove(key, [(each, leaf) for each, _, leaf in rows])
        value = next((records.check(*row) for row in rows if row[0] == path.end), None)
        if path.end == key and value is not None:
            return state_map.prove_presence(stream, value, path)
        return state_map.prove_absence(stream, value, path)

    def _attach(self, block: BlockRow) -> bytes:
        lines = self.cosignatures(block.height)
        return checkpoint.attach(block.checkpoint, lines.values()) if lines else block.checkpoint

    def _within(self, size: int) -> int:
        if size > self.size:
            raise NotFound(f"the ledger has {self.size} entries, not {size}", code="no-such-size")
        return size

    def _build(self, plan: merkle.Plan) -> tuple[bytes, ...]:
        return merkle.build(plan, self._cache.read_subtrees(self._sql, self._open_tiles, plan))


def _nothing(height: int) -> Mapping[str, str]:
    return {}
