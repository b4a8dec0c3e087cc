"""The bytes that a validator signs when it commits to a block: CometBFT's CanonicalVote, in Protocol Buffers.

Fields of value zero are left out, except the time, which always stands there.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec

from muniment.errors import InvalidInput

_PRECOMMIT = 2
_time = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BlockId(msgspec.Struct, frozen=True, kw_only=True):
    """What a block is known by: the hash of its header, and number and hash of the parts that it travels in."""

    hash: bytes
    parts: int
    parts_hash: bytes


def encode(chain: str, height: int, round: int, block: BlockId, seconds: int, nanos: int) -> bytes:
    """The signed bytes of a precommit for a block."""
    parts = _number(1, block.parts) + _bytes(2, block.parts_hash)
    canonical = b"".join(
        (
            _number(1, _PRECOMMIT),
            _fixed(2, height),
            _fixed(3, round),
            _bytes(4, _bytes(1, block.hash) + _message(2, parts)),
            _message(5, _number(1, seconds) + _number(2, nanos)),
            _bytes(6, chain.encode()),
        )
    )
    return _varint(len(canonical)) + canonical


def parse_time(text: str) -> tuple[int, int]:
    """Seconds since 1970 and nanoseconds of a time as the engine writes it. Raises InvalidInput (`bad-commit`)."""
    match = _time.fullmatch(text)
    try:
        moment = datetime.fromisoformat(f"{match[1]}+00:00") if match else None
    except ValueError:
        moment = None
    if match is None or moment is None:
        raise InvalidInput(f"{text[:60]!r} is no time of the engine", code="bad-commit")
    return (moment - _EPOCH) // timedelta(seconds=1), int((match[2] or "").ljust(9, "0"))


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value) if value else b""


def _fixed(field: int, value: int) -> bytes:
    return _varint(field << 3 | 1) + value.to_bytes(8, "little", signed=True) if value else b""


def _bytes(field: int, value: bytes) -> bytes:
    return _message(field, value) if value else b""


def _message(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value
