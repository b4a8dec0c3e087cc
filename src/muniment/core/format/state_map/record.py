"""The value that the state map keeps for a stream (docs/spec, section 7).

    {"count":2,"first":5,"head":"<64 hex>","last":9,"state":{"status":"open"}}

`count` entries folded into the stream, `first` and `last` are the indices of the first and the newest one, `head` is the
running hash over all of them, and `state` is what rules read: an object, `{}` where the kind of stream has none.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from muniment.core.format import encoding
from muniment.errors import InvalidInput

MAX_RECORD_BYTES = 4096

_NO_STATE = b"{}"


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record. `state` holds the canonical bytes of an object, so that one type serves every kind of stream."""

    count: Annotated[int, msgspec.Meta(ge=1, le=encoding.MAX_INTEGER)]
    first: encoding.Natural
    head: encoding.HexDigest
    last: encoding.Natural
    state: msgspec.Raw


_read = encoding.decoder(Record, limit=MAX_RECORD_BYTES)


def encode_record(record: Record) -> bytes:
    """The canonical bytes of a record whose `state` is canonical. Raises InvalidInput, code "record-too-long", beyond 4,096."""
    raw = encoding.encode_struct(record)
    if len(raw) > MAX_RECORD_BYTES:
        raise InvalidInput(
            f"a record of {len(raw)} bytes where at most {MAX_RECORD_BYTES} are allowed",
            code="record-too-long",
            hint="Keep a set as streams of its own instead of a list in one record.",
        )
    return raw


def decode_record(raw: bytes) -> Record:
    """Read canonical bytes; every failure is InvalidInput."""
    record = _read(raw)
    state = bytes(record.state)
    if state != _NO_STATE and not isinstance(encoding.decode(state, limit=MAX_RECORD_BYTES), dict):
        raise InvalidInput("the state of a record is not an object", code="schema")
    # Indices strictly ascend, so a stream of n entries spans at least n places.
    if not record.count - 1 <= record.last - record.first or (record.count == 1 and record.first != record.last):
        raise InvalidInput("a record's count does not fit between its first and last index", code="record-indices")
    return record
