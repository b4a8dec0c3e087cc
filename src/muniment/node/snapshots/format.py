"""Snapshots of format 1: the ledger at a height of the consensus engine, as its C2SP entry bundles.

A snapshot is all entries that the ledger had at that height. Chunk i is the entry bundle i of their tree, deflated; the
metadata is the hash of each bundle's subtree, so whoever holds the application hash (the root over all entries) knows before
the first chunk that the list is right, and of each chunk by itself whether it is. The hash of the snapshot is that root.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec

from muniment.core.format import merkle, tiles
from muniment.core.format.encoding import MAX_ENTRY_BYTES
from muniment.core.format.merkle import HASH_BYTES
from muniment.errors import InvalidInput

FORMAT = 1
MAX_CHUNKS = 100_000
"""What the engine takes by default: 25,600,000 entries."""

MAX_BUNDLE_BYTES = tiles.WIDTH * (MAX_ENTRY_BYTES + 2)
"""Deflated, even a bundle of the longest entries is within the 16,000,000 bytes of a message: they are all base64 or digits."""

_LEVEL = 1  # entries deflate to about half; more effort takes time from the node that serves


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot as nodes name it to each other: `height` of the engine, number of `chunks`, `hash` (32 bytes), `metadata`."""

    height: int
    format: int
    chunks: int
    hash: bytes
    metadata: bytes


def describe(height: int, bundles: Sequence[bytes]) -> Offer:
    """The snapshot of a height, from the subtree hash of each of its bundles."""
    return Offer(height=height, format=FORMAT, chunks=len(bundles), hash=merkle.root(bundles), metadata=b"".join(bundles))


def open_metadata(offer: Offer, root: bytes) -> tuple[bytes, ...]:
    """The subtree hash of each bundle, where they lead to the root that is known to be right.

    Raises InvalidInput (`bad-snapshot`): whoever offered it is mistaken or lies.
    """
    metadata = offer.metadata
    bundles = tuple([metadata[at : at + HASH_BYTES] for at in range(0, len(metadata), HASH_BYTES)])
    if not 1 <= offer.chunks <= MAX_CHUNKS or len(metadata) != offer.chunks * HASH_BYTES:
        raise _bad(f"its {len(metadata)} bytes of metadata do not name {offer.chunks} chunks")
    # All bundles but the last are perfect subtrees of one size, so they fold like leaves.
    if offer.hash != root or merkle.root(bundles) != root:
        raise _bad("it does not lead to the application hash of its height")
    return bundles


def encode_chunk(entries: Sequence[bytes]) -> bytes:
    """A chunk: an entry bundle, deflated (zlib)."""
    return zlib.compress(tiles.encode_bundle(entries), _LEVEL)


def decode_chunk(raw: bytes, bundle: bytes, *, full: bool) -> tuple[bytes, ...]:
    """The entries of a chunk, where they are those of the subtree hash `bundle`. Raises InvalidInput (`bad-chunk`).

    full: every bundle but the last holds 256 entries
    """
    inflating = zlib.decompressobj()
    try:
        plain = inflating.decompress(raw, MAX_BUNDLE_BYTES)
        entries = tiles.decode_bundle(plain)
    except (zlib.error, InvalidInput) as error:
        raise InvalidInput(f"a chunk of a snapshot cannot be read: {error}", code="bad-chunk") from None
    if not inflating.eof or inflating.unused_data or (full and len(entries) != tiles.WIDTH):
        raise InvalidInput("a chunk of a snapshot is cut, or holds something else beside", code="bad-chunk")
    if merkle.root([merkle.leaf(each) for each in entries]) != bundle:
        raise InvalidInput("a chunk of a snapshot holds other entries than its hash says", code="bad-chunk")
    return entries


def _bad(reason: str) -> InvalidInput:
    return InvalidInput(f"a snapshot was offered that cannot be: {reason}", code="bad-snapshot")
