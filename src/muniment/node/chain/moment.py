"""The time of a block: its proposer's clock, which voters compare with their own (docs/spec, section 13.3).

    raw = moment.encode(now)                    # the first transaction of every block that holds events
    watch.may_vote(when, name)                  # at each voter

CometBFT's own block time is the median of the votes for the block before. On a chain that makes no empty blocks these votes may
be days old when the next event comes, and so would be the time by which approvals and keys expire.

A time ahead of a voter's own clock is refused. One that lies far behind it is refused too, but not for ever: after an outage
some validators may be bound to a block from before, which the others must then accept (`PATIENCE`).
"""

from __future__ import annotations

from collections.abc import Callable

from muniment.ledger.embedded import Clock

AHEAD_US = 10 * 1_000_000
BEHIND_US = 60 * 1_000_000
PATIENCE = 8
"""So often the same block is refused for being old. Who proposes one for no reason has one turn, and then others have theirs."""
MAX_REFUSED = 64

_PREFIX = b"time"
_BYTES = len(_PREFIX) + 8


class Watch:
    """Judges the times of proposed blocks by this machine's clock. `tell` hears how far they differ: "" where they agree."""

    def __init__(self, clock: Clock, tell: Callable[[str], None]) -> None:
        self._clock = clock
        self._tell = tell
        # How often each block was refused since the last one that was not.
        self._refused: dict[bytes, int] = {}

    def now(self) -> int:
        """Microseconds since 1970, as this machine believes."""
        return self._clock()

    def may_vote(self, when: int, block: bytes) -> bool:
        """May a block with this time and this hash be voted for?"""
        off = when - self._clock()
        if -BEHIND_US <= off <= AHEAD_US:
            self._tell("")
            self._refused.clear()
            return True
        times = self._refused.get(block, 0) + 1
        if block in self._refused or len(self._refused) < MAX_REFUSED:
            self._refused[block] = times
        if off < 0 and times > PATIENCE:
            return True
        side = "ahead of" if off > 0 else "behind"
        self._tell(f"a member proposed a block whose time is {abs(off) / 1e6:.0f} s {side} this machine's clock")
        return False


def encode(when: int) -> bytes:
    """A time (microseconds since 1970, not before) as a transaction."""
    return _PREFIX + when.to_bytes(8, "big")


def decode(raw: bytes) -> int | None:
    """The time that a transaction says; None for one that is a batch of events, or nothing."""
    return int.from_bytes(raw[len(_PREFIX) :], "big") if len(raw) == _BYTES and raw.startswith(_PREFIX) else None
