"""Proof that a stream's record is in the state map, or that the stream is absent (docs/spec, section 9.2).

    {"depths": [0, 1, 4], "name": "model/loans", "siblings": ["<base64>", ...], "value": {"count": 2, ...}}

An absence proof has `"other": {"key": "<hex>", "value": "<hex SHA-256 of its value>"}` in place of `value`: the record
where the walk of the absent key ends. In the empty map there is neither, and no sibling.

A walk takes the key's bit at each node's depth, which the node's hash holds, and ends in a leaf, which holds its key. So
under one root each key has one walk, and presence and absence can never both be shown. The root comes from a header.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from muniment.core.format import encoding
from muniment.core.format.state_map import rule
from muniment.core.format.state_map.record import MAX_RECORD_BYTES
from muniment.core.format.state_map.rule import EMPTY, KEY_BITS, NODE
from muniment.core.format.state_map.tree import Path
from muniment.errors import InvariantError, VerificationError

MAX_PROOF_BYTES = 24_576
STEP = 11


class Other(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The record that is there instead: its key, and the SHA-256 of its value, which stays undisclosed."""

    key: encoding.HexDigest
    value: encoding.HexDigest


class StateProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The proof's JSON. `value` holds the record's bytes exactly as received: they are hashed, never written anew."""

    name: str
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    other: Other | msgspec.UnsetType = msgspec.UNSET
    depths: tuple[encoding.Natural, ...]
    siblings: tuple[bytes, ...]


_read = encoding.decoder(StateProof, limit=MAX_PROOF_BYTES)


def prove_presence(name: str, value: bytes, path: Path) -> StateProof:
    """The proof for a path that ends at the key of `name`. `value` is the record's canonical bytes."""
    return StateProof(name=name, value=msgspec.Raw(value), depths=path.depths, siblings=path.siblings)


def prove_absence(name: str, value: bytes | None, path: Path) -> StateProof:
    """The proof for a path that ends elsewhere, at the record with the bytes `value`; None for the empty map."""
    if (path.end is None) != (value is None):
        raise InvariantError("an absence proof needs the record where its path ends, and has none in the empty map only")
    if path.end is None or value is None:
        return StateProof(name=name, depths=path.depths, siblings=path.siblings)
    other = Other(path.end.hex(), sha256(value).hexdigest())
    return StateProof(name=name, other=other, depths=path.depths, siblings=path.siblings)


def encode_proof(proof: StateProof) -> bytes:
    """The canonical bytes of a proof."""
    return encoding.encode_struct(proof)


def decode_proof(raw: bytes) -> StateProof:
    """Read canonical bytes; every failure is InvalidInput. What the proof claims is for `check`."""
    proof = _read(raw)
    if proof.value is not msgspec.UNSET:
        encoding.decode(bytes(proof.value), limit=MAX_RECORD_BYTES)
    return proof


def check(root: bytes, proof: StateProof) -> bytes | None:
    """The canonical record of `proof.name` under `root`, or None where the proof shows that it has none.

    Raises VerificationError (step 11) with the code "state-shape", "state-depths", "state-siblings", "state-absence" or
    "state-root". The caller compares `proof.name` with what it asked for.
    """
    key = rule.key(proof.name)
    value, other = proof.value, proof.other
    if value is not msgspec.UNSET:
        if other is not msgspec.UNSET:
            raise _failure("state-shape", "a state proof claims presence and absence at once")
        record = bytes(value)
        reached, result = rule.leaf(key, record), record
    elif other is not msgspec.UNSET:
        reached, result = rule.leaf_of_digest(bytes.fromhex(other.key), bytes.fromhex(other.value)), None
    else:
        if proof.depths or proof.siblings:
            raise _failure("state-shape", "a state proof names no record, but has a path")
        reached, result = EMPTY, None
    reached = climb(key, reached, proof.depths, proof.siblings)
    if other is not msgspec.UNSET:
        _check_absence(key, bytes.fromhex(other.key), proof.depths)
    if reached != root:
        # Only a sibling of 32 bytes can lead to the root, whose preimage has a fixed length, so this says why and no more.
        if any(len(sibling) != 32 for sibling in proof.siblings):
            raise _failure("state-siblings", "a sibling in a state proof is not 32 bytes")
        raise _failure("state-root", f"the state proof for {proof.name} does not lead to the root of the map in the header")
    return result


def climb(key: bytes, reached: bytes, depths: Sequence[int], siblings: Sequence[bytes]) -> bytes:
    """Fold the hash `reached`, where the walk of `key` ends, with its siblings up to the root.

    `depths` are natural numbers. Raises VerificationError (step 11), "state-siblings" or "state-depths", for what is no path.
    """
    if len(siblings) != len(depths):
        raise _failure("state-siblings", f"a state proof has {len(depths)} depths, but {len(siblings)} siblings")
    bits = int.from_bytes(key, "big")
    below = KEY_BITS
    for depth, sibling in zip(depths[::-1], siblings[::-1], strict=True):
        if depth >= below:
            raise _failure("state-depths", "the depths of a state proof do not ascend strictly from 0 to 255")
        below = depth
        if bits >> (255 - depth) & 1:
            reached = sha256(NODE[depth] + sibling + reached).digest()
        else:
            reached = sha256(NODE[depth] + reached + sibling).digest()
    return reached


def _check_absence(key: bytes, other: bytes, depths: Sequence[int]) -> None:
    """The other key lies on the walk of `key` exactly if both agree at each of `depths`, which ascend."""
    differing = int.from_bytes(key, "big") ^ int.from_bytes(other, "big")
    if not differing:
        raise _failure("state-absence", "an absence proof names the very key that it says is absent")
    first = KEY_BITS - differing.bit_length()
    for depth in reversed(depths):
        if depth < first:
            break
        if differing >> (255 - depth) & 1:
            raise _failure("state-absence", "the other record of an absence proof is not on the walk of the absent key")


def _failure(code: str, message: str) -> VerificationError:
    return VerificationError(message, step=STEP, code=code)
