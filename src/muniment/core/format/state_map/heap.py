"""The nodes of the state map's cache as one flat list (docs/spec, section 9).

Node 1 is the root; node i, at depth i.bit_length() - 1, has the children 2i and 2i + 1. An item is the hash of what lies
below that prefix, b"" where nothing does: where only one side of a node has records, its hash passes through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from muniment.core.format.state_map.rule import KEY_BITS, NODE, divergence
from muniment.core.format.state_map.scan import CELL_DEPTH, CELLS, NO_CELL, Row, bulk
from muniment.errors import CorruptStore, InvalidInput

ROWS = 256
ROW_CELLS = CELLS // ROWS
ROW_BYTES = 32 * ROW_CELLS
MAX_DEPTH = 18

# Keys are placed by their first 24 bits, which no node of the cache is deeper than; TOP stands for the root above them.
PREFIX_BITS = 24
TOP = 1 << PREFIX_BITS

Groups = dict[int, list[Row]]
"""Records by the node of the cache's deepest level, their bucket, that they lie below."""


def cache_depth(count: int) -> int:
    """How deep the cache goes for this many records: about one record a bucket, up to 2^18 buckets."""
    return min(MAX_DEPTH, max(CELL_DEPTH, count.bit_length()))


def decode_rows(rows: Sequence[bytes], depth: int) -> list[bytes]:
    """A heap down to `depth` over the 256 stored rows, or over none for an empty map: its lower part is still empty."""
    if rows and (len(rows) != ROWS or any(len(row) != ROW_BYTES for row in rows)):
        raise CorruptStore("the table of cells is not 256 rows of 512 bytes", details={"table": "cell"})
    heap = [b""] * (2 << depth)
    if rows:
        heap[CELLS : 2 * CELLS] = [hash_ for row in rows for hash_ in decode_row(row)]
        sweep(heap, list(range(CELLS, 2 * CELLS)), CELL_DEPTH)
    return heap


def decode_row(row: bytes) -> list[bytes]:
    """The 16 cells of a stored row of 512 bytes."""
    stored = [row[start : start + 32] for start in range(0, ROW_BYTES, 32)]
    return [b"" if hash_ == NO_CELL else hash_ for hash_ in stored]


def encode_row(heap: list[bytes], row_id: int) -> bytes:
    """The 512 bytes to store for a row."""
    start = CELLS + row_id * ROW_CELLS
    cells = heap[start : start + ROW_CELLS]
    row = b"".join(cells)
    # Beyond a few ten thousand records no cell is empty.
    return row if len(row) == ROW_BYTES else b"".join([hash_ or NO_CELL for hash_ in cells])


def sweep(heap: list[bytes], nodes: list[int], depth: int) -> tuple[list[int], list[bytes]]:
    """Recompute everything above `nodes`, sorted nodes at `depth`; returns what was replaced and what it was."""
    touched: list[int] = []
    before: list[bytes] = []
    while depth:
        depth -= 1
        prefix = NODE[depth]
        above: list[int] = []
        newest = 0
        for node in nodes:
            parent = node >> 1
            if parent == newest:
                continue
            newest = parent
            above.append(parent)
            before.append(heap[parent])
            mine = heap[node]
            beside = heap[node ^ 1]
            if mine and beside:
                heap[parent] = sha256(prefix + beside + mine if node & 1 else prefix + mine + beside).digest()
            else:
                heap[parent] = mine or beside
        touched += above
        nodes = above
    return touched, before


def grow(leaves: list[bytes], depth: int, top: int) -> list[list[bytes]]:
    """All levels from neighbouring hashes at `depth` up to depth `top`, the deepest first."""
    levels = [leaves]
    while depth > top:
        depth -= 1
        prefix = NODE[depth]
        pairs = zip(leaves[::2], leaves[1::2], strict=True)
        leaves = [sha256(prefix + left + right).digest() if left and right else left or right for left, right in pairs]
        levels.append(leaves)
    return levels


def walk(heap: list[bytes], node: int, prefix: int, start: int, stop: int) -> int:
    """From `node` at depth `start` down to depth `stop` by the bits of a key's prefix, 24 bits under a leading 1.

    Where one side is empty the tree has no node, so the walk takes the other whatever the bit.
    """
    for shift in range(PREFIX_BITS - 1 - start, PREFIX_BITS - 1 - stop, -1):
        node += node + (prefix >> shift & 1)
        if not heap[node]:
            node ^= 1
    return node


def gather(heap: list[bytes], node: int) -> tuple[list[int], list[bytes]]:
    """The depths of the tree's nodes above `node`, top first, and the hash on the other side of each."""
    beside = [heap[node >> shift ^ 1] for shift in range(node.bit_length() - 2, -1, -1)]
    return [depth for depth, hash_ in enumerate(beside) if hash_], [hash_ for hash_ in beside if hash_]


def group(rows: Iterable[Row], depth: int) -> Groups:
    """The records of each bucket at `depth` that has any, in the order given."""
    shift = PREFIX_BITS - depth
    groups: Groups = {}
    for row in rows:
        node = (TOP | int.from_bytes(row[0][:3], "big")) >> shift
        if node in groups:
            groups[node].append(row)
        else:
            groups[node] = [row]
    return groups


def fold_rows(rows: Sequence[Row]) -> bytes:
    """`bulk`, sooner done for the one or two records that most buckets have."""
    if len(rows) == 1:
        return rows[0][1]
    if len(rows) == 2:
        (one, left), (other, right) = rows
        if one < other:
            return sha256(NODE[divergence(one, other)] + left + right).digest()
    return bulk(rows)


def refold(rows: Sequence[Row], leaves: Mapping[bytes, bytes]) -> tuple[bytes, bytes]:
    """The root of ascending records, and what it becomes when those of `leaves` that are among them are set.

    One pass for both, since the keys alone give the tree its form. InvalidInput as in `bulk`.
    """
    if len(rows) == 2:
        (one, left), (other, right) = rows
        if one < other:
            prefix = NODE[divergence(one, other)]
            old = sha256(prefix + left + right).digest()
            return old, sha256(prefix + leaves.get(one, left) + leaves.get(other, right)).digest()
    depths: list[int] = []
    lefts: list[tuple[bytes, bytes]] = []
    key, old = rows[0]
    before, new = int.from_bytes(key, "big"), leaves.get(key, old)
    for key, leaf in rows[1:]:
        bits = int.from_bytes(key, "big")
        if bits <= before:
            raise InvalidInput("records must come in strictly ascending order of their keys", code="record-order")
        depth = KEY_BITS - (bits ^ before).bit_length()
        while depths and depths[-1] > depth:
            old, new = _join(depths.pop(), lefts.pop(), old, new)
        depths.append(depth)
        lefts.append((old, new))
        before, old, new = bits, leaf, leaves.get(key, leaf)
    while depths:
        old, new = _join(depths.pop(), lefts.pop(), old, new)
    return old, new


def descend(rows: list[Row], key: bytes) -> tuple[list[int], list[bytes], bytes]:
    """The walk of `key` through one or more ascending records: depths, siblings, and the key where it ends."""
    bits = int.from_bytes(key, "big")
    depths: list[int] = []
    siblings: list[bytes] = []
    while len(rows) > 1:
        depth = divergence(rows[0][0], rows[-1][0])
        byte, mask = depth >> 3, 128 >> (depth & 7)
        middle = next(place for place, row in enumerate(rows) if row[0][byte] & mask)
        depths.append(depth)
        if bits >> (KEY_BITS - 1 - depth) & 1:
            siblings.append(fold_rows(rows[:middle]))
            rows = rows[middle:]
        else:
            siblings.append(fold_rows(rows[middle:]))
            rows = rows[:middle]
    return depths, siblings, rows[0][0]


def _join(depth: int, left: tuple[bytes, bytes], old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """A node over a left and a right side, as it was and as it becomes."""
    prefix, (old_left, new_left) = NODE[depth], left
    joined = sha256(prefix + old_left + old).digest()
    if old_left is new_left and old is new:
        return joined, joined
    return joined, sha256(prefix + new_left + new).digest()
