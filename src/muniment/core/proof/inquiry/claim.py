"""Presence and absence in plain terms, as of the newest header: approved or not, deployed ever, on hold, withdrawn.

Each claim holds or fails, and the findings name what decides: the approvals, deployments, incidents or the withdrawal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from muniment.core.format.encoding import Natural, Segment, Time
from muniment.core.proof.inquiry.ground import Ground, failure, find, read, title
from muniment.core.proof.part import UNSET, Absent, Part, Status, Text
from muniment.core.rules.events import ApprovalDecided, DatasetWithdrawn, DeploymentChanged, IncidentRecorded
from muniment.core.rules.events.stream_name import Stream, deployment
from muniment.core.rules.records import Approval, Data, Incident, Key, Version
from muniment.errors import InvalidInput

Claim = Literal["approved", "deployed", "never-deployed", "not-approved", "not-on-hold", "not-withdrawn", "on-hold", "withdrawn"]
Standing = Literal["counts", "closed", "disputed", "expired", "open", "recorded", "revoked"]


class ClaimQuestion(Part, frozen=True, kw_only=True, tag_field="ask", tag="claim"):
    """Does this hold of a version (`approved` and `deployed` for an environment) or data set now?"""

    claim: Claim
    environment: Segment | Absent = UNSET
    of: Stream

    def about(self) -> tuple[str, ...]:
        """The streams that the question is about."""
        return (self.of,)


class Witness(Part, frozen=True, kw_only=True):
    """Something that speaks to the claim: an approval, a deployment, an incident, a withdrawal.

    standing: `counts` for an approval that is open, neither expired nor disputed, and `open` for an incident that holds;
    what does not decide says why
    """

    actor: Segment
    expires: Time | Absent = UNSET
    index: Natural
    standing: Standing
    stream: Stream


class ClaimFindings(Part, frozen=True, kw_only=True, tag_field="ask", tag="claim"):
    """Whether the claim holds as of the newest header, and all that speaks to it by ascending entry."""

    holds: bool
    name: Text
    recorded: bool
    witnesses: tuple[Witness, ...] = ()

    def status(self) -> Status:
        """The word of the result."""
        return "holds" if self.holds else "fails"


def evaluate(question: ClaimQuestion, ground: Ground) -> ClaimFindings:
    """Look for what would make the positive claim hold; its opposite holds exactly where that does not.

    Raises InvalidInput (`bad-claim`) for a claim that says nothing about such a thing.
    """
    positive = _OPPOSITES.get(question.claim, question.claim)
    _check_form(question, positive)
    recorded = ground.record(question.of) is not None
    witnesses = _SEARCHES[positive](question, ground) if recorded else ()
    found = any(witness.standing in _DECISIVE for witness in witnesses)
    return ClaimFindings(
        holds=found == (positive == question.claim),
        name=title(ground, question.of),
        recorded=recorded,
        witnesses=witnesses,
    )


def _check_form(question: ClaimQuestion, positive: Claim) -> None:
    kind, placed = ("data", False) if positive == "withdrawn" else ("version", positive != "on-hold")
    if not question.of.startswith(f"{kind}/") or (question.environment is not UNSET and not placed):
        raise InvalidInput(
            f"{question.claim} is said of a {kind}{'' if placed else ' and of no environment'}",
            code="bad-claim",
            hint="Name a version, or for `withdrawn` a data set.",
        )


def _approvals(question: ClaimQuestion, ground: Ground) -> tuple[Witness, ...]:
    """The decisions to approve the version for the environment."""
    found = []
    for told in ground.events(question.of):
        event = told.event
        if (
            isinstance(event, ApprovalDecided)
            and event.decision == "approve"
            and question.of == event.of.thing()
            and question.environment in (UNSET, event.of.environment)
        ):
            stream = f"approval/{event.event_id}"
            state = read(ground, stream, Approval)
            if state is None:
                raise failure("state-record", f"{stream} is not recorded, though entry {told.index} decided it")
            standing = weigh(ground, state)
            found.append(Witness(actor=event.actor, expires=event.expires_at, index=told.index, standing=standing, stream=stream))
    return tuple(found)


def weigh(ground: Ground, approval: Approval) -> Standing:
    """How an approval stands as of the newest header: revoked, expired, disputed, or it counts."""
    key = read(ground, f"key/{approval.keyid}", Key)
    if approval.status != "open":
        return "revoked"
    if approval.expires is not UNSET and approval.expires <= ground.head.time:
        return "expired"
    if key is None or key.disputes(approval.index):
        return "disputed"
    return "counts"


def _deployments(question: ClaimQuestion, ground: Ground) -> tuple[Witness, ...]:
    """Every change of a deployment to the version, or with it."""
    return tuple(
        Witness(
            actor=told.event.actor,
            index=told.index,
            standing="recorded",
            stream=deployment(told.event.environment, told.event.name),
        )
        for told in ground.events(question.of)
        if isinstance(told.event, DeploymentChanged)
        and question.of == f"version/{told.event.version}"
        and question.environment in (UNSET, told.event.environment)
    )


def _holds(question: ClaimQuestion, ground: Ground) -> tuple[Witness, ...]:
    """The incidents that hold the version; none where its record counts none."""
    version = read(ground, question.of, Version)
    if version is None or not version.holds:
        return ()
    found = []
    for told in ground.events(question.of):
        event = told.event
        if isinstance(event, IncidentRecorded) and event.hold and question.of == f"version/{event.version}":
            stream = f"incident/{event.event_id}"
            state = read(ground, stream, Incident)
            standing: Standing = "open" if state is not None and state.status == "open" else "closed"
            found.append(Witness(actor=event.actor, index=told.index, standing=standing, stream=stream))
    if sum(witness.standing == "open" for witness in found) != version.holds:
        raise failure("state-record", f"the record of {question.of} counts other holds than its events")
    return tuple(found)


def _withdrawals(question: ClaimQuestion, ground: Ground) -> tuple[Witness, ...]:
    """The withdrawal of the data set."""
    data = read(ground, question.of, Data)
    if data is None or data.withdrawn is UNSET:
        return ()
    event = find(ground, data.withdrawn, DatasetWithdrawn, question.of)
    return (Witness(actor=event.actor, index=data.withdrawn, standing="open", stream=question.of),)


_DECISIVE = frozenset({"counts", "open", "recorded"})
_OPPOSITES: Mapping[Claim, Claim] = MappingProxyType(
    {"never-deployed": "deployed", "not-approved": "approved", "not-on-hold": "on-hold", "not-withdrawn": "withdrawn"}
)
_SEARCHES: Mapping[Claim, Callable[[ClaimQuestion, Ground], tuple[Witness, ...]]] = MappingProxyType(
    {"approved": _approvals, "deployed": _deployments, "on-hold": _holds, "withdrawn": _withdrawals}
)
