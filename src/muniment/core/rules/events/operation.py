"""Declarative events in operation: logs, interventions, monitoring, notifications, corrective actions."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from muniment.core.format.encoding import Decimal, EventId, HexDigest, Identifier, Natural, Segment, Time
from muniment.core.format.statement import Sealed
from muniment.core.rules.events.declarative import Declarative
from muniment.core.rules.events.predicate import require
from muniment.core.rules.events.value import UNSET, Absent, Fields, Metric, check_decimal, check_number

Intervention = Literal["disregard", "escalate", "override", "stop"]
MonitoringKind = Literal["outcomes-analysis", "performance", "post-market", "security"]
Regime = Literal["aia73", "dora", "gdpr33", "gpai55", "mdr"]
Action = Literal["disable", "fix", "notify", "recall", "retrain", "withdraw"]
Effectiveness = Literal["effective", "ineffective", "pending"]
Notified = Literal[
    "authorised-representative", "authority", "deployers", "distributors", "importers", "notified-body", "provider", "users"
]

# ISO 3166-1, two letters.
Country = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$(?!\n)")]


class OperationLogged(Declarative, frozen=True, kw_only=True):
    """A run-time log of one period is committed to; its records live elsewhere and may expire.

    periodStartAt: where the period begins
    periodEndAt: where it ends
    logRoot: Merkle root over the records of the log
    logCount: how many records it has
    logSchema: what a record of it looks like, and in which version
    storage: where the records are kept, in words
    samplingRate: the share of operations that were logged, from 0 to 1
    riskFlags: kinds of risk that the log shows
    """

    NAME: ClassVar[str] = "operation.logged"

    period_start_at: Time
    period_end_at: Time
    log_root: HexDigest
    log_count: Natural
    log_schema: Identifier | Absent = UNSET
    storage: Sealed | Absent = UNSET
    sampling_rate: Decimal | Absent = UNSET
    risk_flags: tuple[Segment, ...] = ()

    def check(self) -> None:
        super().check()
        require(self.period_start_at <= self.period_end_at, "a period ends after it begins")
        check_number("samplingRate", self.sampling_rate)


class OversightIntervened(Declarative, frozen=True, kw_only=True):
    """A person stepped in.

    action: what the person did
    output: the output that was overridden or disregarded, sealed
    operator: the actor who stepped in
    automationBiasCheck: whether the person was reminded of automation bias
    outcome: what came of it, in words
    """

    NAME: ClassVar[str] = "oversight.intervened"

    action: Intervention
    output: Sealed | Absent = UNSET
    operator: Segment | Absent = UNSET
    automation_bias_check: bool | Absent = UNSET
    outcome: Sealed | Absent = UNSET


class Drift(Fields, frozen=True, kw_only=True):
    """How far the data of operation moved away.

    method: how it was measured, such as psi
    statistic: the measured value
    threshold: the value from which on it matters
    """

    method: Segment
    statistic: Decimal
    threshold: Decimal | Absent = UNSET


class MonitoringReported(Declarative, frozen=True, kw_only=True):
    """What monitoring showed in a period.

    kind: what kind of monitoring
    periodStartAt: where the period begins
    periodEndAt: where it ends
    metrics: what was measured
    drift: how far the data moved away
    complaints: how many complaints came
    feedback: what users said, in words
    conclusion: what follows, in words
    reportDigest: digest of the report
    """

    NAME: ClassVar[str] = "monitoring.reported"

    kind: MonitoringKind | Absent = UNSET
    period_start_at: Time
    period_end_at: Time
    metrics: tuple[Metric, ...] = ()
    drift: Drift | Absent = UNSET
    complaints: Natural | Absent = UNSET
    feedback: Sealed | Absent = UNSET
    conclusion: Sealed | Absent = UNSET
    report_digest: HexDigest | Absent = UNSET

    def check(self) -> None:
        super().check()
        require(self.period_start_at <= self.period_end_at, "a period ends after it begins")
        for metric in self.metrics:
            check_decimal(metric.value)
        if self.drift is not UNSET:
            check_decimal(self.drift.statistic)
            check_number("threshold", self.drift.threshold)


class IncidentNotified(Declarative, frozen=True, kw_only=True):
    """An authority was told of an incident.

    incident: the incident, by the eventId of its record
    regime: the law that asks for it
    authority: the authority, by a short name
    memberState: its country, two letters
    deadlineAt: until when it had to be told
    sentAt: when it was told
    complete: whether the report is complete, or a first one
    reportDigest: digest of the report
    acknowledgement: the authority's reference
    """

    NAME: ClassVar[str] = "incident.notified"

    incident: EventId
    regime: Regime
    authority: Segment
    member_state: Country | Absent = UNSET
    deadline_at: Time | Absent = UNSET
    sent_at: Time
    complete: bool
    report_digest: HexDigest | Absent = UNSET
    acknowledgement: Identifier | Absent = UNSET


class CorrectiveActionTaken(Declarative, frozen=True, kw_only=True):
    """Something was done about an incident or a finding.

    incident: the incident that it answers, by the eventId of its record
    finding: another recorded event that it answers, by its eventId
    action: what was done
    effectiveness: whether it helped
    effectivenessCheck: how that was found out, in words
    notified: who was told
    """

    NAME: ClassVar[str] = "corrective_action.taken"

    incident: EventId | Absent = UNSET
    finding: EventId | Absent = UNSET
    action: Action
    effectiveness: Effectiveness | Absent = UNSET
    effectiveness_check: Sealed | Absent = UNSET
    notified: tuple[Notified, ...] = ()
