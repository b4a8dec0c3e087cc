"""The hash rules of the state map: a Merkle crit-bit tree (docs/spec, section 9.1).

    key  = SHA-256(UTF-8 stream name)
    leaf = SHA-256(0x02 | key | SHA-256(value))
    node = SHA-256(0x03 | u8(depth) | left | right)     depth: the first bit in which the keys below differ; left has bit 0
    head = SHA-256(0x04 | head before | u64be(index) | entry leaf)

One record's root is its leaf; the root of no record is SHA-256(""). Bits are read most significant first. Nothing is
padded and no empty hash enters a node, so the root is a function of the set of records alone.
"""

from __future__ import annotations

from hashlib import sha256

from muniment.errors import InvalidInput

EMPTY = sha256(b"").digest()
KEY_BITS = 256
# What the hash of a node at each depth begins with.
NODE = tuple(bytes((0x03, depth)) for depth in range(KEY_BITS))

_LEAF = b"\x02"
_HEAD = b"\x04"


def key(name: str) -> bytes:
    """The 32-byte key of a stream. Raises InvalidInput for a name that has no UTF-8 form."""
    try:
        return sha256(name.encode()).digest()
    except UnicodeEncodeError:
        raise InvalidInput("a stream name is not valid Unicode text", code="not-unicode") from None


def leaf(key: bytes, value: bytes) -> bytes:
    """The leaf of the record whose canonical bytes are `value`."""
    return sha256(_LEAF + key + sha256(value).digest()).digest()


def leaf_of_digest(key: bytes, digest: bytes) -> bytes:
    """The leaf of a record of which only SHA-256(value) is known: the neighbour that an absence proof names."""
    return sha256(_LEAF + key + digest).digest()


def fold(head: bytes, index: int, leaf: bytes) -> bytes:
    """The running head after the entry at `index` (0 to 2^64 - 1) with the RFC 6962 leaf hash `leaf`. Before any it is the key."""
    return sha256(_HEAD + head + index.to_bytes(8, "big") + leaf).digest()


def divergence(one: bytes, other: bytes) -> int:
    """The first bit in which two keys differ; 256 for equal keys."""
    return KEY_BITS - (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_length()
