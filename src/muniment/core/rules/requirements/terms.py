"""Licences and purposes of all that a version was made of, and whether that is known to its origins."""

from __future__ import annotations

from collections.abc import Iterator

from muniment.core.rules.policy import DataTerms
from muniment.core.rules.records import Data
from muniment.core.rules.requirements.case import Finding
from muniment.core.rules.requirements.scene import MAX_TOLD, Scene, list_some


def judge_terms(scene: Scene, place: str, terms: DataTerms) -> Iterator[Finding]:
    """One finding for each kind of term that the environment names."""
    if terms.licences:
        under = f"{place} takes what is licensed under {' or '.join(terms.licences)}."
        yield _find(scene, "licence", under, list(_find_licences(scene, terms)), "Train without it")
    if terms.purposes:
        allowed = f"{place} takes data that may be used for {' and '.join(terms.purposes)}."
        yield _find(scene, "purpose", allowed, list(_find_purposes(scene, terms)), "Train without it")
    if not terms.allow_unknown_ancestry:
        unknown = [f"Nobody said what {scene.name(each)} was made of" for each in scene.ancestry.unknown]
        known = f"{place} takes versions of which all origins are known."
        yield _find(scene, "unknown-ancestry", known, unknown, "Register a version that names its run or its data")


def _find(scene: Scene, rule: str, required: str, wrong: list[str], mend: str) -> Finding:
    waiver = f"`muniment waive {rule} {scene.title} {scene.case.environment} --for 24h`"
    return Finding(
        rule=rule, required=required, met=not wrong, found=list_some(wrong), mend=f"{mend}, or have it waived for a time: {waiver}."
    )


def _find_licences(scene: Scene, terms: DataTerms) -> Iterator[str]:
    """Data sets that state no listed licence, and versions that state another one."""
    for step in scene.ancestry.steps[1:]:
        data = scene.world.read(step.stream, Data) if step.stream.startswith("data/") else None
        licence = scene.ancestry.origins[step.stream].licence if data is None else data.licence or ""
        if licence and licence not in terms.licences:
            yield f"{scene.name(step.stream)} is under {licence}"
        elif data is not None and not licence:
            yield f"{scene.name(step.stream)} states no licence"


def _find_purposes(scene: Scene, terms: DataTerms) -> Iterator[str]:
    for step in scene.ancestry.steps[1:]:
        data = scene.world.read(step.stream, Data) if step.stream.startswith("data/") else None
        lacking = [] if data is None else sorted(set(terms.purposes) - set(data.purposes))
        if lacking:
            more = f" and {len(lacking) - MAX_TOLD} more" if len(lacking) > MAX_TOLD else ""
            yield f"{scene.name(step.stream)} is not for {', '.join(lacking[:MAX_TOLD])}{more}"
