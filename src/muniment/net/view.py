"""A ledger at a node as of one sealed block (ledger.engine.View): what is asked of it is checked against that block's tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from muniment.core.format import dsse, state_map
from muniment.core.format.entry import Header
from muniment.core.format.state_map import StateProof
from muniment.core.format.tile_reader import TileReader
from muniment.core.proof import path as paths
from muniment.core.proof.path import Step
from muniment.core.rules import events
from muniment.errors import InvalidInput, NotFound, Unavailable, VerificationError
from muniment.net import address, wire
from muniment.net.entries import Entries
from muniment.net.frames import Opened
from muniment.net.tiles import read_tiles
from muniment.net.transport import Transport
from muniment.net.wire import Frame, Standing

MAX_PATH_BYTES = 64 * 1024 * 1024

_HEADER_STEP = 8
_STATE_STEP = 11


class Node(Protocol):
    """What a view needs of its engine."""

    @property
    def transport(self) -> Transport:
        """The way to the node."""

    def meet(self, ask: Callable[[int | None], Frame]) -> Opened:
        """A frame that the node gives now, checked, and compared with what was seen before."""

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """The node's proof between two sizes."""


class BlockView:
    """What a view says of its block without asking anybody. `opened` is the frame of that block."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened

    @property
    def checkpoint(self) -> bytes:
        """The signed checkpoint that ends at the newest header."""
        return self.opened.head.note

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.opened.size

    @property
    def height(self) -> int:
        """The height of the newest header."""
        return self.opened.height

    @property
    def changed(self) -> int:
        """The size of the newest checkpoint before this one that changed the members, by the node's word; 0 where none did."""
        return self.opened.changed


class RemoteView(BlockView):
    """A view. Besides VerificationError, all of it may raise Unavailable: the node is asked when an answer is needed."""

    def __init__(self, node: Node, entries: Entries, opened: Opened) -> None:
        super().__init__(opened)
        self._node = node
        self._entries = entries
        self._tiles = TileReader(read_tiles(node.transport), opened.size, opened.root)

    def entry(self, index: int) -> bytes:
        """The exact bytes of an entry, which is shown to be in this view's tree. Raises NotFound."""
        if index == self.size - 1:
            return self.opened.raw
        return self._entries.read(self._within(index), self.opened)

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Index and exact bytes of the entries in [start, stop), read from tiles that lead to this view's root."""
        first = max(start, 0)
        last = max(min(stop, self.size), first)
        if first >= last:
            return
        try:
            yield from enumerate(self._tiles.entries(first, last), first)
        except InvalidInput as error:
            raise VerificationError(f"the node's tiles have no valid form: {error}", step=7, code=error.code) from None

    def find(self, event_id: str) -> int | None:
        """The entry of the event with this id; that there is none is the node's word."""
        try:
            index = self._node.transport.read(f"/v1/ids/{address.segments(event_id)}", wire.Place).index
        except NotFound:
            return None
        if index >= self.size:
            # Recorded after this block.
            return None
        if _event_id(self.entry(index)) != event_id:
            raise VerificationError(f"entry {index} is not the event {event_id}", step=7, code="inclusion-entry")
        return index

    def header(self, height: int) -> Header:
        """The header of a height. Raises NotFound."""
        if not 0 <= height <= self.height:
            raise NotFound(f"there is no block {height}", code="no-block")
        return self.opened.header if height == self.height else self._entries.read_header(height, self.opened)

    def sealed_by(self, index: int) -> int:
        """The height of the block that sealed an entry, by the headers around it. Raises NotFound."""
        return self._entries.find_block(self._within(index), self.opened)

    def height_at(self, time: str) -> int | None:
        """The newest height whose header time is at or before `time`, by that header and the next one."""
        if self.opened.header.time <= time:
            return self.height
        found = self._node.transport.read("/v1/heights", wire.Height, query=(("time", time),)).height
        height = -1 if found is None else min(found, self.height - 1)
        # That of this view is later, so there always is a next one.
        if (height >= 0 and self.header(height).time > time) or self.header(height + 1).time <= time:
            raise VerificationError(f"block {height} is not the newest one at {time}", step=_HEADER_STEP, code="header-successor")
        return height if height >= 0 else None

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """The node's proof that entry `index` is in the tree of `size` entries."""
        return self._entries.prove(index, size)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """The node's proof that the tree of `new` entries extends that of `old` ones; also of sizes after this view."""
        if (old, new) == (self.opened.since, self.size):
            return self.opened.consistency
        return self._node.consistency(old, new)

    def record(self, stream: str) -> bytes | None:
        """The record of a stream under the newest header, by a proof: it may be of a later block than this view, never earlier."""
        return self._open_record(stream)[0]

    def path(self, *, named: bool = False) -> tuple[Step, ...]:
        """How the members came to be who they are; whoever walks it checks it (core.proof.path)."""
        steps = read_path(self._node.transport)
        return steps if named or not _only_names(steps, self.size) else ()

    def prove_state(self, stream: str) -> StateProof:
        """The proof of a stream's record under this view's header. Raises Unavailable (`moved`) once there is a newer one."""
        _, proof, opened = self._open_record(stream)
        if opened.size != self.size:
            raise Unavailable(
                "the ledger has grown since this view was opened, and a node proves records under the newest block only",
                code="moved",
                hint="Open a new view and ask again.",
                retry_after=0.0,
            )
        return proof

    def _open_record(self, stream: str) -> tuple[bytes | None, StateProof, Opened]:
        answered: list[Standing] = []

        def ask(since: int | None) -> Frame:
            query = () if since is None else (("from", str(since)),)
            answered.append(self._node.transport.read(f"/v1/records/{address.segments(stream)}", Standing, query=query))
            return answered[-1].view

        opened = self._node.meet(ask)
        proof = answered[-1].proof
        if proof.name != stream:
            raise VerificationError(f"the node shows {proof.name[:128]} for {stream}", step=_STATE_STEP, code="state-missing")
        return state_map.check(bytes.fromhex(opened.header.state), proof), proof, opened

    def _within(self, index: int) -> int:
        if not 0 <= index < self.size:
            raise NotFound(f"there is no entry {index}", code="no-entry")
        return index


def read_path(transport: Transport) -> tuple[Step, ...]:
    """The node's trust path, from the genesis on."""
    return transport.read("/v1/trust", wire.Members, limit=MAX_PATH_BYTES).path


def _only_names(steps: tuple[Step, ...], size: int) -> bool:
    """Does a path lead to the first members of a ledger that moved in, over the checkpoint of so many entries and no further?"""
    return len(steps) == 2 and paths.read_end(steps) == size and paths.read_founders(steps[0].header) is None


def _event_id(raw: bytes) -> str | None:
    try:
        return events.decode(dsse.decode(raw).payload).event_id
    except InvalidInput:
        return None
