"""The body of an answer, read with limits on its size and on the time that it takes; compressed or not."""

from __future__ import annotations

import time
import zlib
from typing import Protocol

CHUNK_BYTES = 65_536

_GZIP_BITS = 31


class Source(Protocol):
    """Something whose bytes come as they arrive; b"" at its end."""

    def read1(self, amt: int, decode_content: bool) -> bytes:
        """At most `amt` bytes of what was sent, as it was sent."""


class BadBody(Exception):
    """A body that is cut, too long, too slow, or not in the encoding that it claims. The text says which."""


def read(source: Source, limit: int, encoding: str, length: int | None, deadline: float) -> bytes:
    """The whole body: at most `limit` bytes once unpacked, complete before `deadline` (of `time.monotonic`).

    `length` is what the head announced. Raises BadBody, and what the source raises.
    """
    if encoding not in ("", "identity", "gzip"):
        raise BadBody(f"it is packed as {encoding[:40]!r}, which nobody asked for")
    if length is not None and length > limit:
        raise BadBody(f"it has {length} bytes where at most {limit} are expected")
    unpack = zlib.decompressobj(_GZIP_BITS) if encoding == "gzip" else None
    parts, size, received = [], 0, 0
    while chunk := source.read1(CHUNK_BYTES, False):
        received += len(chunk)
        if time.monotonic() > deadline:
            raise BadBody("it comes too slowly")
        if unpack is not None:
            # Bounded: a small body can stand for any number of bytes.
            try:
                chunk = unpack.decompress(chunk, limit - size + 1)
            except zlib.error:
                raise BadBody("it is not packed as it says") from None
        size += len(chunk)
        if size > limit or (unpack is not None and unpack.unconsumed_tail):
            raise BadBody(f"it has more than the {limit} bytes that are expected")
        parts.append(chunk)
    if (length is not None and received != length) or (unpack is not None and not unpack.eof):
        raise BadBody("it was cut on the way")
    return b"".join(parts)
