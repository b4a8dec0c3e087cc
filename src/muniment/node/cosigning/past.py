"""Checkpoints that lie in the ledger's file, with the members who judge each of them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from muniment.core.format import merkle, note
from muniment.core.rules import members
from muniment.core.rules.members import Validators
from muniment.errors import MunimentError
from muniment.ledger.store.snapshot import Snapshot
from muniment.node.cosigning import head
from muniment.node.cosigning.head import Head
from muniment.node.cosigning.voters import Voters

CHUNK = 256
MAX_LOOKED_AT = 10_000
"""So far back a node looks for checkpoints without a quorum."""


class File(Protocol):
    """What is needed of a store (ledger.store.file.Store)."""

    @property
    def validators(self) -> Validators | None:
        """The members who judge the next block."""

    def view(self) -> AbstractContextManager[Snapshot]:
        """The ledger as of its newest block."""


class Past:
    """Reads checkpoints of one ledger's file. Safe for threads, as far as the file is; nothing is written."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._voters: tuple[Voters, ...] = ()
        """Those that were made last, since making one derives all its keys; replaced as a whole."""

    def open(self) -> tuple[str, int, Voters | None]:
        """The ledger's origin, its height, and the members who judge its next block."""
        with self._file.view() as view:
            return view.position.origin, view.height, self._derive(view, self._file.validators)

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

    def judge(self, height: int) -> Voters | None:
        """The members who judge the block of a height, which need not be there yet."""
        with self._file.view() as view:
            return self._judge(view, height)

    def prove(self, old: int, new: int) -> tuple[bytes, ...]:
        """The proof that the tree of `new` entries extends that of `old` ones."""
        with self._file.view() as view:
            return view.consistency(old, new)

    def find_root(self, size: int) -> bytes:
        """The root of the first `size` entries."""
        with self._file.view() as view:
            last = size - 1
            return merkle.fold_inclusion(merkle.leaf(view.entry(last)), last, size, view.inclusion(last, size))

    def find_short(self, first: int, stop: int) -> list[int]:
        """The heights in [first, stop), ascending, on whose checkpoints fewer lines are kept than a quorum.

        The newest ones of them are looked at, and all that changed the members: without these no path of trust leads on.
        """
        begin = max(first, stop - MAX_LOOKED_AT)
        with self._file.view() as view:
            found = self._find_short(view, [each for each in view.membership_heights() if first <= each < begin])
        for at in range(begin, stop, CHUNK):
            with self._file.view() as view:
                found += self._find_short(view, range(at, min(at + CHUNK, stop)))
        return found

    def find_changes(self) -> set[int]:
        """The heights whose headers name a set of members."""
        with self._file.view() as view:
            return {*view.membership_heights()}

    def _find_short(self, view: Snapshot, heights: Iterable[int]) -> list[int]:
        found: list[int] = []
        for height in heights:
            # This node's own line is in the row of the block; where the ledger moved in, beside it with the others'.
            validators, own = view.validators_before(height), 1
            if validators is None:
                validators, own = _find_first(view, height), 0
            if validators is not None and len(view.cosignatures(height)) + own < validators.quorum:
                found.append(height)
        return found

    def _judge(self, view: Snapshot, height: int) -> Voters | None:
        return self._derive(view, view.validators_before(height) or _find_first(view, height))

    def _read(self, view: Snapshot, height: int) -> Head:
        voters, header = self._judge(view, height), view.header(height)
        found = head.read(height, header.time, note.parse(view.checkpoint_at(height)), voters)
        if voters is not None:
            # A damaged line would be handed on, and whoever verifies it would refuse the whole checkpoint.
            found.lines = {name: line for name, line in found.lines.items() if _holds(voters, found.text, name, line)}
        return found

    def _derive(self, view: Snapshot, validators: Validators | None) -> Voters | None:
        if validators is None:
            return None
        known = next((each for each in self._voters if each.validators == validators), None)
        if known is None:
            known = Voters(view.position.origin, validators)
            self._voters = (known, *self._voters[:3])
        return known


def _find_first(view: Snapshot, height: int) -> Validators | None:
    """The first members of a ledger that moved in, of the block that names them: the log's own line there is not theirs to sign."""
    named = view.cosigners_of(height) if height <= view.height else None
    return None if named is None else msgspec.structs.replace(named, publisher=members.UNSET)


def _holds(voters: Voters, text: str, organisation: str, line: str) -> bool:
    try:
        voters.open(text, organisation, note.parse_signature(line))
    except MunimentError:
        return False
    return True
