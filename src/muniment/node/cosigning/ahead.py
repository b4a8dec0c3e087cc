"""Lines on checkpoints that this node has not reached: a member who is faster says so before we can compare."""

from __future__ import annotations

import msgspec

from muniment.core.format import note
from muniment.node.cosigning.voters import Voters

MAX_SIZES = 64
"""Of one member. He may fill his own room as he likes, and takes nobody else's."""


class Early(msgspec.Struct, frozen=True):
    """A verified line on a checkpoint of a size to come."""

    organisation: str
    size: int
    text: str
    line: str


class Ahead:
    """The early lines by member and size. Guarded by the keeper's lock."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[int, Early]] = {}

    def knows(self, organisation: str, size: int, line: str) -> bool:
        """Is this line kept already?"""
        known = self._lines.get(organisation, {}).get(size)
        return known is not None and known.line == line

    def keep(self, early: Early) -> bool:
        """Keep a verified line; False where there is no room. The nearest ones stay: those further on are asked for again."""
        sizes = self._lines.setdefault(early.organisation, {})
        if early.size not in sizes and len(sizes) >= MAX_SIZES:
            furthest = max(sizes)
            if furthest < early.size:
                return False
            del sizes[furthest]
        sizes[early.size] = early
        return True

    def take(self, size: int) -> list[Early]:
        """What was said of sizes up to this one; it is kept no longer."""
        found: list[Early] = []
        for sizes in self._lines.values():
            found += [sizes.pop(each) for each in sorted(sizes) if each <= size]
        return found

    def forget(self, voters: Voters) -> None:
        """Keep only the lines of these members, by these keys: whoever counts no more says nothing of what is to come."""
        for sizes in self._lines.values():
            for each in [*sizes.values()]:
                if voters.find(note.parse_signature(each.line)) != each.organisation:
                    del sizes[each.size]

    @property
    def voices(self) -> int:
        """How many members have lines here: so many say that there is something newer."""
        return sum(map(bool, self._lines.values()))

    @property
    def count(self) -> int:
        """How many lines are kept."""
        return sum(map(len, self._lines.values()))
