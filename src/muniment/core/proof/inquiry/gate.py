"""May a version start under a name in an environment now? (docs/spec, section 10.7)

    findings = evaluate(GateQuestion(environment="production", name="credit-risk", version="9f86..."), ground)
    findings.allowed, findings.objections

What runs there by the record was admitted by the rules when it was deployed. The gate asks what has happened since: a hold, a
retirement, data withdrawn anywhere in its ancestry, an approval whose key turned out to be in other hands. Nothing here reads a
clock: waivers are compared with the time of the newest header, and `until` says when the earliest of those that helped expires.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated, Literal

import msgspec

from muniment.core.format.encoding import EventId, HexDigest, Identifier, Natural, Segment, Time
from muniment.core.proof.inquiry.derivation import climb
from muniment.core.proof.inquiry.ground import Ground, failure, find, read, title
from muniment.core.proof.part import UNSET, Absent, Part, Status, Text
from muniment.core.rules.events import DeploymentChanged, stream_name
from muniment.core.rules.events.stream_name import Stream
from muniment.core.rules.records import Actor, Approval, Data, Deployment, Key, Version, Waiver

MAX_KEYS = 16
MAX_WAIVERS = 64
MAX_TOLD = 16
"""How many objections of one kind are told."""

Rule = Literal[
    "ancestry-limit",
    "approval-disputed",
    "hold",
    "not-deployed",
    "other-version",
    "retired",
    "unknown",
    "waiver-disputed",
    "waiver-expired",
    "withdrawn",
]
_WAIVED_BY_NAME = frozenset({"hold", "retired", "withdrawn"})
_GATE = "gate"


class GateQuestion(Part, frozen=True, kw_only=True, tag_field="ask", tag="gate"):
    """May this version start as `environment`/`name`?

    keys: whose standing the answer shows as well, because glass may be broken with them where the ledger cannot be asked
    waivers: waivers of the gate that may help; one that is not named here does not. What the deployment itself named helps too
    """

    environment: Segment
    name: Identifier
    version: HexDigest
    keys: Annotated[tuple[HexDigest, ...], msgspec.Meta(max_length=MAX_KEYS)] = ()
    waivers: Annotated[tuple[EventId, ...], msgspec.Meta(max_length=MAX_WAIVERS)] = ()

    def about(self) -> tuple[str, ...]:
        """The streams that the question is about."""
        return (f"version/{self.version}",)


class Objection(Part, frozen=True, kw_only=True):
    """Something that speaks against the start.

    about: the thing itself; for `withdrawn` the way from the version up to the data; for what is disputed the approval or waiver
        and the key that signed it
    called: the same as people call them
    index: the entry since which it is so, where one says so
    waiver: the waiver that lifts it
    """

    rule: Rule
    about: Annotated[tuple[Stream, ...], msgspec.Meta(min_length=1)]
    called: tuple[Text, ...] = ()
    index: Natural | Absent = UNSET
    waiver: EventId | Absent = UNSET


class Standing(Part, frozen=True, kw_only=True):
    """A key as of the newest header: whose it is, if it is anybody's, and whether it may sign."""

    key: HexDigest
    actor: Segment | Absent = UNSET
    in_force: bool = False


class GateFindings(Part, frozen=True, kw_only=True, tag_field="ask", tag="gate"):
    """What follows: it may start where every objection is lifted by a waiver, and `until` the first of these expires.

    place: the stream of the deployment; title: what the version is called
    since: the entry that put it there, where it is what runs there
    """

    allowed: bool
    place: Stream
    title: Text
    since: Natural | Absent = UNSET
    until: Time | Absent = UNSET
    objections: tuple[Objection, ...] = ()
    standing: tuple[Standing, ...] = ()

    def status(self) -> Status:
        """The word of the result."""
        return "holds" if self.allowed else "fails"


def evaluate(question: GateQuestion, ground: Ground) -> GateFindings:
    """Everything that speaks against the start as of the newest header, and what lifts it."""
    place, (subject,) = stream_name.deployment(question.environment, question.name), question.about()
    version = read(ground, subject, Version)
    deployment = read(ground, place, Deployment)
    objections = [] if version is not None else [Objection(rule="unknown", about=(subject,))]
    objections += _judge_place(place, question.version, deployment)
    change = None
    if deployment is not None and not objections:
        change = find(ground, deployment.since, DeploymentChanged, place)
        if change.version != question.version:
            raise failure("event-kind", f"the record of {place} names entry {deployment.since}, which says something else")
        objections += _judge_named(change, ground)
    carried = _find_carrying(question, change, version, ground)
    objections += [Objection(rule="waiver-expired", about=(each,)) for each, ends in carried.items() if ends <= ground.head.time]
    if version is not None:
        objections += _judge_version(subject, version, ground)
    waivers = _find_waivers(question, question.waivers, ground, {_GATE})
    if change is not None:
        waivers |= _find_waivers(question, change.waivers, ground, _WAIVED_BY_NAME)
    judged = tuple(_lift(_call(each, ground), waivers) for each in objections)
    return GateFindings(
        allowed=all(each.waiver is not UNSET for each in judged),
        place=place,
        title=title(ground, subject),
        since=deployment.since if deployment is not None and change is not None else UNSET,
        until=min(
            [
                *[waiver.expires for id_, waiver in waivers.items() if id_ in {each.waiver for each in judged}],
                *[ends for ends in carried.values() if ends > ground.head.time],
            ],
            default=UNSET,
        ),
        objections=judged,
        standing=tuple(_stand(key, ground) for key in question.keys),
    )


def _judge_place(place: str, version: str, deployment: Deployment | None) -> Iterator[Objection]:
    """What runs there by the record is this version; a stopped deployment runs nothing."""
    if deployment is None:
        yield Objection(rule="not-deployed", about=(place,))
    elif deployment.status != "running":
        yield Objection(rule="not-deployed", about=(place,), index=deployment.since)
    elif deployment.version != version:
        yield Objection(rule="other-version", about=(place, f"version/{deployment.version}"), index=deployment.since)


def _judge_version(subject: str, version: Version, ground: Ground) -> Iterator[Objection]:
    """What was said about the version, and about what it was made of, whenever that was."""
    if version.status != "registered":
        yield Objection(rule="retired", about=(subject,))
    if version.holds:
        yield Objection(rule="hold", about=(subject,))
    found = climb(ground, subject)
    if found.exceeded:
        yield Objection(rule="ancestry-limit", about=(subject,))
    told = 0
    for step in found.steps:
        data = read(ground, step.stream, Data) if step.stream.startswith("data/") else None
        if data is not None and data.withdrawn is not UNSET and told < MAX_TOLD:
            told += 1
            yield Objection(rule="withdrawn", about=found.path(step.stream), index=data.withdrawn)


def _judge_named(change: DeploymentChanged, ground: Ground) -> Iterator[Objection]:
    """The approvals and waivers that the deployment rests on, or for a rollback those by which the version came there before."""
    admissions = _admissions(change, ground)
    approvals = [f"approval/{each}" for named in admissions for each in named.approvals]
    waivers = [f"waiver/{each}" for named in admissions for each in named.waivers]
    yield from _dispute("approval-disputed", approvals, Approval, ground)
    yield from _dispute("waiver-disputed", waivers, Waiver, ground)


def _find_carrying(
    question: GateQuestion, change: DeploymentChanged | None, version: Version | None, ground: Ground
) -> dict[str, str]:
    """The waivers on which the start still rests, with when each ends: those of requirements that the version never met here."""
    if change is None or version is None or question.environment in version.admitted:
        return {}
    found = {}
    for stream in [f"waiver/{each}" for each in change.waivers]:
        waiver = read(ground, stream, Waiver)
        if waiver is not None and waiver.rule not in _WAIVED_BY_NAME and waiver.rule != _GATE:
            found[stream] = waiver.expires
    return found


def _admissions(change: DeploymentChanged, ground: Ground) -> list[DeploymentChanged]:
    """The deployments that the start rests on: a rollback asks for no approvals, because others once met what was asked for."""
    if change.transition != "rollback":
        return [change]
    told = [each.event for each in ground.events(f"version/{change.version}")]
    return [
        each
        for each in told
        if isinstance(each, DeploymentChanged)
        and (each.version, each.environment) == (change.version, change.environment)
        and each.transition in ("start", "promote", "rollback")
    ]


def _dispute(
    rule: Literal["approval-disputed", "waiver-disputed"], streams: list[str], kind: type[Approval | Waiver], ground: Ground
) -> Iterator[Objection]:
    """An objection for each decision, once, whose key others may have held when it signed."""
    for stream in dict.fromkeys(streams):
        decision = read(ground, stream, kind)
        if decision is None:
            raise failure("state-record", f"a deployment names {stream}, which has no record")
        key = _key_of(decision, ground)
        if key.disputes(decision.index):
            yield Objection(rule=rule, about=(stream, f"key/{decision.keyid}"), index=key.disputed_from)


def _key_of(decision: Approval | Waiver, ground: Ground) -> Key:
    key = read(ground, f"key/{decision.keyid}", Key)
    if key is None:
        raise failure("state-record", f"key/{decision.keyid} signed an entry and has no record")
    return key


def _find_waivers(question: GateQuestion, named: tuple[str, ...], ground: Ground, rules: Collection[str]) -> dict[str, Waiver]:
    """The named waivers of these rules that apply to this version here, and have not expired at the newest header's time."""
    found = {}
    for event_id in dict.fromkeys(named):
        waiver = read(ground, f"waiver/{event_id}", Waiver)
        if (
            waiver is not None
            and waiver.rule in rules
            and (waiver.version, waiver.environment) == (question.version, question.environment)
            and waiver.expires > ground.head.time
            and not _key_of(waiver, ground).disputes(waiver.index)
        ):
            found[event_id] = waiver
    return found


def _call(objection: Objection, ground: Ground) -> Objection:
    """The objection with the names of what it is about."""
    return msgspec.structs.replace(objection, called=tuple(title(ground, each) for each in objection.about))


def _lift(objection: Objection, waivers: dict[str, Waiver]) -> Objection:
    """The objection with the waiver that lifts it longest: one of its own rule, where that can be waived, or one of the gate."""
    helping = [(waiver.expires, event_id) for event_id, waiver in waivers.items() if waiver.rule in (_GATE, objection.rule)]
    return msgspec.structs.replace(objection, waiver=max(helping)[1]) if helping else objection


def _stand(keyid: str, ground: Ground) -> Standing:
    key = read(ground, f"key/{keyid}", Key)
    if key is None:
        return Standing(key=keyid)
    actor = read(ground, f"actor/{key.actor}", Actor)
    valid = key.until is UNSET and (key.expires is UNSET or key.expires > ground.head.time) and key.disputed_from is UNSET
    return Standing(key=keyid, actor=key.actor, in_force=valid and actor is not None and actor.status == "active")
