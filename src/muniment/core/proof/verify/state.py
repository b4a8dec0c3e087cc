"""Step 11: records of the state map, complete streams, and a record as of a past header (docs/spec, section 9).

All proofs of an answer lead to one root: that in the header which is the checkpoint's last entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from muniment.core.format import entry, merkle, state_map
from muniment.core.format.entry import Header
from muniment.core.format.state_map import Record, StateProof
from muniment.core.proof.answer import UNSET, Absent, History, Numbered
from muniment.core.proof.part import Status
from muniment.core.proof.verify.inclusion import open_header
from muniment.core.proof.verify.statement import Signed
from muniment.core.rules.events import DeploymentChanged
from muniment.core.rules.events.stream_name import deployment
from muniment.errors import InvalidInput, VerificationError

STEP = 11
DEPLOYMENT = "deployment/"
WHOLE = frozenset({"promote", "rollback", "start", "stop"})
"""The transitions after which nothing before them matters to a deployment's state."""


def open_states(proofs: Sequence[StateProof], header: Header) -> dict[str, Record | None]:
    """The records of the streams that are proved under a header; None where a stream is shown to be absent.

    Raises VerificationError (step 11): `state-...` of `state_map.check`, `state-record`, `state-future`.
    """
    root = bytes.fromhex(header.state)
    records: dict[str, Record | None] = {}
    for proof in proofs:
        raw = state_map.check(root, proof)
        if raw is None:
            records[proof.name] = None
            continue
        try:
            record = state_map.decode_record(raw)
        except InvalidInput as error:
            raise _failure("state-record", f"the record of {proof.name} has no valid form: {error}") from None
        if record.last > header.size:
            raise _failure("state-future", f"the record of {proof.name} counts an entry after the header that it is proved under")
        records[proof.name] = record
    return records


def require(records: Mapping[str, Record | None], stream: str) -> Record | None:
    """The record of a stream that was asked about. Raises VerificationError (step 11, `state-missing`)."""
    if stream not in records:
        raise _failure("state-missing", f"this file does not show {stream}")
    return records[stream]


def check_past(stream: str, record: Record | None, size: int, history: History | Absent) -> Status:
    """Check what an answer says about a stream as of a past header with this `size` (docs/spec, section 9.3).

    What that header changes itself is part of its state and folds at its own index, so the bound is one more than its size.
    Raises VerificationError (step 11): `history-...`.
    """
    bound = size + 1
    standing = state_map.compare(record, bound)
    if record is None or standing == "absent":
        _refuse(history)
        return "absent"
    if standing == "same":
        _refuse(history)
        return "unchanged"
    if history is UNSET:
        raise _failure("history-missing", f"{stream} has changed since, and this file does not hold what it was made of then")
    before = state_map.key(stream) if history.before is UNSET else bytes.fromhex(history.before)
    later = tuple((link.index, bytes.fromhex(link.leaf)) for link in history.later)
    handed = state_map.History(before, tuple(_links(history.events)), later)
    past = state_map.check_history(stream, record, bound, handed)
    if (past.start == 1) != (history.before is UNSET):
        raise _failure("history-start", "the running head before the first event is given where none is needed, or missing")
    return "earlier"


def check_whole(stream: str, history: History, signed: Mapping[int, Signed]) -> None:
    """Check that a history which does not begin with the stream begins where the whole state was set.

    Raises VerificationError (step 11, `history-whole`).
    """
    if history.before is UNSET:
        return
    first = signed.get(history.events[0].index)
    event = None if first is None else first.event
    place = deployment(event.environment, event.name) if isinstance(event, DeploymentChanged) else ""
    if not isinstance(event, DeploymentChanged) or place != stream or event.transition not in WHOLE:
        raise _failure("history-whole", f"what is handed over does not begin with an event that sets the whole state of {stream}")


def _links(events: Sequence[Numbered]) -> list[tuple[int, bytes]]:
    """What each entry folds into its streams: its leaf, or for a header the leaf of what it says without the state."""
    links = []
    for each in events:
        header = open_header(each.entry, each.index)
        links.append((each.index, merkle.leaf(each.entry) if header is None else entry.leaf_without_state(header)))
    return links


def _refuse(history: History | Absent) -> None:
    if history is not UNSET:
        raise _failure("history-unasked", "this file holds a history where the record alone answers")


def _failure(code: str, message: str) -> VerificationError:
    return VerificationError(message, step=STEP, code=code)
