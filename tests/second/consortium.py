"""What a consortium adds to a ledger (docs/spec 13): transactions, cosignatures and a quorum of them."""

from __future__ import annotations

import base64
import zlib

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from second.forms import Json, sha256

MOST_BYTES = 262_144
MOST_EVENTS = 200


def quorum(members: int) -> int:
    """Page 4.1."""
    return 2 * members // 3 + 1


def open_transaction(raw: bytes) -> list[bytes]:
    """Page 13.2: the envelopes, unopened. Raises ValueError."""
    if len(raw) > MOST_BYTES:
        raise ValueError("too long")
    stream, entries = zlib.decompressobj(), list[bytes]()
    try:
        rest = stream.decompress(raw[8:], MOST_BYTES + 1)
    except zlib.error:
        raise ValueError("cut off, or not zlib") from None
    if not stream.eof or stream.unused_data or len(rest) > MOST_BYTES:
        raise ValueError("cut off, or too long")
    while rest:
        size = int.from_bytes(rest[:2], "big")
        if len(rest) < 2 or not size or len(rest) < 2 + size:
            raise ValueError("cut off")
        entries.append(rest[2 : 2 + size])
        rest = rest[2 + size :]
    if not 1 <= len(entries) <= MOST_EVENTS:
        raise ValueError("none, or too many")
    return entries


def cosigners(checkpoint: str, origin: str, judges: Json) -> set[str]:
    """Page 13.1: the members whose cosignature is on a checkpoint. Raises ValueError for a line of theirs that fails."""
    text, _, lines = checkpoint.partition("\n\n")
    found = set()
    for member in judges["members"]:
        name, key = f"{origin}/{member['organisation']}", bytes.fromhex(member["cosigner"])
        key_id = sha256(name.encode() + b"\n\x04" + key)[:4]
        for line in lines.splitlines():
            dash, told, blob64 = line.split(" ")
            blob = base64.b64decode(blob64)
            if (dash, told, blob[:4]) != ("—", name, key_id):
                continue
            message = f"cosignature/v1\ntime {int.from_bytes(blob[4:12], 'big')}\n{text}\n"
            try:
                VerifyKey(key).verify(message.encode(), blob[12:])
            except BadSignatureError:
                raise ValueError(f"a line of {name} does not hold") from None
            found.add(member["organisation"])
    return found


def updates(before: Json, after: Json) -> list[Json]:
    """Page 13.3: what the engine is told."""
    old, new = ({each["key"] for each in found["members"]} for found in (before, after))
    return [{"key": key, "power": 1 if key in new else 0} for key in sorted(old ^ new)]
