"""What is said of a ledger beside every proof: the block as of which it holds, and where a proved entry stands."""

from __future__ import annotations

import msgspec

from muniment.core.rules.policy import Verdict
from muniment.errors import InvalidInput
from muniment.ledger.engine import View
from muniment.net.wire import Frame, Judged


def read_frame(view: View, since: int | None = None) -> Frame:
    """The newest block of a view. Raises InvalidInput (`bad-size`) where `since` is beyond it."""
    last = view.size - 1
    frame = Frame(
        checkpoint=view.checkpoint.decode(),
        size=view.size,
        height=view.height,
        time=view.header(view.height).time,
        header=view.entry(last).decode(),
        inclusion=to_hex(view.inclusion(last, view.size)),
    )
    return frame if since is None else extend(frame, view, since)


def extend(frame: Frame, view: View, since: int) -> Frame:
    """The frame with the proof that it continues the ledger of `since` entries; there is nothing to prove from none."""
    if since > view.size:
        raise InvalidInput(
            f"the ledger has {view.size} entries, not {since}",
            code="bad-size",
            hint="If you have seen that many, keep your pin as evidence: the ledger was cut off or rewritten.",
            details={"size": view.size},
        )
    return msgspec.structs.replace(frame, consistency=to_hex(view.consistency(since, view.size)) if since > 0 else ())


def judge(view: View, verdict: Verdict, heights: dict[int, int]) -> Judged:
    """A verdict with its proof. `heights` remembers the block of the entries that were looked up."""
    index = verdict.index
    if index < 0:
        return Judged(decision=verdict.decision, event_id=verdict.event_id, reasons=verdict.reasons)
    height = heights.get(index)
    if height is None:
        height = view.sealed_by(index)
        # What was admitted together stands in one block, up to its header.
        heights.update(dict.fromkeys(range(index, view.header(height).size), height))
    return Judged(
        decision=verdict.decision,
        event_id=verdict.event_id,
        index=index,
        height=height,
        proof=to_hex(view.inclusion(index, view.size)),
    )


def to_hex(hashes: tuple[bytes, ...]) -> tuple[str, ...]:
    """Hashes as they stand in JSON."""
    return tuple([each.hex() for each in hashes])
