"""How two versions differ: what they learned from, how they were made, what was measured, who decided about them.

Each side is a set of facts, read from the version's complete stream and that of its run; the findings list those that differ.
What a fact is about is told by its parts (the target and path of a parameter, the metric, place and slice of a result), never
by the text that is shown for them: two facts that read alike stay two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, get_args

import msgspec

from muniment.core.format.encoding import Integer, Natural
from muniment.core.format.statement import Sealed
from muniment.core.proof.inquiry.blame import HYPERPARAMETER
from muniment.core.proof.inquiry.claim import weigh
from muniment.core.proof.inquiry.derivation import BASE
from muniment.core.proof.inquiry.ground import Ground, Told, check_kind, failure, find, read, title
from muniment.core.proof.part import UNSET, Absent, Part, Status, Text
from muniment.core.rules.events import (
    ApprovalDecided,
    EvaluationCompleted,
    Metric,
    ModelRegistered,
    ParameterChanged,
    SealedText,
    TrainingFinished,
    TrainingStarted,
)
from muniment.core.rules.events.stream_name import Stream
from muniment.core.rules.events.value import Slice, order_of_slice
from muniment.core.rules.records import Approval, Data, Version

Area = Literal["registration", "data", "parents", "parameters", "code", "environment", "seed", "metrics", "approvals"]
Scalar = Integer | bool | Text
Listed = int | bool | str | Sealed | SealedText

AREAS: tuple[Area, ...] = get_args(Area)
SOURCES: tuple[Area, ...] = ("data", "parents")


class DiffQuestion(Part, frozen=True, kw_only=True, tag_field="ask", tag="diff"):
    """How do two versions differ?"""

    a: Stream
    b: Stream

    def about(self) -> tuple[str, ...]:
        """The streams that the question is about."""
        return (self.a, self.b)


class Difference(Part, frozen=True, kw_only=True):
    """A fact of one version that is another one, or none, of the other.

    key: what the fact is about, as people read it; two facts may read alike
    sealed: at least one value is a commitment, so that equal texts need not look equal
    """

    a: Scalar | Absent = UNSET
    area: Area
    b: Scalar | Absent = UNSET
    key: Text
    sealed: bool = False


class DiffFindings(Part, frozen=True, kw_only=True, tag_field="ask", tag="diff"):
    """What the versions are called, how many facts are the same, and those that differ, by area and key."""

    differences: tuple[Difference, ...] = ()
    names: Annotated[tuple[Text, ...], msgspec.Meta(min_length=2, max_length=2)]
    recorded: bool
    same: Natural = 0

    def status(self) -> Status:
        """The word of the result."""
        return "complete" if self.recorded else "absent"


class Topic(msgspec.Struct, frozen=True, gc=False):
    """What a fact is about: its parts make it what it is, `key` is how they read."""

    area: Area
    key: str
    parts: tuple[str, ...]

    def order(self) -> tuple[int, str, tuple[str, ...]]:
        """What facts are sorted by."""
        return AREAS.index(self.area), self.key, self.parts


class Stated(msgspec.Struct, frozen=True, gc=False):
    """What is said, and whether it is a commitment. Without a value it is said no longer.

    No clear text holds a colon, so that none is taken for a digest or a commitment.
    """

    value: Scalar | Absent
    sealed: bool = False


Fact = tuple[Topic, Stated]
Facts = Mapping[Topic, Stated]


def evaluate(question: DiffQuestion, ground: Ground) -> DiffFindings:
    """The facts of both versions, compared. Nothing is compared with a version that is not recorded.

    Raises InvalidInput (`bad-question`) for what is no version.
    """
    check_kind(question.a, "version")
    check_kind(question.b, "version")
    names = title(ground, question.a), title(ground, question.b)
    versions = read(ground, question.a, Version), read(ground, question.b, Version)
    if versions[0] is None or versions[1] is None:
        return DiffFindings(names=names, recorded=False)
    left = _collect(ground, question.a, versions[0])
    right = _collect(ground, question.b, versions[1])
    topics = sorted({*left, *right}, key=Topic.order)
    differences = [_tell(topic, left, right) for topic in topics if not _agree(left.get(topic), right.get(topic))]
    return DiffFindings(differences=tuple(differences), names=names, recorded=True, same=len(topics) - len(differences))


def _agree(one: Stated | None, other: Stated | None) -> bool:
    """Whether two facts are the same; a flag and a number never are, though Python takes True for 1."""
    return one == other and (one is None or other is None or type(one.value) is type(other.value))


def _tell(topic: Topic, left: Facts, right: Facts) -> Difference:
    a, b = left.get(topic), right.get(topic)
    return Difference(
        a=UNSET if a is None else a.value,
        area=topic.area,
        b=UNSET if b is None else b.value,
        key=topic.key,
        sealed=any(each is not None and each.sealed for each in (a, b)),
    )


def _collect(ground: Ground, stream: str, version: Version) -> Facts:
    """The facts of a version; where an entry says again what one before it said, the newest counts."""
    run = () if version.run is UNSET else ground.events(f"run/{version.run}")
    own = ground.events(stream)
    registered = find(ground, version.made, ModelRegistered, stream)
    told = (*_of_registration(registered), *_of_sources(ground, registered, run), *_of_run(run), *_of_life(ground, stream, own))
    return {topic: stated for topic, stated in dict(told).items() if stated.value is not UNSET}


def _of_registration(event: ModelRegistered) -> Iterator[Fact]:
    yield from _state(
        "registration",
        architecture=event.architecture,
        derivation=event.derivation,
        format=event.format,
        licence=event.licence,
        parameterCount=event.parameter_count,
        precision=event.precision,
    )


def _of_sources(ground: Ground, registered: ModelRegistered, run: Sequence[Told]) -> Iterator[Fact]:
    """What the version was made of, each with all that it was used as: by the registration, then by the run."""
    used = [("data", f"data/{each}", "training") for each in registered.data]
    used += [("parents", f"version/{each}", registered.derivation) for each in registered.parents]
    for started in [each.event for each in run if isinstance(each.event, TrainingStarted)]:
        used += [("data", f"data/{each.data}", each.role) for each in started.inputs]
        used += [("parents", f"version/{each}", BASE) for each in started.base_versions]
    for area in SOURCES:
        for stream in dict.fromkeys(stream for found, stream, _ in used if found == area):
            roles = dict.fromkeys(role for _, each, role in used if each == stream)
            yield Topic(area, title(ground, stream), (stream,)), Stated(", ".join([*roles, *_withdrawn(ground, stream)]))


def _withdrawn(ground: Ground, stream: str) -> tuple[str, ...]:
    data = read(ground, stream, Data) if stream.startswith("data/") else None
    return () if data is None or data.withdrawn is UNSET else ("withdrawn",)


def _of_run(told: Sequence[Told]) -> Iterator[Fact]:
    for each in told:
        event = each.event
        if isinstance(event, TrainingStarted):
            yield from _of_start(event)
        elif isinstance(event, TrainingFinished):
            yield from (_measure(metric, "in training") for metric in event.metrics)


def _of_start(event: TrainingStarted) -> Iterator[Fact]:
    yield from _state(
        "code",
        containerDigest=event.container_digest,
        dirtyDigest=event.dirty_digest,
        entryPoint=event.entry_point,
        gitCommit=event.git_commit,
    )
    yield from _state("environment", environmentDigest=event.environment_digest, hardwareClass=event.hardware_class)
    yield from _state("seed", seed=event.seed)
    for parameter in event.parameters:
        yield _set(HYPERPARAMETER, parameter.key, parameter.value)


def _of_life(ground: Ground, stream: str, told: Sequence[Told]) -> Iterator[Fact]:
    """What was set, measured and decided since the version was registered."""
    for each in told:
        event = each.event
        if isinstance(event, ParameterChanged) and event.of.stream() == stream:
            yield _set(event.target, event.path, event.new)
        elif isinstance(event, EvaluationCompleted) and stream == f"version/{event.version}":
            where = "evaluated" if event.dataset_role is UNSET else f"on {event.dataset_role}"
            yield from (_measure(metric, where) for metric in event.results)
        elif isinstance(event, ApprovalDecided) and event.of.thing() == stream and event.decision != "revoke":
            yield _decide(ground, each.index, event)


def _decide(ground: Ground, index: int, event: ApprovalDecided) -> Fact:
    """Each decision by itself: whoever approves later has not taken back what he rejected before."""
    place = f"approval/{event.event_id}"
    state = read(ground, place, Approval)
    if state is None:
        raise failure("state-record", f"{place} is not recorded, though entry {index} decided it")
    # Only an approval can expire: a rejection blocks until it is revoked.
    standing = weigh(ground, state) if event.decision == "approve" else state.status
    key = f"{event.of.environment} by {event.actor} in entry {index}"
    return Topic("approvals", key, (event.event_id,)), Stated(f"{event.decision}, {standing}")


def _state(area: Area, **stated: str | int | Absent) -> Iterator[Fact]:
    yield from ((Topic(area, key, (key,)), Stated(value)) for key, value in stated.items())


def _set(target: str, path: str, value: Listed | Absent) -> Fact:
    """What a parameter was set to; without a value it was unset."""
    key = path if target == HYPERPARAMETER else f"{target} {path}"
    return Topic("parameters", key, (target, path)), Stated(UNSET) if value is UNSET else _show(value)


def _measure(metric: Metric, where: str) -> Fact:
    key = f"{metric.metric} {where}{_name_slice(metric.slice)}"
    return Topic("metrics", key, (metric.metric, where, order_of_slice(metric.slice))), Stated(metric.value)


def _show(value: Listed) -> Stated:
    """A value of a parameter; of a text that is not shown its digest, or where there is none the commitment."""
    if isinstance(value, SealedText):
        return Stated(f"sha256:{value.digest}")
    return Stated(f"sealed:{value.sealed}", sealed=True) if isinstance(value, Sealed) else Stated(value)


def _name_slice(conditions: Slice) -> str:
    """` (region=eu, segment=sme)`; nothing for the whole."""
    listed = ", ".join(f"{each.key}={_write(_show(each.value).value)}" for each in conditions)
    return f" ({listed})" if listed else ""


def _write(value: Scalar | Absent) -> str:
    """A value as JSON writes it, a text without its quotes."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
