"""transparency-dev/merkle's cases: every inclusion and consistency proof gets the verdict that it wants.

The 322 subtree cases (`subtreeinclusion/`, `subtreeconsistency/`) are left out, because nothing of ours proves or checks
subtrees that are not a prefix of the tree; the last test counts them, so that a new kind of case is noticed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

from muniment.core.format import merkle
from muniment.errors import InvalidInput, VerificationError

LEFT_OUT = ("subtreeinclusion", "subtreeconsistency")


def _cases(folder: Path) -> Iterator[tuple[str, dict[str, object]]]:
    for file in sorted(folder.rglob("*.json")):
        yield str(file.relative_to(folder)), json.loads(file.read_text("utf-8"))


def _bytes(text: object) -> bytes:
    return base64.b64decode(str(text), validate=True)


def _proof(case: dict[str, object]) -> list[bytes]:
    proof = case["proof"] or []
    assert isinstance(proof, list)
    return [_bytes(hash_) for hash_ in proof]


def test_inclusion(shared_vectors: Path) -> None:
    verdicts = {}
    for name, case in _cases(shared_vectors / "merkle" / "inclusion"):
        index, size = int(str(case["leafIdx"])), int(str(case["treeSize"]))
        try:
            merkle.check_inclusion(_bytes(case["leafHash"]), index, size, _proof(case), _bytes(case["root"]))
            refused = False
        except (InvalidInput, VerificationError):
            refused = True
        verdicts[name] = (refused, case["wantErr"])
    assert {name: pair for name, pair in verdicts.items() if pair[0] != pair[1]} == {}
    assert len(verdicts) == 98


def test_consistency(shared_vectors: Path) -> None:
    # `additional/sizes-are-equal-one-and-proof-is-empty` wants two equal roots of 12 bytes to pass: with equal sizes roots
    # are only compared. Wherever a root is hashed it must have 32 bytes.
    verdicts = {}
    for name, case in _cases(shared_vectors / "merkle" / "consistency"):
        old, new = int(str(case["size1"])), int(str(case["size2"]))
        try:
            merkle.check_consistency(old, new, _proof(case), _bytes(case["root1"]), _bytes(case["root2"]))
            refused = False
        except (InvalidInput, VerificationError):
            refused = True
        verdicts[name] = (refused, case["wantErr"])
    assert {name: pair for name, pair in verdicts.items() if pair[0] != pair[1]} == {}
    assert len(verdicts) == 98


def test_our_own_proofs_of_their_tree(shared_vectors: Path) -> None:
    # The happy paths come from the reference tree of eight leaves, so our prover must write the same bytes.
    entries = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
    leaves = [merkle.leaf(bytes.fromhex(entry)) for entry in entries]
    for _, case in _cases(shared_vectors / "merkle" / "inclusion"):
        if case["desc"] == "happy path":
            tree = leaves[: int(str(case["treeSize"]))]
            assert list(merkle.prove_inclusion(tree, int(str(case["leafIdx"])))) == _proof(case)
    for _, case in _cases(shared_vectors / "merkle" / "consistency"):
        if case["desc"] == "happy path":
            tree = leaves[: int(str(case["size2"]))]
            assert list(merkle.prove_consistency(tree, int(str(case["size1"])))) == _proof(case)


def test_nothing_else_is_left_out(shared_vectors: Path) -> None:
    folder = shared_vectors / "merkle"
    kinds = {child.name: len(list(child.rglob("*.json"))) for child in folder.iterdir() if child.is_dir()}
    assert sum(kinds.pop(kind) for kind in LEFT_OUT) == 322
    assert kinds == {"inclusion": 98, "consistency": 98}
