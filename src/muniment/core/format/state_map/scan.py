"""The map's root from all its records at once, for fsck, state sync and tests (docs/spec, section 9).

    bulk([(key(name), leaf(key(name), value)), ...])     # sorted by key

A map of n records takes exactly n - 1 node hashes.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from itertools import groupby

from muniment.core.format.state_map.rule import EMPTY, KEY_BITS, NODE
from muniment.errors import InvalidInput

CELL_DEPTH = 12
CELLS = 1 << CELL_DEPTH
NO_CELL = bytes(32)

Row = tuple[bytes, bytes]
"""A record as the tree sees it: its key and its leaf, 32 bytes each."""


def bulk(rows: Iterable[Row]) -> bytes:
    """The root of the records `rows`, whose keys must strictly ascend (else InvalidInput, code "record-order")."""
    source = iter(rows)
    first = next(source, None)
    if first is None:
        return EMPTY
    # The open nodes on the way down to the newest leaf: each one's depth, and the finished hash on its left.
    depths: list[int] = []
    lefts: list[bytes] = []
    before, node = int.from_bytes(first[0], "big"), first[1]
    for key, leaf in source:
        bits = int.from_bytes(key, "big")
        if bits <= before:
            raise InvalidInput("records must come in strictly ascending order of their keys", code="record-order")
        depth = KEY_BITS - (bits ^ before).bit_length()
        while depths and depths[-1] > depth:
            node = sha256(NODE[depths.pop()] + lefts.pop() + node).digest()
        depths.append(depth)
        lefts.append(node)
        before, node = bits, leaf
    while depths:
        node = sha256(NODE[depths.pop()] + lefts.pop() + node).digest()
    return node


def bulk_cells(rows: Iterable[Row]) -> list[bytes]:
    """The 4,096 hashes at depth 12, 32 zero bytes where no key lies below; the same order rule as `bulk`."""
    cells = [NO_CELL] * CELLS
    newest = -1
    for cell, below in groupby(rows, _cell):
        if cell <= newest:
            raise InvalidInput("records must come in strictly ascending order of their keys", code="record-order")
        cells[cell] = bulk(below)
        newest = cell
    return cells


def _cell(row: Row) -> int:
    return int.from_bytes(row[0][:2], "big") >> 4
