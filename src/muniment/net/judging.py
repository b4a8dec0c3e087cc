"""What is sent to a node to be judged, and what the node says of it: in requests of a size, and each verdict about its event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from muniment.core.format import dsse
from muniment.core.rules import events
from muniment.core.rules.chain import Submission
from muniment.core.rules.policy import Verdict
from muniment.errors import InvalidInput, VerificationError
from muniment.net import wire
from muniment.net.wire import Judged

BATCH_BYTES = 4 << 20
"""A request holds about so many bytes of entries, half of what a node takes."""


def divide(submissions: Sequence[Submission], entries: Sequence[bytes]) -> Iterator[list[tuple[Submission, bytes]]]:
    """In order, as many as one request holds."""
    batch: list[tuple[Submission, bytes]] = []
    size = 0
    for submission, raw in zip(submissions, entries, strict=True):
        if batch and (len(batch) == wire.MAX_EVENTS or size + len(raw) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((submission, raw))
        size += len(raw)
    if batch:
        yield batch


def pair(
    verdicts: Sequence[Judged], batch: Sequence[tuple[Submission, bytes]]
) -> Iterator[tuple[Judged, tuple[Submission, bytes]]]:
    """Each verdict with what it is about, in the order in which that was sent. Raises as `read`."""
    if len(verdicts) != len(batch):
        raise bad(f"there are {len(verdicts)} for {len(batch)} events")
    return zip(verdicts, batch, strict=True)


def read(judged: Judged, submission: Submission) -> Verdict:
    """A verdict as the node told it. Raises VerificationError (step 1, `bad-verdict`) for one that cannot be about this event."""
    if judged.event_id != submission.event.event_id:
        raise bad(f"it is about {judged.event_id[:64]}, not {submission.event.event_id}")
    if judged.decision == "refused":
        if not judged.reasons:
            raise bad("it refuses and gives no reason")
        return Verdict(decision="refused", event_id=judged.event_id, reasons=judged.reasons)
    # A dry run of a new event names no entry: which one it would be is open until it is written.
    index = -1 if judged.index is msgspec.UNSET else judged.index
    return Verdict(decision=judged.decision, event_id=judged.event_id, index=index)


def is_repetition(stored: bytes, submission: Submission) -> bool:
    """Does an entry say what was submitted: the same statement, or the same bytes registered under the same name?"""
    try:
        payload = dsse.decode(stored).payload
        if payload == submission.envelope.payload:
            return True
        event, asked = events.decode(payload), submission.event
    except InvalidInput:
        return False
    known, wanted = event.things(), asked.things()
    return event.NAME == asked.NAME and event.event_id != asked.event_id and bool(wanted) and known[:1] == wanted[:1]


def bad(reason: str) -> VerificationError:
    """The error for a verdict that cannot be about what was sent."""
    return VerificationError(f"the node's verdict cannot be used: {reason}", step=1, code="bad-verdict")
