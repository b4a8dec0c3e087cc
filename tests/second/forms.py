"""Bytes: canonical JSON, hashes, the tree, the map, envelopes (docs/spec 1, 3, 8 and 9)."""

from __future__ import annotations

import base64
import hashlib
import json
from decimal import Decimal
from typing import Any

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

Json = dict[str, Any]
PAYLOAD_TYPE = "application/vnd.in-toto+json"


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def canonical(value: object) -> bytes:
    """Page 1."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def holds(value: str, comparator: str, threshold: str) -> bool:
    """Page 1.3; `decimal` compares exactly."""
    if "N" in value + threshold or "I" in value + threshold:
        return False
    order = Decimal(value).compare(Decimal(threshold))
    return {"eq": order == 0, "ge": order >= 0, "gt": order > 0, "le": order <= 0, "lt": order < 0}[comparator]


def leaf(entry: bytes) -> bytes:
    """Page 8."""
    return sha256(b"\x00" + entry)


def tree_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"")
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + tree_root(leaves[:split]) + tree_root(leaves[split:]))


def map_root(leaves: dict[bytes, bytes]) -> bytes:
    """Page 9.1: keys to leaves."""
    if len(leaves) < 2:
        return next(iter(leaves.values()), sha256(b""))
    numbers = [int.from_bytes(key, "big") for key in leaves]
    depth = 256 - (min(numbers) ^ max(numbers)).bit_length()
    sides: list[dict[bytes, bytes]] = [{}, {}]
    for key, value in leaves.items():
        sides[int.from_bytes(key, "big") >> (255 - depth) & 1][key] = value
    return sha256(b"\x03" + bytes([depth]) + map_root(sides[0]) + map_root(sides[1]))


def open_envelope(entry: bytes) -> tuple[str, bytes]:
    """Page 3.2: the key id and the payload. Raises ValueError."""
    value = json.loads(entry)
    if canonical(value) != entry or set(value) != {"payload", "payloadType", "signatures"} or value["payloadType"] != PAYLOAD_TYPE:
        raise ValueError("not an envelope")
    (signature,) = value["signatures"]
    payload = base64.b64decode(value["payload"], validate=True)
    pae = f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode() + payload
    try:
        VerifyKey(bytes.fromhex(signature["keyid"])).verify(pae, base64.b64decode(signature["sig"], validate=True))
    except BadSignatureError:
        raise ValueError("the signature does not hold") from None
    return signature["keyid"], payload
