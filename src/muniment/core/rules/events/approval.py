"""Events of decisions: an approval decided, a waiver granted."""

from __future__ import annotations

from typing import ClassVar, Literal

from muniment.core.format.encoding import EventId, HexDigest, Natural, Segment, Time
from muniment.core.format.statement import Sealed
from muniment.core.rules.events.predicate import Event, require
from muniment.core.rules.events.value import UNSET, Absent, Fields

Decision = Literal["approve", "conditional", "reject", "revoke"]
Meaning = Literal["approval", "authorship", "responsibility", "review"]


class ApprovalSubject(Fields, frozen=True, kw_only=True):
    """What is decided about, in exactly one form: {version, environment}, {policy}, {member, terms} or {protocol}.

    version: the manifest root of a model version
    environment: the environment that the version may run in
    policy: the digest of a whole policy
    member: an organisation of the consortium
    terms: the digest of what is to change: SHA-256 of the canonical {change, cosignerKey, member, publisherKey, validatorKey}
    protocol: the number of a protocol
    """

    version: HexDigest | Absent = UNSET
    environment: Segment | Absent = UNSET
    policy: HexDigest | Absent = UNSET
    member: Segment | Absent = UNSET
    terms: HexDigest | Absent = UNSET
    protocol: Natural | Absent = UNSET

    def thing(self) -> str:
        """What is decided about, so that no two kinds of things share a text: `version/<sha256>`, `policy/<sha256>`, ..."""
        member = UNSET if self.member is UNSET else f"{self.member}/{self.terms}"
        forms = {"version": self.version, "policy": self.policy, "member": member, "protocol": self.protocol}
        return next(f"{kind}/{form}" for kind, form in forms.items() if form is not UNSET)

    def check(self) -> None:
        """Check that exactly one form is there. Raises InvalidInput (`one-form`)."""
        forms = (self.version, self.policy, self.member, self.protocol)
        require(
            sum(form is not UNSET for form in forms) == 1
            and (self.version is UNSET) == (self.environment is UNSET)
            and (self.member is UNSET) == (self.terms is UNSET),
            "`of` is {version, environment}, {policy}, {member, terms} or {protocol}",
            "one-form",
        )


class ApprovalDecided(Event, frozen=True, kw_only=True):
    """One actor decides. Two approvals are two events.

    of: what is decided about
    decision: approve, reject (blocks until it is revoked), conditional (never counts), or revoke
    revokes: the decision that is taken back, by its eventId
    meaning: what the signature means
    conditions: what must be met, in words
    expiresAt: until when it counts
    """

    NAME: ClassVar[str] = "approval.decided"
    STREAMS: ClassVar[tuple[str, ...]] = ("approval", "version")

    of: ApprovalSubject
    decision: Decision
    revokes: EventId | Absent = UNSET
    meaning: Meaning
    conditions: Sealed | Absent = UNSET
    expires_at: Time | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        decided = f"approval/{self.event_id if self.revokes is UNSET else self.revokes}"
        return (decided,) if self.of.version is UNSET else (decided, f"version/{self.of.version}")

    def things(self) -> tuple[tuple[str, str], ...]:
        if self.of.version is not UNSET:
            return ((f"version/{self.of.version}", self.of.version),)
        return () if self.of.policy is UNSET else (("policy", self.of.policy),)

    def check(self) -> None:
        super().check()
        self.of.check()
        require(
            (self.decision == "revoke") == (self.revokes is not UNSET), "`revokes` is there exactly where a decision is revoked"
        )


class WaiverGranted(Event, frozen=True, kw_only=True):
    """A rule is waived for one version in one environment, until a fixed time.

    rule: the rule of the policy that is waived
    version: the version that it is waived for
    environment: the environment that it is waived in
    expiresAt: until when
    measures: what compensates for it, in words
    """

    NAME: ClassVar[str] = "waiver.granted"
    STREAMS: ClassVar[tuple[str, ...]] = ("waiver", "version")

    rule: Segment
    version: HexDigest
    environment: Segment
    expires_at: Time
    measures: Sealed | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        return (f"waiver/{self.event_id}", f"version/{self.version}")

    def things(self) -> tuple[tuple[str, str], ...]:
        return ((f"version/{self.version}", self.version),)
