"""The findings of an inquiry told to a person: the sentences that answer the question (docs/spec, section 10.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import singledispatch
from types import MappingProxyType

from muniment.core.format import digest
from muniment.core.proof.inquiry import (
    BlameFindings,
    BlameQuestion,
    ClaimFindings,
    ClaimQuestion,
    Derived,
    Difference,
    DiffFindings,
    Findings,
    GateFindings,
    HistoryFindings,
    ImpactFindings,
    ImpactQuestion,
    LineageFindings,
    LineageQuestion,
    Setting,
    Witness,
    path_to,
)
from muniment.core.proof.part import UNSET, Absent
from muniment.core.proof.verify.admission import tell_admission
from muniment.core.proof.verify.deeds import name_stream
from muniment.core.proof.verify.verified import Verified
from muniment.errors import InvariantError


def tell_findings(verified: Verified) -> Iterator[str]:
    """What was found, as of the newest block that the answer shows; nothing where the question asked for no findings."""
    findings = verified.result.findings
    if isinstance(findings, Findings):
        yield from _tell(findings, verified, f"As of block {verified.head.height}")


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 event`, `14 events`."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


@singledispatch
def _tell(findings: Findings, verified: Verified, when: str) -> Iterator[str]:
    raise InvariantError(f"{type(findings).__name__} has no words")


@_tell.register
def _gate(findings: GateFindings, verified: Verified, when: str) -> Iterator[str]:
    yield from tell_admission(findings, when)


@_tell.register
def _history(findings: HistoryFindings, verified: Verified, when: str) -> Iterator[str]:
    name = name_stream(findings.streams[0].stream)
    if not findings.count:
        yield f"{when}, {name} was never recorded."
        return
    yield f"{when}, {name} has {count(findings.count, 'event')}: {'this one' if findings.count == 1 else 'these'}, and no others."
    if len(findings.streams) > 1:
        for span in findings.streams:
            yield f"{name_stream(span.stream)}: {count(span.count, 'event')}."


@_tell.register
def _impact(findings: ImpactFindings, verified: Verified, when: str) -> Iterator[str]:
    if not findings.things and isinstance(verified.question, ImpactQuestion):
        of = name_stream(verified.question.of)
        missing = f"no version of {of} is recorded" if of.startswith(("dataset/", "model/")) else f"{of} was never recorded"
        yield f"{when}, {missing}, so that nothing was made of it."
        return
    roots = " and ".join(each.name for each in findings.things if each.near is UNSET)
    versions = findings.versions()
    if not versions:
        yield f"{when}, no version learned from {roots}, through any number of steps."
        return
    yield f"{when}, {count(len(versions), 'version')} learned from {roots}, through any number of steps, and no others:"
    names = {each.stream: each.name for each in findings.things}
    for version in versions:
        path = [names[stream] for stream in path_to(findings.things, version.stream) if stream in names]
        yield f"{' <- '.join(reversed(path))}."
    running = [f"{each.name} runs {names[each.version]} since entry {each.since}" for each in findings.deployments]
    yield f"Running now: {'; '.join(running)}." if running else "None of them runs anywhere now."


@_tell.register
def _lineage(findings: LineageFindings, verified: Verified, when: str) -> Iterator[str]:
    question = verified.question
    if not isinstance(question, LineageQuestion):
        return
    up = question.direction == "up"
    if not findings.things:
        yield f"{when}, {name_stream(question.of)} was never recorded, so that nothing is known of its lineage."
        return
    root, *others = findings.things
    verb = f"{root.name} was made of" if up else f"what was made of {root.name} is"
    yield f"{when}, {verb} {count(len(others), 'thing') if others else 'nothing that is recorded'}{':' if others else '.'}"
    names = {each.stream: each.name for each in findings.things}
    for each in others:
        yield _tell_step(each, names, up)
    for stream in findings.unknown:
        yield f"Nobody said what {names.get(stream, name_stream(stream))} was made of."
    if findings.exceeded:
        yield "The walk ended at its limit of 4,096 things; there are more."


def _tell_step(each: Derived, names: Mapping[str, str], up: bool) -> str:
    near = "" if each.near is UNSET else names.get(each.near, each.near)
    via = "" if each.via is UNSET else f", in {each.via}"
    return f"{each.name}: {each.relation} {'for' if up else 'from'} {near}{via}."


@_tell.register
def _blame(findings: BlameFindings, verified: Verified, when: str) -> Iterator[str]:
    question = verified.question
    what = f"{question.target} {question.path}" if isinstance(question, BlameQuestion) else "the parameter"
    if not findings.settings:
        yield f"{when}, {what} of {name_stream(findings.name)} was never set."
        return
    *earlier, last = findings.settings
    yield f"{when}, {what} of {findings.name} is {_value(last)}, {_who(last)} (header time, as all times below)."
    for each in reversed(earlier):
        yield f"Before that it was {_value(each)}, {_who(each)}."


def _value(setting: Setting) -> str:
    if setting.digest is not UNSET:
        return f"a sealed text (SHA-256 {digest.short(setting.digest)})"
    if setting.sealed is not UNSET:
        return "a sealed value"
    return "not set" if setting.value is UNSET else _scalar(setting.value)


def _who(setting: Setting) -> str:
    behalf = f" for {', '.join(setting.on_behalf_of)}" if setting.on_behalf_of else ""
    ticket = "" if setting.ticket is UNSET else f", ticket {setting.ticket}"
    return f"set by {setting.actor}{behalf} in entry {setting.index} ({setting.event}), sealed at {setting.time}{ticket}"


@_tell.register
def _diff(findings: DiffFindings, verified: Verified, when: str) -> Iterator[str]:
    one, other = map(name_stream, findings.names)
    if not findings.recorded:
        yield f"{when}, {one} and {other} cannot be compared: not both are recorded."
        return
    total = findings.same + len(findings.differences)
    yield f"{when}, {one} and {other} differ in {len(findings.differences)} of {count(total, 'recorded fact')}."
    for each in findings.differences:
        yield _tell_difference(each)


def _tell_difference(each: Difference) -> str:
    note = "; sealed, so equal texts may look different" if each.sealed else ""
    return f"{each.area}, {each.key}: {_scalar(each.a)} | {_scalar(each.b)}{note}."


def _scalar(value: int | bool | str | Absent) -> str:
    if value is UNSET:
        return "nothing"
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


_CLAIMS: Mapping[str, str] = MappingProxyType(
    {
        "approved": "is approved",
        "deployed": "was deployed",
        "never-deployed": "was never deployed",
        "not-approved": "is not approved",
        "not-on-hold": "is not on hold",
        "not-withdrawn": "is not withdrawn",
        "on-hold": "is on hold",
        "withdrawn": "is withdrawn",
    }
)


@_tell.register
def _claim(findings: ClaimFindings, verified: Verified, when: str) -> Iterator[str]:
    question = verified.question
    if not isinstance(question, ClaimQuestion):
        return
    where = f" {'to' if 'deployed' in question.claim else 'for'} "
    said = _CLAIMS[question.claim] + ("" if question.environment is UNSET else where + question.environment)
    verdict = "That holds" if findings.holds else "That does not hold"
    name = name_stream(findings.name)
    yield f'{when}: "{name} {said}". {verdict}.'
    if not findings.recorded:
        yield f"{name} was never recorded."
    for witness in findings.witnesses:
        yield _tell_witness(witness)


def _tell_witness(witness: Witness) -> str:
    standing = {"counts": "it counts", "recorded": "recorded"}.get(witness.standing, f"{witness.standing} now")
    expires = "" if witness.expires is UNSET else f"; expires {witness.expires}"
    return f"{name_stream(witness.stream)}, by {witness.actor} in entry {witness.index}: {standing}{expires}."
