"""RFC 6962 tree: published values, shapes of proofs, and each refusal with its code."""

from __future__ import annotations

from hashlib import sha256

import pytest

from muniment.core.format import merkle
from muniment.core.format.merkle import Frontier, Plan, Subtree
from muniment.errors import InvalidInput, VerificationError

LEAVES = tuple(merkle.leaf(b"%d" % number) for number in range(300))
ROOTS = tuple(merkle.root(LEAVES[:size]) for size in range(300))

# The inputs and roots that Certificate Transparency's implementations share as their reference tree.
REFERENCE_ENTRIES = tuple(
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
)
REFERENCE_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize("size", REFERENCE_ROOTS)
def test_roots_are_the_published_ones(size: int) -> None:
    leaves = [merkle.leaf(entry) for entry in REFERENCE_ENTRIES[:size]]
    assert merkle.root(leaves).hex() == REFERENCE_ROOTS[size]
    assert Frontier().extend(leaves).root().hex() == REFERENCE_ROOTS[size]


def test_leaves_and_nodes_are_hashed_apart() -> None:
    assert sha256(b"").digest() == merkle.EMPTY
    assert merkle.leaf(b"x") == sha256(b"\x00x").digest()
    assert merkle.node(LEAVES[0], LEAVES[1]) == sha256(b"\x01" + LEAVES[0] + LEAVES[1]).digest()


def test_a_frontier_is_a_value() -> None:
    empty = Frontier()
    one = empty.append(LEAVES[0])
    assert (empty.size, empty.hashes, empty.root()) == (0, (), merkle.EMPTY)
    assert (one.size, one.hashes, one.root()) == (1, (LEAVES[0],), LEAVES[0])
    assert one.extend([]) == one


def test_a_frontier_holds_the_subtrees_of_its_plan() -> None:
    assert merkle.plan_frontier(0) == ()
    assert merkle.plan_frontier(7) == (Subtree(2, 0), Subtree(1, 2), Subtree(0, 6))
    frontier = Frontier().extend(LEAVES[:7])
    assert frontier.hashes == (merkle.root(LEAVES[:4]), merkle.root(LEAVES[4:6]), LEAVES[6])
    assert merkle.resume(7, list(frontier.hashes)) == frontier
    assert merkle.resume(7, frontier.hashes).extend(LEAVES[7:300]).root() == merkle.root(LEAVES)


@pytest.mark.parametrize(("size", "count"), [(-1, 1), (0, 1), (7, 2), (8, 0), (8, 2)])
def test_a_frontier_of_another_size_is_refused(size: int, count: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        merkle.resume(size, LEAVES[:count])
    assert caught.value.code == "bad-frontier"


def test_a_plan_lists_the_perfect_subtrees_behind_each_hash() -> None:
    # Leaf 0 of 7: its neighbour, the next two, and the imperfect tree of leaves 4 to 6.
    plan = merkle.plan_inclusion(0, 7)
    assert plan == Plan(((Subtree(0, 1),), (Subtree(1, 1),), (Subtree(1, 2), Subtree(0, 6))))
    assert list(plan) == [Subtree(0, 1), Subtree(1, 1), Subtree(1, 2), Subtree(0, 6)]
    # RFC 9162 section 2.1.5: the proofs of its seven-leaf example.
    assert merkle.plan_inclusion(3, 7).parts == ((Subtree(0, 2),), (Subtree(1, 0),), (Subtree(1, 2), Subtree(0, 6)))
    assert merkle.plan_inclusion(4, 7).parts == ((Subtree(0, 5),), (Subtree(0, 6),), (Subtree(2, 0),))
    assert merkle.plan_inclusion(6, 7).parts == ((Subtree(1, 2),), (Subtree(2, 0),))
    assert merkle.plan_consistency(3, 7).parts == (
        (Subtree(0, 2),),
        (Subtree(0, 3),),
        (Subtree(1, 0),),
        (Subtree(1, 2), Subtree(0, 6)),
    )
    assert merkle.plan_consistency(4, 7).parts == ((Subtree(1, 2), Subtree(0, 6)),)
    assert merkle.plan_consistency(6, 7).parts == ((Subtree(1, 2),), (Subtree(0, 6),), (Subtree(2, 0),))
    assert merkle.plan_consistency(7, 7).parts == ()


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 5), (7, 7), (0, -3)])
def test_no_plan_for_a_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        merkle.plan_inclusion(index, size)
    assert caught.value.code == "bad-index"


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 1), (2, 1), (-1, 1)])
def test_no_plan_between_sizes_that_prove_nothing(old: int, new: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        merkle.plan_consistency(old, new)
    assert caught.value.code == "bad-size"
    with pytest.raises(InvalidInput):
        merkle.plan_frontier(-1)


def test_building_needs_every_planned_hash() -> None:
    plan = merkle.plan_inclusion(0, 7)
    hashes = dict.fromkeys(plan, LEAVES[0])
    with pytest.raises(InvalidInput) as caught:
        merkle.build(plan, {**hashes, Subtree(0, 1): b"short"})
    assert caught.value.code == "bad-hash"
    del hashes[Subtree(0, 6)]
    with pytest.raises(InvalidInput) as caught:
        merkle.build(plan, hashes)
    assert caught.value.code == "missing-hash"


def test_every_inclusion_proof_of_small_trees_holds() -> None:
    for size in range(1, 40):
        for index in range(size):
            proof = merkle.prove_inclusion(LEAVES[:size], index)
            merkle.check_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


def test_every_consistency_proof_of_small_trees_holds() -> None:
    for new in range(1, 40):
        for old in range(1, new + 1):
            proof = merkle.prove_consistency(LEAVES[:new], old)
            assert merkle.fold_consistency(old, new, proof, ROOTS[old]) == (ROOTS[old], ROOTS[new])
            merkle.check_consistency(old, new, proof, ROOTS[old], ROOTS[new])


def _inclusion_code(leaf: bytes, index: int, size: int, proof: tuple[bytes, ...], root: bytes) -> str:
    with pytest.raises(VerificationError) as caught:
        merkle.check_inclusion(leaf, index, size, proof, root)
    assert caught.value.step == 7
    return caught.value.code


def test_each_wrong_inclusion_has_its_code() -> None:
    proof = merkle.prove_inclusion(LEAVES[:100], 50)
    assert _inclusion_code(LEAVES[50], 100, 100, proof, ROOTS[100]) == "inclusion-index"
    assert _inclusion_code(LEAVES[50], -1, 100, proof, ROOTS[100]) == "inclusion-index"
    assert _inclusion_code(LEAVES[50], 0, 0, (), merkle.EMPTY) == "inclusion-index"
    assert _inclusion_code(LEAVES[50], 50, 100, proof[:-1], ROOTS[100]) == "inclusion-length"
    assert _inclusion_code(LEAVES[50], 50, 100, (*proof, ROOTS[100]), ROOTS[100]) == "inclusion-length"
    assert _inclusion_code(LEAVES[51], 50, 100, proof, ROOTS[100]) == "inclusion-root"
    assert _inclusion_code(LEAVES[50], 51, 100, proof, ROOTS[100]) == "inclusion-root"
    assert _inclusion_code(LEAVES[50], 50, 100, proof, ROOTS[101]) == "inclusion-root"
    # A root is only ever compared, so one of another length is one that does not match.
    assert _inclusion_code(LEAVES[50], 50, 100, proof, b"") == "inclusion-root"


def _consistency_code(old: int, new: int, proof: tuple[bytes, ...], old_root: bytes, new_root: bytes) -> str:
    with pytest.raises(VerificationError) as caught:
        merkle.check_consistency(old, new, proof, old_root, new_root)
    assert caught.value.step == 5
    return caught.value.code


def test_each_wrong_consistency_has_its_code() -> None:
    proof = merkle.prove_consistency(LEAVES[:100], 50)
    assert _consistency_code(0, 100, (), merkle.EMPTY, ROOTS[100]) == "consistency-size"
    assert _consistency_code(0, 0, (), merkle.EMPTY, merkle.EMPTY) == "consistency-size"
    assert _consistency_code(100, 50, proof, ROOTS[100], ROOTS[50]) == "consistency-size"
    assert _consistency_code(50, 100, proof[1:], ROOTS[50], ROOTS[100]) == "consistency-length"
    assert _consistency_code(50, 100, (*proof, proof[0]), ROOTS[50], ROOTS[100]) == "consistency-length"
    assert _consistency_code(100, 100, proof, ROOTS[100], ROOTS[100]) == "consistency-length"
    assert _consistency_code(50, 100, proof, ROOTS[51], ROOTS[100]) == "consistency-old-root"
    assert _consistency_code(50, 100, proof, ROOTS[50], ROOTS[99]) == "consistency-new-root"
    assert _consistency_code(100, 100, (), ROOTS[100], ROOTS[99]) == "consistency-new-root"
    # An old tree that is one perfect subtree: its root is the seed, and only the new root can tell.
    proof = merkle.prove_consistency(LEAVES[:100], 64)
    assert _consistency_code(64, 100, proof, ROOTS[63], ROOTS[100]) == "consistency-new-root"


def test_hashes_of_another_length_are_malformed() -> None:
    proof = merkle.prove_inclusion(LEAVES[:4], 0)
    # Moving a byte from one hash to its neighbour would keep the input of their parent.
    moved = (proof[0][:-1], proof[0][-1:] + proof[1])
    steps = (
        lambda: merkle.fold_inclusion(LEAVES[0], 0, 4, moved),
        lambda: merkle.fold_inclusion(LEAVES[0] + b"\x00", 0, 4, proof),
        lambda: merkle.fold_consistency(3, 4, (b"",) * 3, ROOTS[3]),
        lambda: merkle.fold_consistency(2, 4, proof[:1], ROOTS[2][:-1]),
        lambda: Frontier().extend([LEAVES[0], b"short"]),
        lambda: Frontier().append(b""),
        lambda: merkle.resume(1, [b""]),
    )
    for step in steps:
        with pytest.raises(InvalidInput) as caught:
            step()
        assert caught.value.code == "bad-hash"
