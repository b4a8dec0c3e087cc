"""Effects of decisions: approvals as they were at admission, and waivers."""

import msgspec

from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.events import ApprovalDecided, WaiverGranted
from muniment.core.rules.records import Approval, Waiver


@effect.register
def _decided(event: ApprovalDecided, context: Context) -> None:
    of = event.of
    if of.version is not msgspec.UNSET:
        context.require_version(of.version)
    if event.revokes is not msgspec.UNSET:
        revoked = context.require(f"approval/{event.revokes}", Approval, f"The decision {event.revokes}")
        if revoked is None:
            return
        # Else the history of one version would speak of a revocation that the history of the other one lacks.
        if (revoked.of, revoked.environment) != (of.thing(), of.environment):
            context.refuse("of", "A revocation names what the decision was about.", f"That was {revoked.of}.")
        context.write(f"approval/{event.revokes}", msgspec.structs.replace(revoked, status="revoked"))
        return
    context.write(
        f"approval/{event.event_id}",
        Approval(
            decision=event.decision,
            environment=of.environment,
            expires=event.expires_at,
            index=context.index,
            keyid=context.keyid,
            of=of.thing(),
            persons=context.persons,
            roles=context.roles,
            status="open",
            time=context.time,
        ),
    )


@effect.register
def _waived(event: WaiverGranted, context: Context) -> None:
    context.require_version(event.version)
    context.write(
        f"waiver/{event.event_id}",
        Waiver(environment=event.environment, expires=event.expires_at, rule=event.rule, version=event.version),
    )
