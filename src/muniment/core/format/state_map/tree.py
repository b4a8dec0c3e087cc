"""The state map in memory: plan -> read -> build, then commit or roll back (docs/spec, section 9).

The table of records ordered by key is the bottom of the tree. Stored above it are only the 4,096 nodes at depth 12, the
*cells*, as 256 rows of 16 hashes. Everything else is this cache, whose deepest nodes are *buckets* of about one record.
A cell is cold until its records have been read once and have folded to its stored hash; from then on a change needs the
records of one bucket only, and these must fold to what is cached.

    tree = Tree.decode(stored_rows, count)
    ranges = tree.plan(keys)                    # which records to read
    change = tree.build(ranges, rows, leaves)   # rows: what was read; leaves: what to set
    ...                                         # one transaction writes the records and change.cells
    tree.commit(change)                         # or tree.rollback(change)

A row's leaf is taken as stored. Whoever relies on a record's value hashes it and compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from muniment.core.format.state_map.heap import (
    PREFIX_BITS,
    ROW_BYTES,
    ROW_CELLS,
    ROWS,
    TOP,
    Groups,
    cache_depth,
    decode_row,
    decode_rows,
    descend,
    encode_row,
    fold_rows,
    gather,
    group,
    grow,
    refold,
    sweep,
    walk,
)
from muniment.core.format.state_map.rule import EMPTY
from muniment.core.format.state_map.scan import CELL_DEPTH, CELLS, Row
from muniment.errors import CorruptStore, InvalidInput, InvariantError

_REST = b"\xff" * 29
_NOTHING: tuple[Row, ...] = ()
_CELL_SPAN = (1 << (PREFIX_BITS - CELL_DEPTH)) - 1

Range = tuple[bytes, bytes]
"""Read the records with low <= key <= high, compared as bytes. `low` has 3 bytes, `high` has 32."""


class Change(msgspec.Struct, frozen=True, gc=False):
    """A new root that is not settled yet, and what the store must write for it."""

    root: bytes
    cells: dict[int, bytes]
    """Row id (0 to 255) to its new 512 bytes."""
    added: int
    """How many of the leaves belong to keys that the map did not have."""
    nodes: list[int]
    hashes: list[bytes]
    """Which nodes were replaced in memory, and what each of them was, to undo it."""


class Path(msgspec.Struct, frozen=True, gc=False):
    """The walk of one key from the root: the depths of its nodes, top first, and the hash on the other side of each."""

    depths: tuple[int, ...]
    siblings: tuple[bytes, ...]
    end: bytes | None
    """The key where the walk ends: the one asked for if it is present, else its neighbour; None in the empty map."""


class Tree:
    """The cache over one store, for one thread. Make it with `Tree.decode`."""

    def __init__(self, heap: list[bytes], depth: int, count: int) -> None:
        self._heap = heap
        self._depth = depth
        self._count = count
        self._warm = bytearray(CELLS)
        self._stale: set[int] = set()
        self._pending: Change | None = None

    @classmethod
    def decode(cls, rows: Sequence[bytes], count: int) -> Tree:
        """A tree over the 256 stored rows in order, or over none for an empty map. Raises CorruptStore for odd sizes.

        `count`, the number of records, only tunes the cache: a wrong number costs time or memory, never a root.
        """
        depth = cache_depth(count)
        return cls(decode_rows(rows, depth), depth, count)

    @property
    def count(self) -> int:
        """The number of records, as far as this process was told."""
        return self._count

    def root(self) -> bytes:
        """The root with everything that was built, rolled back or replaced so far."""
        self._refresh()
        return self._heap[1] or EMPTY

    def plan(self, keys: Iterable[bytes]) -> list[Range]:
        """The ranges of records that `build` needs to set `keys`: sorted, without overlap, neighbours merged.

        They hold every record of these keys, so that one read feeds the rules too.
        """
        warm = self._warm
        shift = PREFIX_BITS - self._depth
        bucket_span = (1 << shift) - 1
        spans: dict[int, int] = {}
        for key in keys:
            prefix = int.from_bytes(key[:3], "big")
            if warm[prefix >> 12]:
                low = prefix >> shift << shift
                spans[low] = low + bucket_span
            else:
                low = prefix & ~_CELL_SPAN
                spans[low] = low + _CELL_SPAN
        merged: list[tuple[int, int]] = []
        end = -2
        for low in sorted(spans):
            start = merged.pop()[0] if low == end + 1 else low
            end = spans[low]
            merged.append((start, end))
        return [_bounds(start, end) for start, end in merged]

    def build(self, ranges: Sequence[Range], rows: Iterable[Row], leaves: Mapping[bytes, bytes]) -> Change:
        """Set `leaves` (key to leaf) in memory and return what the store must write.

        `rows` are all stored records of `ranges` by ascending key; `ranges` came from `plan` for at least these keys.
        Raises CorruptStore, with no hash changed, when the records do not fold to what the map has for them.
        """
        self._check_settled()
        self._refresh()
        depth, heap, warm = self._depth, self._heap, self._warm
        groups = group(rows, depth)
        self._warm_up(ranges, groups)
        changed = group(leaves.items(), depth)
        added = 0
        roots: list[bytes] = []
        shift = depth - CELL_DEPTH
        nodes = sorted(changed)
        covered = 0 not in warm
        for node in nodes:
            if not covered and not warm[(node >> shift) - CELLS]:
                raise InvariantError("a leaf to set lies outside the ranges that were read")
            new, old = changed[node], groups.get(node, _NOTHING)
            if len(old) == 1 == len(new) and old[0][0] == new[0][0]:
                if old[0][1] != heap[node]:
                    raise _corrupt(node)
                roots.append(new[0][1])
                continue
            stored, root = _refold_stored(node, old, leaves)
            if stored != heap[node]:
                raise _corrupt(node)
            fresh = len(new) - sum([row[0] in leaves for row in old])
            if fresh:
                added += fresh
                root = fold_rows(sorted({**dict(old), **dict(new)}.items()))
            roots.append(root)
        # Nothing can fail from here on, so the heap is never left half changed.
        before = [heap[node] for node in nodes]
        for node, root in zip(nodes, roots, strict=True):
            heap[node] = root
        above, hashes = sweep(heap, nodes, depth)
        row_ids = dict.fromkeys([node >> (depth - 8) & (ROWS - 1) for node in nodes])
        cells = {row_id: encode_row(heap, row_id) for row_id in row_ids}
        change = Change(heap[1] or EMPTY, cells, added, nodes + above, before + hashes)
        self._pending = change
        return change

    def commit(self, change: Change) -> None:
        """The transaction that wrote `change` is durable."""
        self._settle(change)
        self.resize(self._count + change.added)

    def rollback(self, change: Change) -> None:
        """The transaction came to nothing: put every node back."""
        self._settle(change)
        heap = self._heap
        for node, hash_ in zip(change.nodes, change.hashes, strict=True):
            heap[node] = hash_

    def replace(self, row_id: int, hashes: bytes) -> None:
        """Another process stored this row (512 bytes): take it over, and forget what was cached below a changed cell."""
        self._check_settled()
        if not 0 <= row_id < ROWS or len(hashes) != ROW_BYTES:
            raise CorruptStore(f"row {row_id} of the cells is not 512 bytes", details={"table": "cell", "row": row_id})
        for node, hash_ in enumerate(decode_row(hashes), CELLS + row_id * ROW_CELLS):
            if hash_ != self._heap[node]:
                self._heap[node] = hash_
                self._warm[node - CELLS] = 0
                self._stale.add(node)

    def resize(self, count: int) -> None:
        """Note the number of records. Where the cache grows deeper, every cell is cold again until it is next touched."""
        self._check_settled()
        self._count = count
        depth = cache_depth(count)
        if depth > self._depth:
            self._heap.extend([b""] * ((2 << depth) - len(self._heap)))
            self._warm = bytearray(CELLS)
            self._depth = depth

    def plan_proof(self, key: bytes) -> list[Range]:
        """The one range that `prove` needs, none in the empty map: where the walk of `key` ends.

        For an absent key this may be elsewhere than `plan` says, because the walk passes over empty sides.
        """
        self._refresh()
        if not self._heap[1]:
            return []
        node = self._locate(key)
        shift = PREFIX_BITS + 1 - node.bit_length()
        low = (node << shift) - TOP
        return [_bounds(low, low + (1 << shift) - 1)]

    def prove(self, key: bytes, rows: Iterable[Row]) -> Path:
        """The path of `key`, present or absent. `rows` are the stored records of `plan_proof(key)`; CorruptStore as in `build`."""
        self._check_settled()
        self._refresh()
        heap = self._heap
        if not heap[1]:
            return Path((), (), None)
        groups = group(rows, self._depth)
        node = self._locate(key)
        if node.bit_length() <= self._depth:
            self._warm_up(self.plan_proof(key), groups)
            node = self._locate(key)
        below = groups.get(node)
        if below is None or _fold_stored(node, below) != heap[node]:
            raise _corrupt(node)
        depths, siblings = gather(heap, node)
        inner_depths, inner_siblings, end = descend(below, key)
        return Path((*depths, *inner_depths), (*siblings, *inner_siblings), end)

    def _locate(self, key: bytes) -> int:
        """Where the walk of `key` leaves this cache: a bucket, or a cell that is cold."""
        heap, depth = self._heap, self._depth
        prefix = TOP | int.from_bytes(key[:3], "big")
        cell = prefix >> (PREFIX_BITS - CELL_DEPTH)
        bucket = prefix >> (PREFIX_BITS - depth)
        # A walk that never passes over an empty side ends under the key's own prefix: the common case, without walking.
        if self._warm[cell - CELLS] and heap[bucket]:
            return bucket
        node = cell if heap[cell] else walk(heap, 1, prefix, 0, CELL_DEPTH)
        return walk(heap, node, prefix, CELL_DEPTH, depth) if self._warm[node - CELLS] else node

    def _warm_up(self, ranges: Iterable[Range], groups: Groups) -> None:
        """Fill in what lies below each cold cell of `ranges`, once its records are shown to fold to its hash."""
        warm, heap, depth = self._warm, self._heap, self._depth
        width = 1 << (depth - CELL_DEPTH)
        for low, high in ranges:
            first = int.from_bytes(low[:2], "big") >> 4
            if warm[first] and low[:2] == high[:2]:
                continue
            for cell in range(first, (int.from_bytes(high[:2], "big") >> 4) + 1):
                if warm[cell]:
                    continue
                base = (CELLS + cell) * width
                buckets = [_fold_stored(node, groups[node]) if node in groups else b"" for node in range(base, base + width)]
                levels = grow(buckets, depth, CELL_DEPTH)
                if levels[-1][0] != heap[CELLS + cell]:
                    raise _corrupt(base)
                for level in levels:
                    heap[base : base + len(level)] = level
                    base >>= 1
                warm[cell] = 1

    def _refresh(self) -> None:
        """Bring the upper levels up to date with the rows that were replaced."""
        if self._stale:
            sweep(self._heap, sorted(self._stale), CELL_DEPTH)
            self._stale = set()

    def _check_settled(self) -> None:
        if self._pending is not None:
            raise InvariantError("the map has a change that was neither committed nor rolled back")

    def _settle(self, change: Change) -> None:
        if self._pending is not change:
            raise InvariantError("this is not the change that is pending")
        self._pending = None


def _bounds(low: int, high: int) -> Range:
    return low.to_bytes(3, "big"), high.to_bytes(3, "big") + _REST


def _fold_stored(node: int, rows: Sequence[Row]) -> bytes:
    """The root of the stored records below `node`."""
    try:
        return fold_rows(rows)
    except InvalidInput:
        raise _corrupt(node) from None


def _refold_stored(node: int, rows: Sequence[Row], leaves: Mapping[bytes, bytes]) -> tuple[bytes, bytes]:
    """The root of the stored records below `node`, if any, before and after `leaves` are set among them."""
    if len(rows) == 1:
        key, leaf = rows[0]
        return leaf, leaves.get(key, leaf)
    try:
        return refold(rows, leaves) if rows else (b"", b"")
    except InvalidInput:
        raise _corrupt(node) from None


def _corrupt(node: int) -> CorruptStore:
    cell = node >> (node.bit_length() - 1 - CELL_DEPTH) & (CELLS - 1)
    return CorruptStore(
        f"the records whose keys begin with {cell:03x} do not fold to the stored hash of cell {cell}",
        details={"table": "cell", "row": cell // ROW_CELLS, "cell": cell, "prefix": f"{cell:03x}"},
    )
