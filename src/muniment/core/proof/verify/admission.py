"""What speaks against the start of a version, told to a person (core.proof.inquiry.gate)."""

from __future__ import annotations

from collections.abc import Iterator

from muniment.core.format import digest
from muniment.core.proof.inquiry import GateFindings, Objection
from muniment.core.proof.part import UNSET


def tell_admission(findings: GateFindings, when: str) -> Iterator[str]:
    """Whether it may start, then every objection and what lifts it."""
    place = findings.place.removeprefix("deployment/")
    name = call_version(findings)
    verb = "may" if findings.allowed else "must not"
    yield f"{when}, {name} {verb} start as {place}."
    for objection in findings.objections:
        lifted = "" if objection.waiver is UNSET else f" The waiver {objection.waiver} lifts this until {findings.until} at least."
        yield f"{tell_objection(objection, findings)}{lifted}"


def call_version(findings: GateFindings) -> str:
    """What the version is called; the beginning of its digest where the ledger does not know it."""
    kind, _, rest = findings.title.partition("/")
    return digest.short(rest) if kind == "version" else findings.title


def tell_objection(objection: Objection, findings: GateFindings) -> str:
    """One thing that speaks against the start, as a sentence."""
    place, version = findings.place.removeprefix("deployment/"), call_version(findings)
    entry = "" if objection.index is UNSET else f"entry {objection.index}"
    last = objection.called[-1] if objection.called else objection.about[-1]
    match objection.rule:
        case "not-deployed":
            return f"By the record nothing runs as {place}{f': it was stopped by {entry}' if entry else ''}."
        case "other-version":
            return f"By the record {place} runs {last}, since {entry}."
        case "unknown":
            return f"The ledger does not know the version {version}: it was never registered."
        case "retired":
            return f"{version} is retired."
        case "hold":
            return f"{version} is on hold: an incident that holds it is open."
        case "withdrawn":
            return f"{last} was withdrawn ({entry}), and {version} was made of it: {' <- '.join(objection.called)}."
        case "ancestry-limit":
            return f"What {version} was made of is more than can be looked through."
        case "waiver-expired":
            return f"{version} was let in by a waiver, {objection.about[0]}, and that has ended."
        case "approval-disputed" | "waiver-disputed":
            kind = objection.rule.partition("-")[0]
            key = digest.short(objection.about[-1].partition("/")[2])
            return (
                f"{kind.capitalize()} disputed: {objection.about[0]}, which the deployment relied on, was signed with key {key}, "
                f"which others may have held from {entry} on."
            )
