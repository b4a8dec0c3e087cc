"""The state as one block sees it: stored records below, the block's own writes above.

Later events of a block see what earlier ones wrote. A stream is read at most once and written at most once a block, however
many events touch it. Nothing here reaches the store: a refused event leaves no trace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Protocol, TypeVar

import msgspec

from muniment.core.format import encoding
from muniment.core.rules import records
from muniment.core.rules.records import State
from muniment.errors import InvariantError

S = TypeVar("S", bound=State)


class Reader(Protocol):
    """What the rules may ask of a ledger: three questions, answered as of the last sealed block."""

    def state(self, key: bytes) -> bytes | None:
        """The record of the stream with this map key, as stored."""

    def event(self, index: int) -> bytes:
        """The payload of the event at this entry index."""

    def find(self, event_id: str) -> int | None:
        """The entry index of the event with this id."""


class _Stored(msgspec.Struct):
    count: int
    first: int
    head: str
    last: int
    state: msgspec.Raw


class Stream:
    """One stream's record while a block is applied. `state` is raw canonical JSON until somebody reads it."""

    __slots__ = ("count", "first", "head", "key", "last", "raw", "touched", "value")

    def __init__(self, key: bytes, count: int, first: int, head: bytes, last: int, raw: bytes | msgspec.Raw) -> None:
        self.key = key
        self.count = count
        self.first = first
        self.head = head
        self.last = last
        self.raw = raw
        self.value: State | None = None
        self.touched = False


_decode_stored = msgspec.json.Decoder(_Stored).decode
_sha256 = hashlib.sha256


class Overlay:
    """Reads through to a Reader and keeps the writes of one block."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._streams: dict[str, Stream | None] = {}

    def read(self, name: str, kind: type[S]) -> S | None:
        """The state of a stream, or None where the stream does not exist."""
        stream = self._load(name)
        if stream is None:
            return None
        if not isinstance(stream.value, kind):
            try:
                stream.value = msgspec.json.decode(stream.raw, type=kind)
            except msgspec.DecodeError as error:
                raise InvariantError(f"the record of {name} is no {kind.__name__}: {error}") from None
        return stream.value

    def exists(self, name: str) -> bool:
        """Has anything ever touched this stream?"""
        return self._load(name) is not None

    def first(self, name: str) -> int:
        """The index of the first entry of a stream that exists."""
        stream = self._load(name)
        if stream is None:
            raise InvariantError(f"{name} has no entry")
        return stream.first

    def touch(self, names: Collection[str], index: int, leaf: bytes, writes: Mapping[str, State]) -> None:
        """Fold an admitted entry into its streams and set the states that it changes."""
        if not writes.keys() <= set(names):
            raise InvariantError(f"an event changed streams that it does not name: {', '.join(sorted(writes))}")
        suffix = index.to_bytes(8, "big") + leaf
        for name in names:
            stream = self._load(name)
            if stream is None:
                key = _sha256(name.encode()).digest()
                stream = self._streams[name] = Stream(key, 0, index, key, index, b"{}")
            stream.head = _sha256(b"\x04" + stream.head + suffix).digest()
            stream.count += 1
            stream.last = index
            stream.touched = True
            if name in writes:
                stream.value, stream.raw = writes[name], b""

    def records(self) -> dict[bytes, bytes]:
        """The changed records by map key, as the canonical bytes to store."""
        return {stream.key: _format(stream) for stream in self._streams.values() if stream is not None and stream.touched}

    def _load(self, name: str) -> Stream | None:
        if name in self._streams:
            return self._streams[name]
        key = _sha256(name.encode()).digest()
        raw = self.reader.state(key)
        stream = None
        if raw is not None:
            stored = _decode_stored(raw)
            stream = Stream(key, stored.count, stored.first, bytes.fromhex(stored.head), stored.last, stored.state)
        self._streams[name] = stream
        return stream


def _format(stream: Stream) -> bytes:
    """`{"count","first","head","last","state"}`, canonical by construction."""
    raw = stream.raw or encoding.encode_struct(stream.value or records.NONE)
    return b'{"count":%d,"first":%d,"head":"%b","last":%d,"state":%b}' % (
        stream.count,
        stream.first,
        stream.head.hex().encode(),
        stream.last,
        bytes(raw),
    )
