"""Decisions and waivers as pages tell them: who decided what for which place, in which words, and whether it still counts."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

import msgspec

from muniment.core.rules.events import ApprovalDecided, WaiverGranted
from muniment.core.rules.records import Approval, Key, Waiver
from muniment.index import ApprovalRow, EventRow
from muniment.server.explorer.source import Prose, Source, known

MAX_DECISIONS = 50

_WORDS = MappingProxyType({"approve": "approved it", "conditional": "approved it on conditions", "reject": "rejected it"})


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about a version. `standing` says whether it counts now, `tone` how good that is, and `note` since when.

    persons: who answers for it; roles: theirs as it was decided
    revoked: the entry that took it back
    """

    index: int
    event_id: str
    time: str
    actor: str
    environment: str
    decision: str
    words: str
    meaning: str
    persons: tuple[str, ...]
    roles: tuple[str, ...]
    standing: str
    tone: str
    grade: str
    expires: str
    revoked: int | None
    reason: Prose | None
    conditions: Prose | None


class Waived(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that was waived for a version in an environment, until a time."""

    row: EventRow
    rule: str
    environment: str
    expires: str
    over: bool
    persons: tuple[str, ...]
    reason: Prose | None
    measures: Prose | None
    grade: str


def read_decisions(source: Source, version: str) -> tuple[tuple[Decision, ...], bool]:
    """The newest decisions about a version, the newest first, and whether there are earlier ones."""
    rows = source.index.approvals(version, MAX_DECISIONS + 1)
    return tuple(_tell(source, row) for row in reversed(rows[-MAX_DECISIONS:])), len(rows) > MAX_DECISIONS


def find_decisions(source: Source, version: str, ids: Iterable[str]) -> tuple[Decision, ...]:
    """The decisions with these event ids, which a deployment of a version relied on."""
    return tuple(_tell(source, _find_row(source, version, each)) for each in ids)


def read_waivers(source: Source, version: str) -> tuple[Waived, ...]:
    """The newest waivers for a version, the newest first."""
    return tuple(_tell_waiver(source, *each) for each in source.list_events(f"version/{version}", WaiverGranted, MAX_DECISIONS))


def find_waivers(source: Source, ids: Iterable[str]) -> tuple[Waived, ...]:
    """The waivers with these event ids."""
    return tuple(_tell_waiver(source, *source.find_id(each, WaiverGranted)) for each in ids)


def _tell(source: Source, row: ApprovalRow) -> Decision:
    state = source.state(f"approval/{row.event_id}", Approval)
    event = source.find(row.index, ApprovalDecided)
    standing, tone = _weigh(source, row, state)
    return Decision(
        index=row.index,
        event_id=row.event_id,
        time=row.time,
        actor=row.actor,
        environment=row.environment,
        decision=row.decision,
        words=_WORDS.get(row.decision, row.decision),
        meaning=row.meaning,
        persons=() if state is None else state.persons,
        roles=() if state is None else state.roles,
        standing=standing,
        tone=tone,
        grade="" if event is None else known(event.grade) or "declared",
        expires=row.expires_at or "",
        revoked=row.revoked,
        reason=None if event is None else source.open_prose(event.reason),
        conditions=None if event is None else source.open_prose(event.conditions),
    )


def _find_row(source: Source, version: str, event_id: str) -> ApprovalRow:
    """A decision as the index lists those about a version, which may be very many."""
    row, event = source.find_id(event_id, ApprovalDecided)
    newest = source.list_rows(f"approval/{event_id}", ("approval.decided",), 1)
    return ApprovalRow(
        index=row.index,
        event_id=event_id,
        time=row.time,
        actor=row.actor,
        version=version,
        environment=known(event.of.environment),
        decision=event.decision,
        meaning=event.meaning,
        expires_at=None if event.expires_at is msgspec.UNSET else event.expires_at,
        revoked=newest[0].index if newest and newest[0].index != row.index else None,
    )


def _weigh(source: Source, row: ApprovalRow, state: Approval | None) -> tuple[str, str]:
    """Whether a decision counts as of the newest block, in a word, and the tone of that word."""
    if row.revoked is not None:
        return "taken back", "plain"
    if row.decision == "approve" and row.expires_at is not None and row.expires_at <= source.now:
        return "expired", "warn"
    key = None if state is None else source.state(f"key/{state.keyid}", Key)
    if key is not None and key.disputes(row.index):
        return "disputed", "bad"
    if row.decision == "reject":
        return "blocks", "bad"
    return ("counts", "good") if row.decision == "approve" else ("counts for nothing yet", "plain")


def _tell_waiver(source: Source, row: EventRow, event: WaiverGranted) -> Waived:
    state = source.state(f"waiver/{row.event_id}", Waiver)
    return Waived(
        row=row,
        rule=event.rule,
        environment=event.environment,
        expires=event.expires_at,
        over=event.expires_at <= source.now,
        persons=() if state is None else state.persons,
        reason=source.open_prose(event.reason),
        measures=source.open_prose(event.measures),
        grade=known(event.grade) or "declared",
    )
