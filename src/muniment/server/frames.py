"""What is said of a ledger beside every proof: the block as of which it holds, and where a proved entry stands."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from muniment.core.rules.policy import Verdict
from muniment.errors import InvalidInput
from muniment.ledger.engine import View
from muniment.ledger.store.snapshot import Snapshot
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
        changed=view.changed,
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


def judge(view: Snapshot, verdicts: Sequence[Verdict]) -> list[Judged]:
    """Verdicts with their proofs under the checkpoint of a view."""
    known = sorted({each.index for each in verdicts if each.index >= 0})
    proofs = dict(zip(known, view.inclusions(known, view.size), strict=True))
    judged: list[Judged] = []
    height = first = stop = -1
    for verdict in verdicts:
        index = verdict.index
        if index < 0:
            judged.append(Judged(decision=verdict.decision, event_id=verdict.event_id, reasons=verdict.reasons))
            continue
        if not first <= index < stop:
            # What was admitted together stands in one block, up to its header.
            height = view.sealed_by(index)
            first, stop = index, view.header(height).size
        proof = to_hex(proofs[index])
        judged.append(Judged(decision=verdict.decision, event_id=verdict.event_id, index=index, height=height, proof=proof))
    return judged


def to_hex(hashes: tuple[bytes, ...]) -> tuple[str, ...]:
    """Hashes as they stand in JSON."""
    return tuple([each.hex() for each in hashes])
