"""Effects of deployments: what serves where, since when, and in how many places a version runs."""

import msgspec

from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.events import DeploymentChanged, DeploymentObserved, stream_name
from muniment.core.rules.records import Approval, Deployment, Evaluation, Version, Waiver

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
    if context.reasons or version is None:
        return
    if event.replaces is not msgspec.UNSET:
        replaced = context.require_version(event.replaces)
        if replaced is not None:
            context.write(f"version/{event.replaces}", msgspec.structs.replace(replaced, running=replaced.running - 1))
    context.write(f"version/{event.version}", _after(version, event, running))
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


def _check_record(event: DeploymentChanged, context: Context, running: str | None) -> None:
    """What the event says about the moment before must be what the ledger says: nobody deploys over an unseen change."""
    place = f"{event.environment}/{event.name}"
    if event.transition in CONTINUING and running != event.version:
        context.refuse(
            "recorded-version",
            "A deployment is scaled or stopped as the version that it runs.",
            f"{place} runs {running[:8] + '…' if running else 'nothing'}.",
        )
        return
    expected = running if running != event.version else None
    named = None if event.replaces is msgspec.UNSET else event.replaces
    if named != expected:
        context.refuse(
            "replaces",
            "`replaces` names the version that runs there now, and is absent where there is none or the same.",
            f"{place} runs {running[:8] + '…' if running else 'nothing'}.",
            mend="Look at what runs there now and submit again.",
        )


def _after(version: Version, event: DeploymentChanged, running: str | None) -> Version:
    if event.transition == ENDING:
        return msgspec.structs.replace(version, running=version.running - 1)
    admitted = tuple(sorted({*version.admitted, event.environment}))
    added = 0 if running == event.version else 1
    return msgspec.structs.replace(version, admitted=admitted, running=version.running + added)


@effect.register
def _observed(event: DeploymentObserved, context: Context) -> None:
    context.require_stream(stream_name.deployment(event.environment, event.name), "The deployment")
