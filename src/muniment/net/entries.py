"""Entries and headers of a ledger at a node, each checked against a signed tree before it is handed out, and kept for a while.

What was once shown to be in a tree is in every tree that continues it, and only such trees are believed: what is kept needs no
second proof.
"""

from __future__ import annotations

from muniment.core.format import merkle
from muniment.core.format.encoding import MAX_ENTRY_BYTES
from muniment.core.format.entry import Header
from muniment.errors import NotFound, Unavailable, VerificationError
from muniment.net import frames, wire
from muniment.net.frames import Opened
from muniment.net.transport import Transport

KEPT_BYTES = 8 << 20
KEPT_HEADERS = 4_096

_HEADER_STEP = 8


class Entries:
    """What was read so far. Threads may read at once: at worst they ask twice."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._raws: dict[int, bytes] = {}
        self._proofs: dict[tuple[int, int], tuple[bytes, ...]] = {}
        self._heights: dict[int, int] = {}
        self._headers: dict[int, Header] = {}
        self._bytes = 0

    def note(self, index: int, raw: bytes, size: int, proof: tuple[bytes, ...], height: int | None) -> None:
        """Keep an entry that was checked, its proof under a size, and the height that the node said."""
        self._make_room(len(raw) + 32 * len(proof))
        self._raws[index] = raw
        self._proofs[index, size] = proof
        if height is not None:
            self._heights[index] = height

    def note_header(self, header: Header) -> None:
        """Keep a header that was checked."""
        if len(self._headers) >= KEPT_HEADERS:
            self._headers = {}
        self._headers[header.height] = header

    def read(self, index: int, opened: Opened) -> bytes:
        """The exact bytes of an entry of a tree. Raises VerificationError (step 7), Unavailable (`withheld`)."""
        kept = self._raws.get(index)
        if kept is not None:
            return kept
        raw = self._fetch(f"/v1/entries/{index}", f"entry {index}")
        proof = self._check(raw, index, opened)
        self.note(index, raw, opened.size, proof, None)
        return raw

    def prove(self, index: int, size: int) -> tuple[bytes, ...]:
        """The node's proof that an entry is in the tree of `size` entries; whoever knows the root checks it."""
        kept = self._proofs.get((index, size))
        if kept is not None:
            return kept
        query = (("index", str(index)), ("size", str(size)))
        return frames.parse_hashes(self._transport.read("/v1/proofs/inclusion", wire.Proof, query=query).hashes)

    def read_header(self, height: int, opened: Opened) -> Header:
        """The header of a height. Raises VerificationError (steps 7 and 8), Unavailable (`withheld`)."""
        kept = self._headers.get(height)
        if kept is not None:
            return kept
        raw = self._fetch(f"/v1/headers/{height}", f"the header of block {height}")
        header = frames.open_header(raw)
        if header.height != height or header.size >= opened.size:
            raise VerificationError(
                f"the node shows the header of block {header.height} for that of block {height}",
                step=_HEADER_STEP,
                code="header-height",
            )
        self._check(raw, header.size, opened)
        self.note_header(header)
        return header

    def find_block(self, index: int, opened: Opened) -> int:
        """The height of the block that sealed an entry. Raises VerificationError (step 8, `header-successor`)."""
        newest = self._headers.get(opened.height - 1)
        if newest is not None and newest.size < index:
            return opened.height
        height = self._heights.get(index)
        if height is None or height > opened.height:
            query = (("index", str(index)),)
            height = self._transport.read("/v1/heights", wire.Height, query=query).height
        if height is None or height > opened.height:
            raise _not_sealed(index)
        before = -1 if height == 0 else self.read_header(height - 1, opened).size
        if not before < index <= self.read_header(height, opened).size:
            raise _not_sealed(index)
        self._heights[index] = height
        return height

    def _fetch(self, path: str, what: str) -> bytes:
        try:
            return self._transport.fetch(path, limit=MAX_ENTRY_BYTES)
        except NotFound:
            # It is in the tree that the node itself showed.
            raise Unavailable(f"the node does not hand out {what}", code="withheld", hint="Ask whoever runs it why.") from None

    def _check(self, raw: bytes, index: int, opened: Opened) -> tuple[bytes, ...]:
        proof = self.prove(index, opened.size)
        merkle.check_inclusion(merkle.leaf(raw), index, opened.size, proof, opened.root)
        return proof

    def _make_room(self, bytes_: int) -> None:
        self._bytes += bytes_
        if self._bytes > KEPT_BYTES:
            self._raws, self._proofs, self._heights, self._bytes = {}, {}, {}, bytes_


def _not_sealed(index: int) -> VerificationError:
    return VerificationError(
        f"the block that the node names did not seal entry {index}", step=_HEADER_STEP, code="header-successor"
    )
