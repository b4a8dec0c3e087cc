"""Step 6: how old a checkpoint is, and by whose clock (docs/spec, section 10.5).

Where a quorum of organisations cosigned, their clocks count: the time at or after which a whole quorum had seen nothing
newer. Else there is only the header's time, the operator's own claim.
"""

from __future__ import annotations

from muniment.core.format import time
from muniment.core.proof.authority import Head
from muniment.core.proof.inquiry import Block
from muniment.core.proof.verify.verified import Clock
from muniment.errors import InvalidInput, VerificationError

STALE = "stale"
STEP = 6
SECOND = 1_000_000
MAX_AHEAD_S = 300


def read_clocks(head: Head, block: Block | None) -> tuple[Clock, ...]:
    """Each time that bounds a checkpoint, with its clock; the one that freshness is judged by comes first.

    Raises VerificationError (step 6, `clock`) for a cosignature's time beyond the calendar.
    """
    clocks = []
    if head.quorum_time is not None:
        whose = f"a quorum of {head.quorum} cosigning organisations, each by its own clock"
        clocks.append(Clock(whose=whose, time=_read_posix(head.quorum_time)))
    if block is not None:
        claim = "its proposer's clock, which the voters found right" if head.tier == "consortium" else "the operator's claim"
        clocks.append(Clock(whose=f"header time, {claim}", time=block.time))
    for voice in head.voices:
        clocks.append(Clock(whose=f"cosignature of {voice.organisation}, its own clock", time=_read_posix(voice.time)))
    return tuple(clocks)


def check_freshness(clocks: tuple[Clock, ...], now: str | None, max_age: int | None) -> bool:
    """Check that a checkpoint is at most `max_age` seconds old at `now`; False where no age was asked for.

    Raises VerificationError (step 6: `stale`, `clock`), InvalidInput (`no-clock`) for an age without a `now`.
    """
    if max_age is None:
        return False
    if now is None or max_age < 0:
        raise InvalidInput("an age is judged by a clock: give `now`, and an age of 0 seconds or more", code="no-clock")
    if not clocks:
        raise VerificationError("nothing says how old this checkpoint is", step=STEP, code="stale")
    age_us = time.parse(now) - time.parse(clocks[0].time)
    if age_us < -MAX_AHEAD_S * SECOND:
        raise VerificationError(
            f"the checkpoint is of {clocks[0].time} ({clocks[0].whose}), later than now, {now}",
            step=STEP,
            code="clock",
            hint="Set this machine's clock right; if it is right, the other clock is wrong.",
        )
    if age_us > max_age * SECOND:
        raise VerificationError(
            f"the checkpoint is of {clocks[0].time} ({clocks[0].whose}), more than {max_age} s before {now}",
            step=STEP,
            code=STALE,
            hint="Ask the ledger for a new answer, or another member's node; this one may hide what happened since.",
        )
    return True


def _read_posix(seconds: int) -> str:
    try:
        return time.format(seconds * SECOND)
    except InvalidInput:
        raise VerificationError(f"a cosignature is of {seconds} seconds after 1970", step=STEP, code="clock") from None
