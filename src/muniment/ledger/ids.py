"""Event ids: UUIDv7 (RFC 9562, section 5.7), so that their index in the store stays nearly sequential."""

from __future__ import annotations

import os
import time
import uuid


def new_event_id() -> str:
    """A fresh id: 48 bits of milliseconds since 1970, then random bits."""
    random = int.from_bytes(os.urandom(10), "big")
    milliseconds = time.time_ns() // 1_000_000
    high = milliseconds << 80 | 0x7 << 76 | (random >> 64 & 0xFFF) << 64
    return str(uuid.UUID(int=high | 0b10 << 62 | random & (1 << 62) - 1))
