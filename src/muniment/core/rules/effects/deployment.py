"""Effects of deployments: what serves where, since when, and in how many places a version runs."""

import msgspec

from muniment.core.rules.ancestry import MAX_THINGS_OF_BLOCK, walk
from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.events import DeploymentChanged, DeploymentObserved, stream_name
from muniment.core.rules.records import Approval, Deployment, Evaluation, Version, Waiver
from muniment.core.rules.requirements import Case, evaluate, title

ENDING = "stop"
CONTINUING = frozenset({"scale", "stop"})


@effect.register
def _changed(event: DeploymentChanged, context: Context) -> None:
    stream = stream_name.deployment(event.environment, event.name)
    version = context.require_version(event.version)
    for approval in event.approvals:
        context.require(f"approval/{approval}", Approval, f"The approval {approval}")
    for evaluation in event.evaluations:
        context.require(f"evaluation/{evaluation}", Evaluation, f"The evaluation {evaluation}")
    for waiver in event.waivers:
        context.require(f"waiver/{waiver}", Waiver, f"The waiver {waiver}")
    current = context.read(stream, Deployment)
    running = current.version if current is not None and current.status == "running" else None
    _check_record(event, context, running)
    if version is None:
        return
    met = event.transition not in CONTINUING and _check_requirements(event, context)
    if context.reasons:
        return
    if event.replaces is not msgspec.UNSET:
        replaced = context.require_version(event.replaces)
        if replaced is not None:
            context.write(f"version/{event.replaces}", msgspec.structs.replace(replaced, running=replaced.running - 1))
    context.write(f"version/{event.version}", _after(version, event, running, met))
    continues = event.transition == "scale" and current is not None
    context.write(
        stream,
        Deployment(
            ordinal=version.ordinal,
            since=current.since if continues and current else context.index,
            status="stopped" if event.transition == ENDING else "running",
            transition=event.transition,
            version=event.version,
        ),
    )


def _check_requirements(event: DeploymentChanged, context: Context) -> bool:
    """Ask for all that the environment asks for; True where it asks for something and no waiver had to help."""
    ancestry = walk(context, event.version, MAX_THINGS_OF_BLOCK - context.overlay.walked)
    context.overlay.walked += len(ancestry.steps)
    case = Case(
        environment=event.environment,
        version=event.version,
        transition=event.transition,
        time=context.time,
        deployer=context.persons,
        approvals=event.approvals,
        evaluations=event.evaluations,
        waivers=event.waivers,
    )
    findings = evaluate(context, context.policy, case, ancestry)
    context.reasons.extend(each.reason() for each in findings if not each.holds)
    environment = context.policy.environment(event.environment)
    return environment is not None and environment.asks and all(each.met for each in findings)


def _check_record(event: DeploymentChanged, context: Context, running: str | None) -> None:
    """What the event says about the moment before must be what the ledger says: nobody deploys over an unseen change."""
    place = f"{event.environment}/{event.name}"
    told = f"{place} runs {title(context, f'version/{running}') if running else 'nothing'}."
    if event.transition in CONTINUING and running != event.version:
        context.refuse(
            "recorded-version",
            "Only what runs is scaled or stopped, and under its own version.",
            told,
        )
        return
    expected = running if running != event.version else None
    named = None if event.replaces is msgspec.UNSET else event.replaces
    if named != expected:
        context.refuse(
            "replaces",
            "`replaces` names the version that runs there now, and is absent where there is none or the same.",
            told,
            mend="Look at what runs there now and submit again.",
        )


def _after(version: Version, event: DeploymentChanged, running: str | None, met: bool) -> Version:
    if event.transition == ENDING:
        return msgspec.structs.replace(version, running=version.running - 1)
    # What only a waiver let through may come back only while one does, and where nothing was asked nothing was met.
    admitted = tuple(sorted({*version.admitted, event.environment})) if met else version.admitted
    added = 0 if running == event.version else 1
    return msgspec.structs.replace(version, admitted=admitted, running=version.running + added)


@effect.register
def _observed(event: DeploymentObserved, context: Context) -> None:
    stream = stream_name.deployment(event.environment, event.name)
    deployment = context.require(stream, Deployment, f"The deployment {event.environment}/{event.name}")
    if deployment is None:
        return
    runs = deployment.status == "running" and deployment.version == event.seen
    if event.matches is not runs:
        context.refuse(
            "matches",
            "What was seen matches where it is the version that the record says runs there.",
            f"It {'is that version' if runs else 'is another one'}, and the event says the opposite.",
        )
