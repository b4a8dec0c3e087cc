"""The requirements one by one, in the order of docs/spec, section 6.7."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from muniment.core.rules.ancestry import BLOCK_LIMIT, Ancestry
from muniment.core.rules.policy import Environment, Policy
from muniment.core.rules.records import Data, Version
from muniment.core.rules.requirements.approvals import judge_approvals
from muniment.core.rules.requirements.case import Case, Finding
from muniment.core.rules.requirements.measurements import judge_threshold
from muniment.core.rules.requirements.scene import MAX_TOLD, Scene, Source, list_some, set_scene
from muniment.core.rules.requirements.terms import judge_terms
from muniment.errors import InvariantError


def evaluate(world: Source, policy: Policy, case: Case, ancestry: Ancestry) -> tuple[Finding, ...]:
    """Everything that is asked of a deployment, met or not. `ancestry` is the version's; the version is recorded."""
    version = world.read(f"version/{case.version}", Version)
    if version is None:
        raise InvariantError(f"version/{case.version} was cited before it was registered")
    environment = policy.environment(case.environment)
    scene = set_scene(world, case, version, ancestry, () if environment is None else environment.separation)
    foreign = policy.check_environment(case.environment)
    findings = [] if foreign is None else [Finding.of(foreign)]
    findings += _judge_version(scene)
    if environment is not None:
        findings.append(_judge_rejections(scene))
        # What once met all that is asked here may come back without being asked again.
        if case.transition != "rollback" or case.environment not in version.admitted:
            findings += _judge_environment(scene, environment)
    return tuple(_waive(scene, each) for each in findings)


def _waive(scene: Scene, finding: Finding) -> Finding:
    """The finding with the first waiver that lets it pass, if it needs one and there is one."""
    # What a waiver of separation lets pass is decided where voices are counted.
    if finding.met or finding.rule == "separation":
        return finding
    fitting = scene.applicable(finding.rule)
    return msgspec.structs.replace(finding, waived=fitting[0][0]) if fitting else finding


def _judge_version(scene: Scene) -> Iterator[Finding]:
    """What is asked everywhere."""
    version = scene.version
    yield Finding(
        rule="retired",
        required="A retired version does not run again.",
        met=version.status == "registered",
        found="" if version.status == "registered" else f"{scene.title} is retired.",
        mend="Deploy another version.",
    )
    noun = "hold" if version.holds == 1 else "holds"
    yield Finding(
        rule="hold",
        required="A version on hold is not deployed.",
        met=version.holds == 0,
        found=f"{scene.title} has {version.holds} open {noun}." if version.holds else "",
        missing=(f"the release of {version.holds} {noun}",) if version.holds else (),
        mend=f"Release what holds it: `muniment hold --release {scene.title}`.",
    )
    yield _judge_limit(scene) if scene.ancestry.exceeded else _judge_withdrawals(scene)


def _judge_limit(scene: Scene) -> Finding:
    crowded = scene.ancestry.exceeded == BLOCK_LIMIT
    return Finding(
        rule=scene.ancestry.exceeded,
        required="What a version was made of is looked through whole.",
        met=False,
        found=f"{scene.title} was made of more things than are looked at for one {'block' if crowded else 'event'}.",
        mend="Submit it again by itself." if crowded else "",
    )


def _judge_withdrawals(scene: Scene) -> Finding:
    withdrawn = []
    for step in scene.ancestry.steps:
        data = scene.world.read(step.stream, Data) if step.stream.startswith("data/") else None
        if data is not None and data.withdrawn is not msgspec.UNSET:
            withdrawn.append((step.stream, f"{data.name}@{data.ordinal} was withdrawn (entry {data.withdrawn})"))
    told = [f"{what}: {_tell_way(scene, stream)}" for stream, what in withdrawn[:MAX_TOLD]]
    return Finding(
        rule="withdrawn",
        required="Nothing that a deployed version was made of is withdrawn.",
        met=not withdrawn,
        found=list_some([*told, *[what for _, what in withdrawn[MAX_TOLD:]]]),
        missing=tuple(stream for stream, _ in withdrawn[:MAX_TOLD]),
        mend=f"Train again without it, or have it waived for a time: "
        f"`muniment waive withdrawn {scene.title} {scene.case.environment} --for 24h`.",
    )


def _tell_way(scene: Scene, stream: str) -> str:
    """How something reached the version, from the version up."""
    return " <- ".join(scene.name(each) for each in scene.ancestry.path(stream))


def _judge_rejections(scene: Scene) -> Finding:
    place = scene.case.environment
    times = scene.version.count_rejections(place)
    return Finding(
        rule="rejected",
        required=f"What was rejected for {place} is not deployed there until the rejection is revoked.",
        met=times == 0,
        found=f"{scene.title} has {times} open {'rejection' if times == 1 else 'rejections'}." if times else "",
        missing=(f"the revocation of {times} {'rejection' if times == 1 else 'rejections'}",) if times else (),
        mend="Who rejected it may take that back: `muniment approve --revoke ENTRY`; "
        f"`muniment show {scene.title}` names the entry.",
    )


def _judge_environment(scene: Scene, environment: Environment) -> Iterator[Finding]:
    """What this environment asks."""
    yield from judge_approvals(scene, environment)
    for threshold in environment.evaluations:
        yield judge_threshold(scene, environment.name, threshold)
    if environment.data is not msgspec.UNSET and not scene.ancestry.exceeded:
        yield from judge_terms(scene, environment.name, environment.data)
