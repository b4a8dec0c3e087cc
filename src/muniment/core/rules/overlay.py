"""The state as one block sees it: stored records below, the block's own writes above.

Later events of a block see what earlier ones wrote. A stream is read at most once and written at most once a block, however
many events touch it. Nothing here reaches the store: a refused event leaves no trace.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Protocol, TypeVar

import msgspec

from muniment.core.format import state_map
from muniment.core.rules.measurement import Measurement
from muniment.core.rules.records import Actor, Key, State
from muniment.errors import InvariantError

S = TypeVar("S", bound=State)

Writes = Mapping[str, tuple[State, bytes]]
"""What an event changes: a stream's new state, and the same as canonical bytes."""


class Reader(Protocol):
    """What the rules may ask of a ledger: three questions, answered as of the last sealed block."""

    def state(self, key: bytes) -> bytes | None:
        """The record of the stream with this map key, as stored."""

    def event(self, index: int) -> bytes:
        """The payload of the event at this entry index."""

    def find(self, event_id: str) -> int | None:
        """The entry index of the event with this id."""


class _Stored(msgspec.Struct, gc=False):
    count: int
    first: int
    head: str
    last: int
    state: msgspec.Raw


class Stream(msgspec.Struct, gc=False):
    """One stream's record while a block is applied. `state` is raw canonical JSON; `value` is the same, once somebody read it."""

    key: bytes
    count: int
    first: int
    head: bytes
    last: int
    state: bytes | msgspec.Raw
    value: State | None = None
    touched: bool = False


_decode_stored = msgspec.json.Decoder(_Stored).decode
_NO_STATE = b"{}"


class Overlay:
    """Reads through to a Reader and keeps the writes of one block."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        # Signers (key id, actor, name of an event) against whom nothing speaks, until the block changes an actor or a key.
        self.vouched: dict[tuple[str, str, str], Actor] = {}
        # The payloads of the block's own events, by index: the reader knows only earlier blocks.
        self.bodies: dict[int, bytes] = {}
        # What measurements say, by index: the same ones may be named again and again.
        self.measurements: dict[int, Measurement] = {}
        # How many things the ancestries had that were walked for the block: there is a limit.
        self.walked = 0
        self._streams: dict[str, Stream | None] = {}

    def load(self, names: Collection[str], keys: Collection[bytes]) -> None:
        """Have the streams with these names and map keys at hand: those that an event is about to read and to touch."""
        for name, key in zip(names, keys, strict=True):
            if name not in self._streams:
                self._streams[name] = self._read(key)

    def read(self, name: str, kind: type[S]) -> S | None:
        """The state of a stream, or None where the stream does not exist."""
        stream = self._find(name)
        if stream is None:
            return None
        value = stream.value
        if not isinstance(value, kind):
            try:
                value = stream.value = msgspec.json.decode(stream.state, type=kind)
            except msgspec.DecodeError as error:
                raise InvariantError(f"the record of {name} is no {kind.__name__}: {error}") from None
        return value

    def exists(self, name: str) -> bool:
        """Has anything ever touched this stream?"""
        return self._find(name) is not None

    def first(self, name: str) -> int:
        """The index of the first entry of a stream that exists."""
        stream = self._find(name)
        if stream is None:
            raise InvariantError(f"{name} has no entry")
        return stream.first

    def touch(self, names: Collection[str], keys: Collection[bytes], index: int, leaf: bytes, writes: Writes) -> None:
        """Fold an admitted entry into its streams and set the states that it changes."""
        streams = self._streams
        suffix = index.to_bytes(8, "big") + leaf
        for name, key in zip(names, keys, strict=True):
            stream = streams.get(name)
            if stream is None:
                stream = streams[name] = Stream(key, 0, index, key, index, _NO_STATE)
            stream.head = sha256(b"\x04" + stream.head + suffix).digest()
            stream.count += 1
            stream.last = index
            stream.touched = True
        for name, (value, state) in writes.items():
            if name not in names:
                raise InvariantError(f"an event changed a stream that it does not name: {name}")
            stream = streams[name]
            if stream is not None:
                stream.value, stream.state = value, state
            if isinstance(value, Actor | Key):
                self.vouched.clear()

    def records(self) -> dict[bytes, bytes]:
        """The changed records by map key, as the canonical bytes to store."""
        return {stream.key: _format(stream) for stream in self._streams.values() if stream is not None and stream.touched}

    def _find(self, name: str) -> Stream | None:
        try:
            return self._streams[name]
        except KeyError:
            stream = self._streams[name] = self._read(state_map.key(name))
            return stream

    def _read(self, key: bytes) -> Stream | None:
        raw = self.reader.state(key)
        if raw is None:
            return None
        stored = _decode_stored(raw)
        return Stream(key, stored.count, stored.first, bytes.fromhex(stored.head), stored.last, stored.state)


def _format(stream: Stream) -> bytes:
    """`{"count","first","head","last","state"}`, canonical by construction."""
    return b'{"count":%d,"first":%d,"head":"%b","last":%d,"state":%b}' % (
        stream.count,
        stream.first,
        stream.head.hex().encode(),
        stream.last,
        stream.state,
    )
