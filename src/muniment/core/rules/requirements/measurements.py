"""Thresholds: met by arithmetic over what was measured, never by a claim."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from muniment.core.format import decimal
from muniment.core.format.decimal import Comparator
from muniment.core.rules.policy import Threshold
from muniment.core.rules.requirements.case import Finding
from muniment.core.rules.requirements.scene import MAX_TOLD, Measured, Scene, list_some

_WORDS: Mapping[Comparator, str] = MappingProxyType(
    {"eq": "exactly", "ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
)


def judge_threshold(scene: Scene, place: str, threshold: Threshold) -> Finding:
    """Is there a measurement of the version, among those named, that meets the threshold?"""
    wanted = f"{threshold.metric} of {_WORDS[threshold.comparator]} {threshold.threshold} on {threshold.dataset_role} data"
    by, found = [], []
    for each in scene.measured:
        told = _why_not(each, threshold)
        if told:
            found.append(f"entry {each.evaluation.index}: {told}")
        else:
            by.append(each.stream)
    return Finding(
        rule="evaluations",
        required=f"{place} asks for {wanted}.",
        met=bool(by),
        by=tuple(by),
        found="" if by else f"Not met by {list_some(found)}" if found else "No measurement that is named shows it.",
        missing=() if by else (wanted,),
        mend=f"Measure it: `muniment evaluate {scene.title} --metric {threshold.metric}=VALUE --role {threshold.dataset_role}`.",
    )


def _why_not(measured: Measured, threshold: Threshold) -> str:
    """Why a measurement does not meet a threshold; nothing where it does."""
    said = measured.said
    values = said.values.get(threshold.metric)
    if not values:
        return f"it says nothing of {threshold.metric} on the whole of its data"
    if said.dataset_role != threshold.dataset_role:
        role = "data of no named role" if said.dataset_role is msgspec.UNSET else f"{said.dataset_role} data"
        return f"it measured on {role}"
    missed = [each for each in values if not decimal.holds(each, threshold.comparator, threshold.threshold)]
    if missed:
        return f"{threshold.metric} was {', '.join(missed[:MAX_TOLD])}"
    return "its plan was not met" if measured.evaluation.passed is False else ""
