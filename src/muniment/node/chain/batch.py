"""A transaction of the chain: a batch of envelopes (docs/spec, section 13.2).

    raw = batch.encode(secrets.token_bytes(batch.NONCE_BYTES), entries)
    entries = batch.decode(raw)

Eight random bytes, then the envelopes as a C2SP entry bundle. The engine takes the same bytes only once; the random ones let
events be submitted again that were refused before.
"""

from __future__ import annotations

from collections.abc import Sequence

from muniment.core.format import tiles
from muniment.errors import InvalidInput

NONCE_BYTES = 8
MAX_EVENTS = 200
MAX_BYTES = 262_144
"""Of a whole transaction: larger ones are no faster, and wait longer for each other."""
LENGTH_BYTES = 2
"""What each envelope takes beside its own bytes."""


def encode(nonce: bytes, entries: Sequence[bytes]) -> bytes:
    """The bytes of a transaction of 1 to 200 envelopes. Raises InvalidInput (`bad-batch`) for what does not fit one."""
    if len(nonce) != NONCE_BYTES:
        raise _bad(f"it begins with {NONCE_BYTES} random bytes, not {len(nonce)}")
    if not 1 <= len(entries) <= MAX_EVENTS:
        raise _bad(f"it holds 1 to {MAX_EVENTS} events, not {len(entries)}")
    raw = nonce + tiles.encode_bundle(entries)
    if len(raw) > MAX_BYTES:
        raise _bad(f"it has {len(raw)} bytes, and at most {MAX_BYTES} fit")
    return raw


def decode(raw: bytes) -> tuple[bytes, ...]:
    """The envelopes of a transaction, in order and unopened. Raises InvalidInput (`bad-batch`)."""
    if not NONCE_BYTES < len(raw) <= MAX_BYTES:
        raise _bad(f"it has {len(raw)} bytes, and {NONCE_BYTES + 1} to {MAX_BYTES} fit")
    try:
        entries = tiles.decode_bundle(raw[NONCE_BYTES:])
    except InvalidInput as error:
        raise _bad(str(error)) from None
    if len(entries) > MAX_EVENTS:
        raise _bad(f"it holds at most {MAX_EVENTS} events, not {len(entries)}")
    return entries


def _bad(reason: str) -> InvalidInput:
    return InvalidInput(f"this cannot be a batch of events: {reason}", code="bad-batch")
