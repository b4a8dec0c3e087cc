"""What is decided and what serves: approvals, waivers, deployments, rollbacks, retirement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from muniment.client import moments
from muniment.client.drafting import Plain
from muniment.client.moments import Moment
from muniment.client.things import Recorded
from muniment.client.verbs.recorder import Recorder, VersionRef
from muniment.client.world import World
from muniment.core.rules import ancestry, records
from muniment.core.rules.events.approval import Meaning
from muniment.core.rules.events.deployment import Transition
from muniment.core.rules.events.model import RetirementCause
from muniment.core.rules.requirements import Case, evaluate
from muniment.core.rules.requirements.voices import is_disputed
from muniment.errors import NotFound

Decision = Literal["approve", "conditional", "reject"]

MAX_CITED = 64
"""So many of each kind a deployment names at most (docs/events.md); of more the newest are found."""


class Releasing(Recorder):
    """Verbs of those who let models run."""

    def approve(
        self,
        version: VersionRef,
        environment: str,
        *,
        decision: Decision = "approve",
        meaning: Meaning = "approval",
        reason: str | None = None,
        conditions: str | None = None,
        expires_at: Moment | timedelta | None = None,
    ) -> Recorded:
        """Decide, as yourself, whether a version may run in an environment."""
        return self.decide(
            {"version": self.digest_of(version, "version"), "environment": environment},
            decision=decision,
            meaning=meaning,
            reason=reason,
            conditions=conditions,
            expires_at=expires_at,
        )

    def decide(
        self,
        of: Mapping[str, Plain],
        *,
        decision: Decision = "approve",
        meaning: Meaning = "approval",
        reason: str | None = None,
        conditions: str | None = None,
        expires_at: Moment | timedelta | None = None,
    ) -> Recorded:
        """Decide, as yourself, about `{"version", "environment"}`, `{"policy"}`, `{"member", "terms"}` or `{"protocol"}`.

        A policy and the terms of a change of members are named by their digests.
        """
        return self.record(
            "approval.decided",
            {
                "of": of,
                "decision": decision,
                "meaning": meaning,
                "conditions": conditions,
                "expiresAt": None if expires_at is None else moments.write(expires_at),
                "reason": reason,
            },
        )

    def revoke(self, decision: Recorded | str, *, reason: str | None = None) -> Recorded:
        """Take a decision back, named by its event id or its entry: an approval counts no more, a rejection stops nothing.

        Raises NotFound, PolicyViolation where it is neither one's own nor for a holder of a hold role to take back.
        """
        revoked = decision.event_id if isinstance(decision, Recorded) else self.event_of(decision, "approval")
        state = self.state(f"approval/{revoked}", records.Approval)
        if state is None:
            raise NotFound(
                f"there is no decision {revoked}", code="no-such-approval", hint="`muniment log` lists what is recorded."
            )
        fields: dict[str, Plain] = {"of": _subject_of(state), "decision": "revoke", "revokes": revoked, "meaning": "approval"}
        return self.record("approval.decided", {**fields, "reason": reason})

    def waive(
        self,
        rule: str,
        version: VersionRef,
        environment: str,
        *,
        until: Moment | timedelta,
        measures: str | None = None,
        reason: str | None = None,
    ) -> Recorded:
        """Waive a rule for one version in one environment, until a time or for a length of time from now.

        `measures` says in words what compensates for it (sealed). `deploy` finds and cites the waiver.
        """
        return self.record(
            "waiver.granted",
            {
                "rule": rule,
                "version": self.digest_of(version, "version"),
                "environment": environment,
                "expiresAt": moments.write(until),
                "measures": measures,
                "reason": reason,
            },
        )

    def deploy(
        self,
        version: VersionRef,
        environment: str,
        *,
        name: str | None = None,
        transition: Transition | None = None,
        reason: str | None = None,
        **fields: Plain,
    ) -> Recorded:
        """Record that a version begins to serve. Finds and cites approvals, evaluations and waivers itself.

        `name` defaults to the model's name, `transition` to `promote` where another version runs there, else `start`.
        Raises PolicyViolation with every reason where the rules refuse it.
        """
        drafted = self.draft_deployment(version, environment, name=name, transition=transition, reason=reason, **fields)
        return self.record("deployment.changed", self.leave_out_disputed(drafted))

    def draft_deployment(
        self,
        version: VersionRef,
        environment: str,
        *,
        name: str | None = None,
        transition: Transition | None = None,
        **fields: Plain,
    ) -> dict[str, Plain]:
        """The fields of a `deployment.changed`, for `record`: what is replaced, and everything that can be cited."""
        digest = self.digest_of(version, "version")
        called = name or self.model_of(digest)
        running = self.running(environment, called)
        judged = transition not in ("scale", "stop")
        replaced = running.version if running and running.version != digest and judged else None
        return {
            "transition": transition or ("promote" if replaced else "start"),
            "environment": environment,
            "name": called,
            "version": digest,
            "replaces": replaced,
            "approvals": self.open_approvals(digest, environment)[-MAX_CITED:] if judged else [],
            "evaluations": self.evaluations_of(digest)[-MAX_CITED:] if judged else [],
            "waivers": self.open_waivers(digest, environment)[-MAX_CITED:] if judged else [],
            **fields,
        }

    def leave_out_disputed(self, drafted: Mapping[str, Plain]) -> Mapping[str, Plain]:
        """The fields of a deployment without what was signed with a key that is disputed since then.

        It counts for nothing, and a gate would hold it against what names it. Where the deployment is refused without it too, it
        stays: then the reasons speak of it.
        """
        with self.view() as view:
            world = World(view)
            approvals = [each for each in _cited(drafted, "approvals") if _stands(world, f"approval/{each}", records.Approval)]
            waivers = [each for each in _cited(drafted, "waivers") if _stands(world, f"waiver/{each}", records.Waiver)]
            if (approvals, waivers) == (_cited(drafted, "approvals"), _cited(drafted, "waivers")):
                return drafted
            version, actor = str(drafted["version"]), world.read(f"actor/{self.actor}", records.Actor)
            case = Case(
                environment=str(drafted["environment"]),
                version=version,
                transition=str(drafted["transition"]),
                time=moments.now(),
                deployer=() if actor is None else tuple(sorted({*actor.persons(self.actor), *self._writer.on_behalf_of})),
                approvals=tuple(approvals),
                evaluations=tuple(_cited(drafted, "evaluations")),
                waivers=tuple(waivers),
            )
            admitted = all(each.holds for each in evaluate(world, self.policy(), case, ancestry.walk(world, version)))
        return {**drafted, "approvals": approvals, "waivers": waivers} if admitted else drafted

    def rollback(self, deployment: str, *, to: VersionRef | None = None, reason: str | None = None) -> Recorded:
        """Go back to an earlier version of a deployment (`environment/name`): to `to`, or to the one before."""
        return self.record("deployment.changed", self.draft_rollback(deployment, to=to, reason=reason))

    def draft_rollback(self, deployment: str, *, to: VersionRef | None = None, **fields: Plain) -> dict[str, Plain]:
        """The fields of a rollback, for `record`. Raises NotFound where nothing ran there before."""
        environment, name = self._place(deployment)
        target = to or self.version_before(environment, name)
        return self.draft_deployment(target, environment, name=name, transition="rollback", **fields)

    def retire(
        self,
        version: VersionRef,
        *,
        cause: RetirementCause,
        replacement: VersionRef | None = None,
        last_served_at: Moment | None = None,
        reason: str | None = None,
    ) -> Recorded:
        """Retire a version that no deployment runs any more: it is never deployed again."""
        digest = self.digest_of(version, "version")
        return self.record(
            "model.retired",
            {
                "model": self.model_of(digest),
                "version": digest,
                "cause": cause,
                "replacement": None if replacement is None else self.digest_of(replacement, "version"),
                "lastServedAt": None if last_served_at is None else moments.write(last_served_at),
                "reason": reason,
            },
        )


def _cited(drafted: Mapping[str, Plain], kind: str) -> list[str]:
    named = drafted.get(kind)
    return [str(each) for each in named] if isinstance(named, list) else []


def _stands(world: World, stream: str, kind: type[records.Approval | records.Waiver]) -> bool:
    """Is a decision known, and its key not disputed since then?"""
    state = world.read(stream, kind)
    return state is not None and not is_disputed(world, state.keyid, state.index)


def _subject_of(approval: records.Approval) -> Mapping[str, Plain]:
    """What a decision was about, as an event names it."""
    kind, _, thing = approval.of.partition("/")
    if kind == "protocol":
        return {"protocol": int(thing)}
    if kind == "member":
        member, _, terms = thing.partition("/")
        return {"member": member, "terms": terms}
    return {kind: thing} | ({"environment": approval.environment} if isinstance(approval.environment, str) else {})
