"""The RFC 6962 tree over raw 32-byte SHA-256 hashes (RFC 9162 section 2.1; docs/spec, section 8).

    leaves = [leaf(entry) for entry in entries]
    frontier = Frontier().extend(leaves)                      # all that a growing tree must remember: log2(size) hashes
    plan = plan_inclusion(3, frontier.size)                   # which perfect subtrees a proof needs ...
    proof = build(plan, read(plan))                           # ... read in one batch, folded into the proof's hashes
    check_inclusion(leaves[3], 3, frontier.size, proof, frontier.root())

Planning, building and checking are arithmetic; reading belongs to the caller. Only perfect subtrees are ever read, because
only they never change again while the tree grows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256

import msgspec

from muniment.errors import InvalidInput, VerificationError

HASH_BYTES = 32
EMPTY = sha256(b"").digest()

_INCLUSION_STEP = 7
_CONSISTENCY_STEP = 5
_lengths = frozenset({HASH_BYTES})


class Subtree(msgspec.Struct, frozen=True, order=True, gc=False):
    """A perfect subtree: the 2**level leaves that start at leaf number index * 2**level."""

    level: int
    index: int


class Plan(msgspec.Struct, frozen=True):
    """What a proof is made of: one part for each of its hashes, in the proof's order.

    A part is the perfect subtrees, left to right, that fold into that hash: one subtree nearly always, several where the hash
    stands for an imperfect subtree at the tree's right edge. Iterating over a plan gives every subtree to read, each once.
    """

    parts: tuple[tuple[Subtree, ...], ...]

    def __iter__(self) -> Iterator[Subtree]:
        for part in self.parts:
            yield from part


class Frontier(msgspec.Struct, frozen=True):
    """A tree's size and the hashes of the perfect subtrees that `plan_frontier(size)` names, left to right.

    It is enough to append leaves and to compute the root. A frontier is a value: growing one gives a new one.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """The frontier after one more leaf hash. Raises InvalidInput (`bad-hash`)."""
        _check_hashes((leaf,))
        hash_, hashes, remaining = leaf, list(self.hashes), self.size
        while remaining & 1:
            hash_ = sha256(b"\x01" + hashes.pop() + hash_).digest()
            remaining >>= 1
        return Frontier(self.size + 1, (*hashes, hash_))

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """The frontier after these leaf hashes: about one hash call a leaf. Raises InvalidInput (`bad-hash`)."""
        row = list(leaves)
        if len(row) == 1:
            return self.append(row[0])
        _check_hashes(row)
        size, remaining = self.size + len(row), self.size
        left, right = list(self.hashes), list[bytes]()
        while row:
            # `row` holds the new hashes of one level, without a gap: an unpaired old one joins them in front,
            # an unpaired last one stays behind as part of the new frontier.
            if remaining & 1:
                row.insert(0, left.pop())
            if len(row) & 1:
                right.append(row.pop())
            pairs = iter(row)
            row = [sha256(b"\x01" + a + b).digest() for a, b in zip(pairs, pairs, strict=True)]
            remaining >>= 1
        return Frontier(size, (*left, *reversed(right)))

    def root(self) -> bytes:
        """The tree's root; SHA-256 of nothing for the empty tree (RFC 9162 section 2.1.1)."""
        return _fold(self.hashes) if self.hashes else EMPTY


def leaf(entry: bytes) -> bytes:
    """The leaf hash of an entry's bytes: SHA-256(0x00 | entry)."""
    return sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256(0x01 | left | right)."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Iterable[bytes]) -> bytes:
    """The root of the tree with these leaf hashes."""
    return Frontier().extend(leaves).root()


def resume(size: int, hashes: Iterable[bytes]) -> Frontier:
    """Continue a frontier from what was stored. Raises InvalidInput where the hashes cannot be those of this size."""
    kept = tuple(hashes)
    _check_hashes(kept)
    if size < 0 or len(kept) != size.bit_count():
        raise InvalidInput(f"{len(kept)} hashes are no frontier of a tree of size {size}", code="bad-frontier")
    return Frontier(size, kept)


def plan_frontier(size: int) -> tuple[Subtree, ...]:
    """The perfect subtrees, left to right, whose hashes are the frontier of a tree of this size."""
    if size < 0:
        raise InvalidInput(f"a tree cannot have the size {size}", code="bad-size")
    return _cover(0, size)


def plan_inclusion(index: int, size: int) -> Plan:
    """Plan the proof that leaf `index` is in the tree of `size` leaves (RFC 9162 section 2.1.3.1).

    Raises InvalidInput unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise InvalidInput(f"a tree of size {size} has no leaf {index}", code="bad-index")
    return Plan(tuple(_walk(0, index, size)))


def plan_consistency(old: int, new: int) -> Plan:
    """Plan the proof that the tree of `new` leaves extends the one of `old` (RFC 9162 section 2.1.4.1).

    Equal sizes need no hash. Raises InvalidInput unless 0 < old <= new: the empty tree is a prefix of every tree, so there
    is nothing to prove.
    """
    if not 0 < old <= new:
        raise InvalidInput(f"there is no consistency proof from size {old} to size {new}", code="bad-size")
    if old == new:
        return Plan(())
    # The proof starts from the largest perfect subtree that ends where the old tree ends. Where that is the whole old
    # tree, the checker already holds its hash: the old root.
    level = (old & -old).bit_length() - 1
    index = (old - 1) >> level
    start = ((Subtree(level, index),),) if index else ()
    return Plan((*start, *_walk(level, index, new)))


def build(plan: Plan, hashes: Mapping[Subtree, bytes]) -> tuple[bytes, ...]:
    """Fold the hashes that were read into the proof. Raises InvalidInput (`missing-hash`, `bad-hash`)."""
    try:
        proof = tuple([hashes[part[0]] if len(part) == 1 else _fold([hashes[subtree] for subtree in part]) for part in plan.parts])
    except KeyError as error:
        raise InvalidInput(f"the hash of {error} was planned and not read", code="missing-hash") from None
    _check_hashes(proof)
    return proof


def prove_inclusion(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The inclusion proof of leaf `index` in the tree with these leaf hashes, where all of them are at hand."""
    plan = plan_inclusion(index, len(leaves))
    return build(plan, _read(plan, leaves))


def prove_consistency(leaves: Sequence[bytes], old: int) -> tuple[bytes, ...]:
    """The proof that the tree with these leaf hashes extends the one of its first `old` leaves."""
    plan = plan_consistency(old, len(leaves))
    return build(plan, _read(plan, leaves))


def fold_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that this proof gives to the leaf hash (RFC 9162 section 2.1.3.2).

    Raises InvalidInput for a hash that is not 32 bytes, and VerificationError (step 7: `inclusion-index`,
    `inclusion-length`) where the proof cannot belong to such a leaf and tree.
    """
    _check_hashes((leaf, *proof))
    if not 0 <= index < size:
        raise VerificationError(f"a tree of size {size} has no leaf {index}", step=_INCLUSION_STEP, code="inclusion-index")
    path, length = _shape(index, size)
    if len(proof) != length:
        raise VerificationError(
            f"the inclusion proof has {len(proof)} hashes, leaf {index} of {size} needs {length}",
            step=_INCLUSION_STEP,
            code="inclusion-length",
        )
    return _climb(leaf, path, proof)


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that leaf `index` of the tree with this size and root has this leaf hash.

    Raises what `fold_inclusion` raises, and VerificationError (step 7, `inclusion-root`).
    """
    if fold_inclusion(leaf, index, size, proof) != root:
        raise VerificationError(
            f"the inclusion proof of leaf {index} does not lead to the root of the tree of size {size}",
            step=_INCLUSION_STEP,
            code="inclusion-root",
        )


def fold_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes) -> tuple[bytes, bytes]:
    """The old and the new root that this proof gives (RFC 9162 section 2.1.4.2).

    The first is only then the old root that the caller holds when the two are equal: compare both. Raises InvalidInput for a
    hash that is not 32 bytes, and VerificationError (step 5: `consistency-size` unless 0 < old <= new,
    `consistency-length`).
    """
    _check_hashes(proof)
    if not 0 < old <= new:
        raise VerificationError(
            f"nothing can be proved between the sizes {old} and {new}", step=_CONSISTENCY_STEP, code="consistency-size"
        )
    level = (old & -old).bit_length() - 1
    index = (old - 1) >> level
    path, length = _shape(index, ((new - 1) >> level) + 1)
    start = 1 if index else 0
    wanted = start + length if old < new else 0
    if len(proof) != wanted:
        raise VerificationError(
            f"the consistency proof has {len(proof)} hashes, from size {old} to {new} it needs {wanted}",
            step=_CONSISTENCY_STEP,
            code="consistency-length",
        )
    if old == new:
        return old_root, old_root
    _check_hashes((old_root,))
    seed = proof[0] if start else old_root
    rest = proof[start:]
    # The old tree ends with the seed: of what lies beside the way up, it has only what lies on the left.
    before = [sibling for height, sibling in enumerate(rest) if path >> height & 1]
    return _climb(seed, -1, before), _climb(seed, path, rest)


def check_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree of `new` leaves extends the one of `old` leaves: nothing was changed or removed.

    Raises what `fold_consistency` raises, and VerificationError (step 5: `consistency-old-root`, `consistency-new-root`).
    """
    before, after = fold_consistency(old, new, proof, old_root)
    if before != old_root:
        raise VerificationError(
            f"the consistency proof does not lead to the root of the old tree, of size {old}",
            step=_CONSISTENCY_STEP,
            code="consistency-old-root",
        )
    if after != new_root:
        raise VerificationError(
            f"the tree of size {new} does not extend the one of size {old}",
            step=_CONSISTENCY_STEP,
            code="consistency-new-root",
        )


def _cover(start: int, stop: int) -> tuple[Subtree, ...]:
    """The perfect subtrees, left to right and ever smaller, that cover the leaves from `start` to a tree's edge `stop`."""
    found = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        found.append(Subtree(level, start >> level))
        start += 1 << level
    return tuple(found)


def _walk(level: int, index: int, size: int) -> Iterator[tuple[Subtree, ...]]:
    """From a subtree up to the root of the tree of `size` leaves: what stands beside each step, as parts of a plan."""
    last = (size - 1) >> level
    while last:
        if index & 1:
            yield (Subtree(level, index - 1),)
        elif index < last:
            sibling = index + 1
            whole = (sibling + 1) << level <= size
            yield (Subtree(level, sibling),) if whole else _cover(sibling << level, size)
        # else: at the right edge, without a sibling, a node stands for itself one level up.
        level, index, last = level + 1, index >> 1, last >> 1


def _shape(index: int, size: int) -> tuple[int, int]:
    """How a proof of leaf `index` of `size` climbs: bit i says whether its hash i stands on the left; and its length.

    Below the point where the ways to the leaf and to the last leaf part, every level has a sibling on the side that the
    index says; above, only those on the left exist.
    """
    inner = (index ^ (size - 1)).bit_length()
    return index | -1 << inner, inner + (index >> inner).bit_count()


def _climb(hash_: bytes, path: int, siblings: Iterable[bytes]) -> bytes:
    """Fold siblings into a hash, bottom up; bit i of `path` says that sibling i stands on the left."""
    for sibling in siblings:
        # `node`, written out: this loop is what a verifier does most.
        hash_ = sha256(b"\x01" + sibling + hash_ if path & 1 else b"\x01" + hash_ + sibling).digest()
        path >>= 1
    return hash_


def _fold(hashes: Sequence[bytes]) -> bytes:
    """Fold the hashes of adjoining subtrees, ever smaller from left to right, into one."""
    folded = hashes[-1]
    for left in reversed(hashes[:-1]):
        folded = sha256(b"\x01" + left + folded).digest()
    return folded


def _read(plan: Plan, leaves: Sequence[bytes]) -> dict[Subtree, bytes]:
    return {subtree: root(leaves[subtree.index << subtree.level : (subtree.index + 1) << subtree.level]) for subtree in plan}


def _check_hashes(hashes: Sequence[bytes]) -> None:
    # Without fixed lengths, moving a byte from one hash to its neighbour would leave the parent's hash as it is.
    if not _lengths.issuperset(map(len, hashes)):
        wrong = next(len(hash_) for hash_ in hashes if len(hash_) != HASH_BYTES)
        raise InvalidInput(f"a hash has {wrong} bytes instead of {HASH_BYTES}", code="bad-hash")
