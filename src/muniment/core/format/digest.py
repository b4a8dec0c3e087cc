"""SHA-256, the one hash of protocol 1, and its text form: 64 lower-case hex digits (FIPS 180-4; docs/spec, section 2.1).

    digest.format(digest.sha256(b"abc"))        # "ba7816bf…" in full, as sha256sum prints it

Inside the code a digest is 32 raw bytes; as text it is hex in JSON fields, and `short` where people read it.
"""

from __future__ import annotations

import hashlib
import re

from muniment.errors import InvalidInput

BYTES = 32

_hex = re.compile(r"[0-9a-f]{64}\Z")
_SHORT_CHARACTERS = 4


class Hasher:
    """SHA-256 of data that arrives in pieces."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = hashlib.sha256()

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next piece. Other threads run meanwhile where it is longer than 2,047 bytes."""
        self._state.update(data)

    def digest(self) -> bytes:
        """The 32 bytes for everything taken so far; more may follow."""
        return self._state.digest()


def sha256(data: bytes) -> bytes:
    """The 32 bytes of SHA-256."""
    return hashlib.sha256(data).digest()


def parse(text: str) -> bytes:
    """Read 64 lower-case hex digits. Raises InvalidInput (`bad-digest`)."""
    if _hex.match(text) is None:
        raise InvalidInput(
            f"{text[:80]!r} is not a SHA-256 digest",
            code="bad-digest",
            hint="Write 64 lower-case hex digits, as sha256sum prints them.",
        )
    return bytes.fromhex(text)


def format(data: bytes) -> str:
    """Write a digest of 32 bytes as hex. Raises InvalidInput (`bad-digest`)."""
    if len(data) != BYTES:
        raise InvalidInput(f"{len(data)} bytes are no SHA-256 digest, which has {BYTES}", code="bad-digest")
    return data.hex()


def short(text: str) -> str:
    """A digest as people see it beside a name: `9f86…0a08`. Never parse it back, and never compare by it."""
    if len(text) <= 2 * _SHORT_CHARACTERS:
        return text
    return f"{text[:_SHORT_CHARACTERS]}…{text[-_SHORT_CHARACTERS:]}"
