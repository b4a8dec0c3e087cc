"""How two versions differ: what they learned from, how they were made, what was measured, who decided about them.

Each side is a set of facts under an area and a key, read from the version's complete stream and that of its run; the findings
list the keys whose facts differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, get_args

import msgspec

from muniment.core.format.encoding import Integer, Natural
from muniment.core.format.statement import Sealed
from muniment.core.proof.inquiry.claim import weigh
from muniment.core.proof.inquiry.ground import Ground, Told, failure, find, read, title
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
from muniment.core.rules.events.value import Slice
from muniment.core.rules.records import Approval, Data, Version

Area = Literal["registration", "data", "parents", "parameters", "code", "environment", "seed", "metrics", "approvals"]
Scalar = Integer | bool | Text
Fact = tuple[Area, str, Scalar, bool]

AREAS: tuple[Area, ...] = get_args(Area)
Listed = int | bool | str | Sealed | SealedText


class DiffQuestion(Part, frozen=True, kw_only=True, tag_field="ask", tag="diff"):
    """How do two versions differ?"""

    a: Stream
    b: Stream

    def about(self) -> tuple[str, ...]:
        """The streams that the question is about."""
        return (self.a, self.b)


class Difference(Part, frozen=True, kw_only=True):
    """A fact of one version that is another one, or none, of the other.

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


def evaluate(question: DiffQuestion, ground: Ground) -> DiffFindings:
    """The facts of both versions, compared. Nothing is compared with a version that is not recorded."""
    names = title(ground, question.a), title(ground, question.b)
    versions = read(ground, question.a, Version), read(ground, question.b, Version)
    if versions[0] is None or versions[1] is None:
        return DiffFindings(names=names, recorded=False)
    left = _collect(ground, question.a, versions[0])
    right = _collect(ground, question.b, versions[1])
    keys = sorted({*left, *right}, key=lambda key: (AREAS.index(key[0]), key[1]))
    differences = []
    for area, key in keys:
        one, other = left.get((area, key)), right.get((area, key))
        if _differ(one, other):
            sealed = (one is not None and one[1]) or (other is not None and other[1])
            mine, theirs = UNSET if one is None else one[0], UNSET if other is None else other[0]
            differences.append(Difference(a=mine, area=area, b=theirs, key=key, sealed=sealed))
    return DiffFindings(differences=tuple(differences), names=names, recorded=True, same=len(keys) - len(differences))


def _differ(one: tuple[Scalar, bool] | None, other: tuple[Scalar, bool] | None) -> bool:
    """Whether two facts differ; a flag and a number never are the same, though Python takes True for 1."""
    return one != other or (one is not None and other is not None and type(one[0]) is not type(other[0]))


def _collect(ground: Ground, stream: str, version: Version) -> dict[tuple[Area, str], tuple[Scalar, bool]]:
    """The facts of a version; where an entry says again what one before it said, the newest counts."""
    facts: dict[tuple[Area, str], tuple[Scalar, bool]] = {}
    run = () if version.run is UNSET else ground.events(f"run/{version.run}")
    own = ground.events(stream)
    registered = find(ground, version.made, ModelRegistered, stream)
    for area, key, value, sealed in (*_of_registration(ground, registered), *_of_run(ground, run), *_of_life(ground, stream, own)):
        # No clear text is empty: so is written that a parameter was unset.
        if area == "parameters" and value == "":
            facts.pop((area, key), None)
        else:
            facts[area, key] = value, sealed
    return facts


def _of_registration(ground: Ground, event: ModelRegistered) -> Iterator[Fact]:
    stated = {
        "architecture": event.architecture,
        "derivation": event.derivation,
        "format": event.format,
        "licence": event.licence,
        "parameterCount": event.parameter_count,
        "precision": event.precision,
    }
    for key, value in stated.items():
        if value is not UNSET:
            yield "registration", key, value, False
    for digest in event.data:
        yield _name_data(ground, digest, "training")
    for digest in event.parents:
        yield "parents", title(ground, f"version/{digest}"), event.derivation, False


def _of_run(ground: Ground, told: Sequence[Told]) -> Iterator[Fact]:
    for each in told:
        event = each.event
        if isinstance(event, TrainingStarted):
            yield from _of_start(ground, event)
        elif isinstance(event, TrainingFinished):
            for metric in event.metrics:
                yield "metrics", _name_metric(metric, "in training"), metric.value, False


def _of_start(ground: Ground, event: TrainingStarted) -> Iterator[Fact]:
    stated: dict[str, tuple[Area, str | int | Absent]] = {
        "containerDigest": ("code", event.container_digest),
        "dirtyDigest": ("code", event.dirty_digest),
        "entryPoint": ("code", event.entry_point),
        "environmentDigest": ("environment", event.environment_digest),
        "gitCommit": ("code", event.git_commit),
        "hardwareClass": ("environment", event.hardware_class),
        "seed": ("seed", event.seed),
    }
    for key, (area, value) in stated.items():
        if value is not UNSET:
            yield area, key, value, False
    for parameter in event.parameters:
        yield "parameters", parameter.key, *_show(parameter.value)
    roles: dict[str, list[str]] = {}
    for each in event.inputs:
        roles.setdefault(each.data, []).append(each.role)
    for digest, listed in roles.items():
        yield _name_data(ground, digest, ", ".join(listed))
    for digest in event.base_versions:
        yield "parents", title(ground, f"version/{digest}"), "base", False


def _of_life(ground: Ground, stream: str, told: Sequence[Told]) -> Iterator[Fact]:
    """What was set, measured and decided since the version was registered."""
    for each in told:
        event = each.event
        if isinstance(event, ParameterChanged) and event.of.stream() == stream:
            key = event.path if event.target == "hyperparameter" else f"{event.target} {event.path}"
            yield "parameters", key, *(("", False) if event.new is UNSET else _show(event.new))
        elif isinstance(event, EvaluationCompleted) and stream == f"version/{event.version}":
            role = "evaluated" if event.dataset_role is UNSET else f"on {event.dataset_role}"
            for metric in event.results:
                yield "metrics", _name_metric(metric, role), metric.value, False
        elif isinstance(event, ApprovalDecided) and event.of.thing() == stream and event.decision != "revoke":
            place = f"approval/{event.event_id}"
            state = read(ground, place, Approval)
            if state is None:
                raise failure("state-record", f"{place} is not recorded, though entry {each.index} decided it")
            standing = weigh(ground, state)
            yield "approvals", f"{event.of.environment} by {event.actor}", f"{event.decision}, {standing}", False


def _show(value: Listed) -> tuple[Scalar, bool]:
    """A value of a parameter; of a text that is not shown its digest, or where there is none the commitment."""
    if isinstance(value, SealedText):
        return f"sha256:{value.digest}", False
    return (f"sealed:{value.sealed}", True) if isinstance(value, Sealed) else (value, False)


def _name_data(ground: Ground, digest: str, role: str) -> Fact:
    stream = f"data/{digest}"
    data = read(ground, stream, Data)
    withdrawn = "" if data is None or data.withdrawn is UNSET else ", withdrawn"
    return "data", title(ground, stream), f"{role}{withdrawn}", False


def _name_metric(metric: Metric, where: str) -> str:
    return f"{metric.metric} {where}{_name_slice(metric.slice)}"


def _name_slice(conditions: Slice) -> str:
    """` (region=eu, segment=sme)`; nothing for the whole."""
    listed = ", ".join(f"{each.key}={_show(each.value)[0]}" for each in conditions)
    return f" ({listed})" if listed else ""
