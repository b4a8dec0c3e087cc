"""Checkpoints that lie in the ledger's file, and the members who judge each of them.

The members in force now are a record; who was in force before an earlier block stands in the newest header below it that
names a set. What was found on the way is remembered, so that a walk back is made once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from muniment.core.format import merkle, note, state_map
from muniment.core.format.entry import Header
from muniment.core.rules import genesis, members
from muniment.core.rules.members import Validators
from muniment.errors import MunimentError
from muniment.ledger.store.snapshot import Snapshot
from muniment.node.cosigning import head
from muniment.node.cosigning.head import Head
from muniment.node.cosigning.voters import Voters

MEMBERS = "members"


class File(Protocol):
    """What is needed of a store (ledger.store.file.Store)."""

    @property
    def validators(self) -> Validators | None:
        """The members who judge the next block."""

    def view(self) -> AbstractContextManager[Snapshot]:
        """The ledger as of its newest block."""

    def cosign(self, lines: Mapping[int, Mapping[str, str]]) -> None:
        """Keep lines by height and organisation."""


class _Term(msgspec.Struct, frozen=True):
    """Members who judge the blocks above `height`, until the next term."""

    height: int
    voters: Voters | None


class Past:
    """Reads checkpoints of one ledger's file. Safe for threads, as far as the store is; nothing is written."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._terms: tuple[_Term, ...] = ()
        """The newest first, without gaps between them; replaced as a whole."""

    def open(self) -> tuple[str, int, Voters | None]:
        """The ledger's origin, its height, and the members who judge its next block."""
        with self._file.view() as view:
            height, origin = view.height, view.position.origin
            self._terms = (self._newest_term(view),)
            return origin, height, self._terms[0].voters

    def begin_term(self, height: int, voters: Voters) -> None:
        """A block was committed that changed the members."""
        self._terms = (_Term(height, voters), *self._terms)

    def read(self, first: int, stop: int) -> list[Head]:
        """The heads of some heights, with every line in the file that holds."""
        with self._file.view() as view:
            return [self._read(view, height) for height in range(first, min(stop, view.height + 1))]

    def find(self, size: int) -> Head | None:
        """The head of the block that ends where there were `size` entries; None where no block does."""
        found = self.cover(size)
        return found if found is not None and found.size == size else None

    def cover(self, size: int) -> Head | None:
        """The head of the block that holds the entry before `size`; None where the ledger is not that long."""
        with self._file.view() as view:
            if not 0 < size <= view.size:
                return None
            return self._read(view, view.sealed_by(size - 1))

    def prove(self, old: int, new: int) -> tuple[bytes, ...]:
        """The proof that the tree of `new` entries extends that of `old` ones."""
        with self._file.view() as view:
            return view.consistency(old, new)

    def find_root(self, size: int) -> bytes:
        """The root of the first `size` entries."""
        with self._file.view() as view:
            last = size - 1
            return merkle.fold_inclusion(merkle.leaf(view.entry(last)), last, size, view.inclusion(last, size))

    def scan_short(self, first: int, stop: int) -> Iterator[int]:
        """The heights in [first, stop), newest first, on whose checkpoints fewer lines are kept than a quorum."""
        for at in range(stop, first, -256):
            for each in reversed(self.read(max(first, at - 256), at)):
                if not each.is_settled:
                    yield each.height

    def judge(self, height: int) -> Voters | None:
        """The members who judge the checkpoint of a height: those in force before its block."""
        with self._file.view() as view:
            return self._judge(view, height)

    def _read(self, view: Snapshot, height: int) -> Head:
        voters, header = self._judge(view, height), view.header(height)
        read = head.read(height, header.time, note.parse(view.checkpoint_at(height)), voters)
        if voters is not None:
            # A damaged line would be handed on, and whoever verifies it would refuse the whole checkpoint.
            read.lines = {name: line for name, line in read.lines.items() if _holds(voters, read.text, name, line)}
        return read

    def _judge(self, view: Snapshot, height: int) -> Voters | None:
        while True:
            terms = self._terms
            for each in terms:
                if height > each.height:
                    return each.voters
            if not terms or terms[-1].height < 0:
                return None
            # Only one more each time: seldom is anything asked from before the last change but one.
            self._terms = (*terms, self._term_before(view, terms[-1].height))

    def _newest_term(self, view: Snapshot) -> _Term:
        validators, record = self._file.validators, view.record(MEMBERS)
        if validators is None or record is None:
            return _Term(-1, None)
        since = view.sealed_by(state_map.decode_record(record).last)
        if since == 0:
            return _Term(-1, Voters(view.position.origin, validators))
        return _Term(since, Voters(view.position.origin, validators))

    def _term_before(self, view: Snapshot, height: int) -> _Term:
        """The members in force before the block of `height`, which changed them."""
        origin = view.position.origin
        for below in range(height - 1, -1, -1):
            found = read_validators(view.header(below))
            if found is not None:
                return _Term(below if below else -1, Voters(origin, found))
        return _Term(-1, None)


def read_validators(header: Header) -> Validators | None:
    """The members that a header names; those of the genesis judge the genesis itself too."""
    if isinstance(header.validators, msgspec.Raw):
        return members.decode(bytes(header.validators))
    if isinstance(header.genesis, msgspec.Raw):
        return genesis.decode(bytes(header.genesis)).validators
    return None


def _holds(voters: Voters, text: str, organisation: str, line: str) -> bool:
    try:
        voters.open(text, organisation, note.parse_signature(line))
    except MunimentError:
        return False
    return True
