"""Proofs: inclusion and state, made from the file and checked."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pymerkle

from bench.measure import Result, Turns, percentile
from bench.sample import Sample, Scale
from muniment.core.format import merkle, state_map
from muniment.ledger.engine import View

NODE = b"\x01" * 66
MADE_HASHES, CHECKED_HASHES = 60, 40
P99_MS = 1.0
LEAF_BYTES = 1_024


def measure(sample: Sample, scale: Scale, folder: Path) -> list[Result]:
    """`inclusion.prove`, its slowest hundredth (`inclusion.p99`), `inclusion.check`, `state.prove` and `state.check`."""
    with sample.engine.view() as view:
        return [*_inclusion(sample, scale, view, folder), *_state(sample, scale, view)]


def _inclusion(sample: Sample, scale: Scale, view: View, folder: Path) -> list[Result]:
    size = view.size
    peer = pymerkle.SqliteTree(str(folder / "pymerkle.db"), algorithm="sha256")
    peer.append_entries([os.urandom(LEAF_BYTES) for _ in range(size)], chunksize=10_000)
    root = merkle.fold_inclusion(merkle.leaf(view.entry(0)), 0, size, view.inclusion(0, size))
    warming, turns, taken = Turns(), Turns(), list[float]()
    # Both sides keep what they have read; the first round fills what they keep.
    for into in (warming, *[turns] * scale.rounds):
        taken += _take_turns(into, view, peer, root, sample.indices(scale.proofs, size))
    p99_ms = percentile(taken[scale.proofs :], 0.99) * 1_000
    return [
        turns.rate("prove", "peer", "pymerkle on SQLite", scale.proofs, "proofs/s", "wall", "inclusion.prove"),
        Result("inclusion.p99", p99_ms, "ms", P99_MS / p99_ms, "1 ms", turns.spread("prove", "wall")),
        turns.rate("check", "raw", "raw hashing of the same path", scale.proofs, "proofs/s", "wall", "inclusion.check"),
    ]


def _take_turns(turns: Turns, view: View, peer: pymerkle.SqliteTree, root: bytes, indices: Sequence[int]) -> list[float]:
    """Prove and check these entries; returns the seconds that each proof of ours took."""
    size = view.size
    leaves = [merkle.leaf(view.entry(index)) for index in indices]
    proofs: list[tuple[bytes, ...]] = []
    taken: list[float] = []

    def prove() -> None:
        for index in indices:
            start = time.perf_counter()
            proofs.append(view.inclusion(index, size))
            taken.append(time.perf_counter() - start)

    def prove_by_peer() -> None:
        for index in indices:
            peer.prove_inclusion(index + 1, size)

    def check() -> None:
        for leaf, index, proof in zip(leaves, indices, proofs, strict=True):
            merkle.check_inclusion(leaf, index, size, proof, root)

    turns.round({"peer": prove_by_peer, "prove": prove, "check": check, "raw": lambda: _hash_up(leaves, proofs)})
    return taken


def _state(sample: Sample, scale: Scale, view: View) -> list[Result]:
    root = bytes.fromhex(view.header(view.height).state)
    for name in sample.names(20 * scale.proofs):
        view.prove_state(name)
    turns = Turns()
    for _ in range(scale.rounds):
        _take_state_turns(turns, view, root, sample.names(scale.proofs))
    return [
        turns.rate("prove", "60", "60 raw 66-byte SHA-256 calls", scale.proofs, "proofs/s", "wall", "state.prove"),
        turns.rate("check", "40", "40 raw 66-byte SHA-256 calls", scale.proofs, "proofs/s", "wall", "state.check"),
    ]


def _take_state_turns(turns: Turns, view: View, root: bytes, names: Sequence[str]) -> None:
    proofs: list[state_map.StateProof] = []

    def prove() -> None:
        for name in names:
            proofs.append(view.prove_state(name))

    def check() -> None:
        for proof in proofs:
            state_map.check(root, proof)

    made, checked = MADE_HASHES * len(names), CHECKED_HASHES * len(names)
    turns.round({"60": lambda: _hash(made), "prove": prove, "40": lambda: _hash(checked), "check": check})


def _hash(count: int) -> None:
    for _ in range(count):
        sha256(NODE).digest()


def _hash_up(leaves: Sequence[bytes], proofs: Sequence[Sequence[bytes]]) -> None:
    for leaf, proof in zip(leaves, proofs, strict=True):
        reached = leaf
        for sibling in proof:
            reached = sha256(b"\x01" + sibling + reached).digest()
