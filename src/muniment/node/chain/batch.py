"""A transaction of the chain: a batch of envelopes (docs/spec, section 13.2).

    raw = batch.encode(secrets.token_bytes(batch.NONCE_BYTES), entries)
    entries = batch.decode(raw)

Eight random bytes, then the envelopes as a C2SP entry bundle, compressed with zlib: each byte travels to every node several times
and is written there several times, and envelopes are mostly alike. The engine takes the same bytes only once; the random ones
let events be submitted again that were refused before.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from muniment.core.format import tiles
from muniment.errors import InvalidInput

NONCE_BYTES = 8
MAX_EVENTS = 200
MAX_BYTES = 262_144
"""Of a whole transaction, and of its bundle before it is compressed: larger ones are no faster, and wait longer for each other."""
LENGTH_BYTES = 2
"""What each envelope takes beside its own bytes."""

_LEVEL = 1
"""A fifth of the bytes are left; higher levels cost twice as much for a twentieth less."""


def encode(nonce: bytes, entries: Sequence[bytes]) -> bytes:
    """The bytes of a transaction of 1 to 200 envelopes. Raises InvalidInput (`bad-batch`) for what does not fit one."""
    if len(nonce) != NONCE_BYTES:
        raise _bad(f"it begins with {NONCE_BYTES} random bytes, not {len(nonce)}")
    if not 1 <= len(entries) <= MAX_EVENTS:
        raise _bad(f"it holds 1 to {MAX_EVENTS} events, not {len(entries)}")
    bundle = tiles.encode_bundle(entries)
    # What consists of random bytes grows a little.
    raw = nonce + zlib.compress(bundle, _LEVEL)
    if max(len(bundle), len(raw)) > MAX_BYTES:
        raise _bad(f"it has {max(len(bundle), len(raw))} bytes, and at most {MAX_BYTES} fit")
    return raw


def decode(raw: bytes) -> tuple[bytes, ...]:
    """The envelopes of a transaction, in order and unopened. Raises InvalidInput (`bad-batch`)."""
    if not NONCE_BYTES < len(raw) <= MAX_BYTES:
        raise _bad(f"it has {len(raw)} bytes, and {NONCE_BYTES + 1} to {MAX_BYTES} fit")
    try:
        entries = tiles.decode_bundle(_inflate(raw[NONCE_BYTES:]))
    except InvalidInput as error:
        raise _bad(str(error)) from None
    if len(entries) > MAX_EVENTS:
        raise _bad(f"it holds at most {MAX_EVENTS} events, not {len(entries)}")
    return entries


def _inflate(compressed: bytes) -> bytes:
    """One whole zlib stream and nothing else. It may say more than fits, so no more than that is read of it."""
    stream = zlib.decompressobj()
    try:
        bundle = stream.decompress(compressed, MAX_BYTES + 1)
    except zlib.error as error:
        raise _bad(f"it is not compressed as it must be: {error}") from None
    if len(bundle) > MAX_BYTES:
        raise _bad(f"its bundle has more than {MAX_BYTES} bytes")
    if not stream.eof or stream.unused_data:
        raise _bad("its bundle is cut off, or something is behind it")
    return bundle


def _bad(reason: str) -> InvalidInput:
    return InvalidInput(f"this cannot be a batch of events: {reason}", code="bad-batch")
