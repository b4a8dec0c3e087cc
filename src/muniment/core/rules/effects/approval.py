"""Effects of decisions: approvals as they were at admission, and waivers."""

import msgspec

from muniment.core.rules import requirements
from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.events import ApprovalDecided, WaiverGranted
from muniment.core.rules.records import Approval, Run, Version, Waiver


@effect.register
def _decided(event: ApprovalDecided, context: Context) -> None:
    of = event.of
    version = None if of.version is msgspec.UNSET else context.require_version(of.version)
    if event.revokes is not msgspec.UNSET:
        _revoke(event, version, context)
        return
    context.require_persons()
    context.require_later(event.expires_at)
    if of.environment is not msgspec.UNSET:
        context.require_environment(of.environment)
        if event.decision == "approve" and version is not None:
            _keep_apart(event, version, of.environment, context)
        if event.decision == "reject" and version is not None:
            context.write(f"version/{of.version}", version.reject(of.environment, 1))
    context.write(
        f"approval/{event.event_id}",
        Approval(
            decision=event.decision,
            environment=of.environment,
            expires=event.expires_at,
            index=context.index,
            keyid=context.keyid,
            of=of.thing(),
            organisation=context.organisation,
            persons=context.persons,
            roles=context.roles,
            status="open",
            time=context.time,
        ),
    )


def _revoke(event: ApprovalDecided, version: Version | None, context: Context) -> None:
    stream = f"approval/{event.revokes}"
    revoked = context.require(stream, Approval, f"The decision {event.revokes}")
    if revoked is None:
        return
    # Else the history of one version would speak of a revocation that the history of the other one lacks.
    if (revoked.of, revoked.environment) != (event.of.thing(), event.of.environment):
        context.refuse("of", "A revocation names what the decision was about.", f"That was {revoked.of}.")
    if revoked.status != "open":
        context.refuse("revoke", "A decision is revoked once.", f"This one is {revoked.status} already.")
    if not set(revoked.persons) & set(context.own_persons) and not context.policy.may_hold(context.roles):
        context.refuse(
            "revoke",
            f"A decision is revoked by who made it, or by {' or '.join(context.policy.hold_roles)}.",
            f"{' and '.join(revoked.persons)} made it; {event.actor} holds {', '.join(context.roles) or 'no role'}.",
        )
    if context.reasons:
        return
    if revoked.decision == "reject" and version is not None and revoked.environment is not msgspec.UNSET:
        context.write(f"version/{event.of.version}", version.reject(revoked.environment, -1))
    context.write(stream, msgspec.structs.replace(revoked, status="revoked"))


def _keep_apart(event: ApprovalDecided, version: Version, place: str, context: Context) -> None:
    """Who trained or registered a version does not approve it where the policy says so. Who measured and deploys is known later."""
    environment = context.policy.environment(place)
    separation = () if environment is None else environment.separation
    run = None if version.run is msgspec.UNSET else context.read(f"run/{version.run}", Run)
    parties = {"trainer": requirements.trainers(run, version), "registrar": requirements.registrars(version)}
    for party, side in parties.items():
        same = set(side.persons) & set(context.persons)
        if party not in separation or (side.answered and not same):
            continue
        context.refuse(
            "separation",
            f"In {place} nobody approves what the same person has made: approvers are apart from the {party}.",
            f"The {party} is {' and '.join(sorted(same))}." if same else f"Nobody answers for the {party}.",
            mend=f"Somebody else approves it: `muniment approve {version.model}@{version.ordinal} --environment {place}`.",
        )


@effect.register
def _waived(event: WaiverGranted, context: Context) -> None:
    context.require_version(event.version)
    if event.rule not in requirements.WAIVABLE:
        context.refuse(
            "waiver",
            f"A waiver is of one of these rules: {', '.join(requirements.WAIVABLE)}.",
            f"This one is of {event.rule}.",
        )
    context.require_persons()
    context.require_later(event.expires_at)
    context.require_environment(event.environment)
    context.write(
        f"waiver/{event.event_id}",
        Waiver(
            environment=event.environment,
            expires=event.expires_at,
            index=context.index,
            keyid=context.keyid,
            persons=context.persons,
            rule=event.rule,
            version=event.version,
        ),
    )
