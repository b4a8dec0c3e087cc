"""What a deployment runs, or ran last, and the decisions that an answer relies on (docs/spec, sections 10.3 and 10.5).

A reader acts on these, so that what speaks against them belongs to the file: without the entry that put a version there, the
records of the approvals that it names and of the keys that signed those, an answer does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping

from muniment.core.format.state_map import Record
from muniment.core.proof.answer import History
from muniment.core.proof.inquiry import Ground
from muniment.core.proof.inquiry.ground import failure, find, read, read_state
from muniment.core.proof.part import UNSET
from muniment.core.proof.verify.state import WHOLE
from muniment.core.proof.verify.statement import Signed
from muniment.core.rules.events import ApprovalDecided, DeploymentChanged, Event
from muniment.core.rules.records import Approval, Deployment

ENDING = "stop"


def read_serving(stream: str, record: Record, ground: Ground) -> tuple[int, DeploymentChanged]:
    """The entry and the event that made a deployment what its record says, with all that it relies on.

    Raises VerificationError (step 11: `event-missing`, `event-kind`, `state-missing`, `state-record`).
    """
    state = read_state(record, Deployment, stream)
    change = find(ground, state.since, DeploymentChanged, stream)
    if (change.version, change.transition == ENDING) != (state.version, state.status == "stopped"):
        raise failure("event-kind", f"the record of {stream} names entry {state.since}, which says something else")
    require_relied(change, ground)
    return state.since, change


def read_past_serving(stream: str, history: History, signed: Mapping[int, Signed], ground: Ground) -> tuple[int, DeploymentChanged]:
    """The entry and the event that made a deployment what it was after the events handed over, with all that it relies on.

    Raises VerificationError (step 11: `history-whole`, `state-missing`, `state-record`).
    """
    for each in reversed(history.events):
        event = signed[each.index].event if each.index in signed else None
        if isinstance(event, DeploymentChanged) and event.transition in WHOLE:
            require_relied(event, ground)
            return each.index, event
    raise failure("history-whole", f"nothing that is handed over says what {stream} runs")


def require_relied(event: Event | None, ground: Ground) -> None:
    """Check that a file shows what became of a decision, or of the approvals that a deployment names.

    Raises VerificationError (step 11: `state-missing`, `state-record`).
    """
    for stream in list_relied(event):
        approval = read(ground, stream, Approval)
        if approval is None:
            raise failure("state-record", f"an entry relies on {stream}, which has no record")
        ground.record(f"key/{approval.keyid}")


def list_relied(event: Event | None) -> tuple[str, ...]:
    """The streams of the approvals that an event is, takes back, or names."""
    if isinstance(event, ApprovalDecided):
        return (f"approval/{event.event_id if event.revokes is UNSET else event.revokes}",)
    return tuple(f"approval/{each}" for each in event.approvals) if isinstance(event, DeploymentChanged) else ()
